/**
 * The step from the actual to the desired table `inet enid`, by elements: a table that stands is
 * never replaced, since between its end and its return replies would leave by main (16 of 91 357
 * round trips lost; none by elements). Pure.
 */

import { overlaps } from '../../../lib/ip/cidr.ts';
import {
  type Change,
  type Desired,
  type Family,
  type Hook,
  type ReplyRule,
  type ReplyStep,
  type ReplyTable,
  replyNames,
  type TableRecord,
} from '../../model.ts';
import { isReplyTable, replyHook, replyMask } from '../desired/reply-table.ts';
import { altered, type Conflict, missing, notDesired } from './ownership.ts';

const families: readonly Family[] = [4, 6];

export interface ReplyState {
  readonly desired: Pick<Desired, 'replies' | 'unknownMacs'>;
  /** Null: there is none; undefined: it could not be read. */
  readonly table: TableRecord | null | undefined;
  /** False: the metadata is remembered, and the service has not confirmed it. */
  readonly isConfirmed: boolean;
}

export interface ReplyDifference {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

const none: ReplyDifference = { changes: [], conflicts: [] };
/** It belongs to the host, not to an ENI. */
const ofHost = { mac: '', linkName: '' };

/** Nothing is taken out of the table while an ENI is unknown. */
export function diffReplies({ desired, table, isConfirmed }: ReplyState): ReplyDifference {
  const { replies, unknownMacs } = desired;
  if (table === undefined || replies === undefined) return none;
  if (table !== null && !isReplyTable(table)) {
    const reason = `another program has a table inet ${replyNames.table}: rename it, or set \`replies: off\``;
    return replies === null ? none : { changes: [], conflicts: [{ ...ofHost, reason }] };
  }
  const keeps = unknownMacs.length > 0 || !isConfirmed;
  if (replies === null) {
    if (table === null || keeps) return none;
    return { changes: [{ ...ofHost, reason: notDesired, kind: 'remove-replies' }], conflicts: [] };
  }
  const steps = diffReplyTable(replies, table, keeps);
  if (steps.length === 0) return none;
  const reason = table === null ? missing : altered;
  return { changes: [{ ...ofHost, reason, kind: 'set-replies', steps, wanted: replies }], conflicts: [] };
}

/** `actual` null: there is none. `keeps`: what is not desired stays. */
export function diffReplyTable(desired: ReplyTable, actual: TableRecord | null, keeps = false): ReplyStep[] {
  if (actual === null) return buildTable(desired);
  if (!isUsable(actual)) return [{ kind: 'delete-table' }, ...buildTable(desired)];
  const chains = new Map(actual.chains.map((chain) => [chain.name, chain]));
  const maps = families.filter((family) => !actual.maps.some(({ name }) => name === replyNames.maps[family]));
  const elements = families.map((family) => diffElements(desired, actual, family, keeps));
  const stray = keeps
    ? []
    : [...chains.keys()].filter((name) => name !== replyNames.chain && !desired.chains.has(name));
  return [
    ...[...desired.chains].flatMap(([chain, mark]) => diffChain(chain, null, listMarkRules(mark), chains)),
    ...maps.map((family): ReplyStep => ({ kind: 'add-map', map: replyNames.maps[family], family })),
    // An element that leads to another chain goes before it comes again.
    ...elements.flatMap(({ gone }) => gone),
    ...elements.flatMap(({ added }) => added),
    ...diffChain(replyNames.chain, replyHook, replyRules, chains),
    ...stray.map((chain): ReplyStep => ({ kind: 'delete-chain', chain })),
  ];
}

/** A map of another type or a chain at another hook cannot be changed in its place. */
function isUsable({ chains, maps }: TableRecord): boolean {
  const isHooked = chains.every(({ name, hook }) =>
    name === replyNames.chain
      ? hook?.number === replyHook.number && hook.priority === replyHook.priority
      : hook === null,
  );
  return (
    isHooked &&
    families.every((family) => maps.every((map) => map.name !== replyNames.maps[family] || map.family === family))
  );
}

function buildTable(desired: ReplyTable): ReplyStep[] {
  return [{ kind: 'add-table' }, ...diffReplyTable(desired, { chains: [], maps: [] })];
}

type Rules = ReadonlyMap<string, ReplyRule>;

const replyRules: Rules = new Map<string, ReplyRule>([
  ['not a reply', { kind: 'leave-original' }],
  ['not translated', { kind: 'leave-untranslated' }],
  ['opened to an IPv4 address of an ENI', { kind: 'look-up', family: 4 }],
  ['opened to an IPv6 address of an ENI', { kind: 'look-up', family: 6 }],
]);

function listMarkRules(mark: number): Rules {
  const comment = `by fwmark 0x${mark.toString(16)}/0x${replyMask.toString(16)}`;
  return new Map([[comment, { kind: 'mark', mark, mask: replyMask }]]);
}

function diffChain(
  name: string,
  hook: Hook | null,
  rules: Rules,
  chains: ReadonlyMap<string, TableRecord['chains'][number]>,
): ReplyStep[] {
  const present = chains.get(name);
  const comments = [...rules.keys()];
  const isSame =
    present?.rules.length === comments.length && present.rules.every(({ comment }, at) => comment === comments[at]);
  if (isSame) return [];
  return [
    ...(present === undefined ? [{ kind: 'add-chain', chain: name, hook } as const] : []),
    ...(present?.rules ?? []).map(({ handle }): ReplyStep => ({ kind: 'delete-rule', chain: name, handle })),
    ...[...rules].map(([comment, rule]): ReplyStep => ({ kind: 'add-rule', chain: name, comment, rule })),
  ];
}

function diffElements(
  { sources }: ReplyTable,
  { maps }: TableRecord,
  family: Family,
  keeps: boolean,
): { readonly gone: readonly ReplyStep[]; readonly added: readonly ReplyStep[] } {
  const wanted = sources[family];
  const map = replyNames.maps[family];
  const present = maps.find(({ name }) => name === map)?.elements ?? new Map<string, string>();
  const pick = (from: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>) =>
    [...from].filter(([cidr, chain]) => other.get(cidr) !== chain);
  const added = pick(wanted, present);
  const all = pick(present, wanted);
  // A range that is no prefix is another program's.
  const isInTheWay = (cidr: string) => cidr.includes('-') || added.some(([other]) => overlaps(cidr, other));
  const gone = keeps ? all.filter(([cidr]) => isInTheWay(cidr)) : all;
  return {
    gone: gone.length === 0 ? [] : [{ kind: 'delete-elements', map, elements: new Map(gone) }],
    added: added.length === 0 ? [] : [{ kind: 'add-elements', map, elements: new Map(added) }],
  };
}
