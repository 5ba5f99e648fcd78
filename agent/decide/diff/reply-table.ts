/**
 * The step from the actual to the desired table `inet enid`, by elements: a table that stands is
 * never replaced, since between its end and its return replies would leave by main (16 of 91 357
 * round trips lost; none by elements). Pure.
 */

import type { Family, Hook, TableRecord } from '../../model.ts';
import { type ReplyTable, replyChain, replyHook, replyMaps, replyMask } from '../desired/reply-table.ts';

/** What a rule of the table says; the comment is how the same rule is known again. */
export type ReplyRule =
  | { readonly kind: 'leave-original' }
  | { readonly kind: 'leave-untranslated' }
  | { readonly kind: 'look-up'; readonly family: Family }
  | { readonly kind: 'mark'; readonly mark: number; readonly mask: number };

/** One step of a batch, which is carried out as a whole or not at all. */
export type ReplyChange =
  | { readonly kind: 'add-table' }
  | { readonly kind: 'delete-table' }
  | { readonly kind: 'add-chain'; readonly chain: string; readonly hook: Hook | null }
  | { readonly kind: 'delete-chain'; readonly chain: string }
  | { readonly kind: 'add-rule'; readonly chain: string; readonly comment: string; readonly rule: ReplyRule }
  | { readonly kind: 'delete-rule'; readonly chain: string; readonly handle: bigint }
  | { readonly kind: 'add-map'; readonly map: string; readonly family: Family }
  | {
      readonly kind: 'add-elements' | 'delete-elements';
      readonly map: string;
      readonly elements: ReadonlyMap<string, string>;
    };

const families: readonly Family[] = [4, 6];

/** `desired` null: there should be no table. `actual` null: there is none. */
export function diffReplyTable(desired: ReplyTable | null, actual: TableRecord | null): ReplyChange[] {
  if (desired === null) return actual === null ? [] : [{ kind: 'delete-table' }];
  if (actual === null) return buildTable(desired);
  if (!isUsable(actual)) return [{ kind: 'delete-table' }, ...buildTable(desired)];
  const chains = new Map(actual.chains.map((chain) => [chain.name, chain]));
  const maps = families.filter((family) => !actual.maps.some(({ name }) => name === replyMaps[family]));
  const elements = families.map((family) => diffElements(desired, actual, family));
  const stray = [...chains.keys()].filter((name) => name !== replyChain && !desired.chains.has(name));
  return [
    ...[...desired.chains].flatMap(([chain, mark]) => diffChain(chain, null, listMarkRules(mark), chains)),
    ...maps.map((family): ReplyChange => ({ kind: 'add-map', map: replyMaps[family], family })),
    // An element that leads to another chain goes before it comes again.
    ...elements.flatMap(({ gone }) => gone),
    ...elements.flatMap(({ added }) => added),
    ...diffChain(replyChain, replyHook, replyRules, chains),
    ...stray.map((chain): ReplyChange => ({ kind: 'delete-chain', chain })),
  ];
}

/** A map of another type or a chain at another hook cannot be changed in its place. */
function isUsable({ chains, maps }: TableRecord): boolean {
  const isHooked = chains.every(({ name, hook }) =>
    name === replyChain ? hook?.number === replyHook.number && hook.priority === replyHook.priority : hook === null,
  );
  return (
    isHooked && families.every((family) => maps.every((map) => map.name !== replyMaps[family] || map.family === family))
  );
}

function buildTable(desired: ReplyTable): ReplyChange[] {
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
): ReplyChange[] {
  const present = chains.get(name);
  const comments = [...rules.keys()];
  const isSame =
    present?.rules.length === comments.length && present.rules.every(({ comment }, at) => comment === comments[at]);
  if (isSame) return [];
  return [
    ...(present === undefined ? [{ kind: 'add-chain', chain: name, hook } as const] : []),
    ...(present?.rules ?? []).map(({ handle }): ReplyChange => ({ kind: 'delete-rule', chain: name, handle })),
    ...[...rules].map(([comment, rule]): ReplyChange => ({ kind: 'add-rule', chain: name, comment, rule })),
  ];
}

function diffElements(
  { sources }: ReplyTable,
  { maps }: TableRecord,
  family: Family,
): { readonly gone: readonly ReplyChange[]; readonly added: readonly ReplyChange[] } {
  const wanted = sources[family];
  const present = maps.find(({ name }) => name === replyMaps[family])?.elements ?? new Map<string, string>();
  const pick = (from: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>) =>
    new Map([...from].filter(([cidr, chain]) => other.get(cidr) !== chain));
  const [gone, added] = [pick(present, wanted), pick(wanted, present)];
  const map = replyMaps[family];
  return {
    gone: gone.size === 0 ? [] : [{ kind: 'delete-elements', map, elements: gone }],
    added: added.size === 0 ? [] : [{ kind: 'add-elements', map, elements: added }],
  };
}
