/** All about one ENI: `enid status ENI`, as text and as JSON. Pure. */

import { countOf } from '../../lib/text/count.ts';
import { escapeLine } from '../../lib/text/printable.ts';
import { formatAge, formatTime } from '../../lib/text/time.ts';
import type { StatusRow } from './status-row.ts';
import { describeDevice, type PaintState } from './status-table.ts';

/** Something that EC2 assigned, or the operator asked for, and whether the host has it. */
export interface DesiredItem {
  readonly text: string;
  /** In the kernel, or (prefixes) led by rules. */
  readonly isPresent: boolean;
  /** `lease`, `excluded`, `route-only`, …; null: nothing special. */
  readonly note: string | null;
}

export interface AddressItem extends DesiredItem {
  /**
   * Seconds until the kernel removes it, unless its lease is renewed before; null: it stays, or is
   * not there.
   */
  readonly validLifetime: number | null;
}

/** `enid status ENI --json`: keys are only ever added. */
export interface EniDetail extends StatusRow {
  readonly driver: string | null;
  readonly mtu: { readonly actual: number | null; readonly desired: number | null };
  readonly addressStates: readonly AddressItem[];
  readonly prefixStates: readonly DesiredItem[];
  readonly gateways: readonly string[];
  readonly dns: { readonly servers: readonly string[]; readonly domains: readonly string[] };
  readonly metric: number | null;
  readonly vrf: string | null;
  readonly rules: readonly DesiredItem[];
  readonly routes: readonly DesiredItem[];
  /** What enid writes for networkd. */
  readonly files: readonly DesiredItem[];
  /** Null: no entry matches, the defaults hold. */
  readonly entry: { readonly place: string; readonly match: unknown; readonly sets: unknown } | null;
  /** Null: not known yet. */
  readonly policy: Readonly<Record<string, unknown>> | null;
  /** Commands that are not done yet. */
  readonly pending: readonly string[];
  /** The last ones about this ENI, the oldest first; null: no journal can be read. */
  readonly journal: readonly string[] | null;
}

export interface EniLook {
  readonly paint?: PaintState;
  readonly hasFullTimes?: boolean;
  /** In ms since 1970. */
  readonly nowMs: number;
}

/** In the form of `networkctl status LINK`. */
export function renderEni(eni: EniDetail, { paint = (_state, text) => text, hasFullTimes, nowMs }: EniLook): string {
  const state = `${paint(eni.state, eni.state)}${eni.reason === null ? '' : `: ${eni.reason}`}`;
  const when = (time: string) =>
    hasFullTimes === true ? formatTime(time) : `${formatAge(nowMs - Date.parse(time))} ago`;
  const { lastChange, lastFight, mtu, dns } = eni;
  const fields: [string, readonly string[]][] = [
    ['State', [state]],
    ['Device', [`${describeDevice(eni)}${eni.primary ? ' (primary)' : ''}`.replace(' * ', ' ')]],
    ['MAC', [`${eni.mac}${eni.driver === null ? '' : `, driver ${eni.driver}`}`]],
    ['MTU', [describeMtu(mtu)]],
    ['Addresses', eni.addressStates.map(describeAddress)],
    ['Prefixes', eni.prefixStates.map(describeItem)],
    [
      'Public',
      Object.entries(eni.publicAddresses).map(([address, carriers]) => `${address} to ${carriers.join(', ')}`),
    ],
    ['Gateway', eni.gateways],
    ['DNS', [...dns.servers, ...dns.domains.map((domain) => `domain ${domain}`)]],
    ['VRF', eni.vrf === null ? [] : [eni.vrf]],
    ['Table', eni.table === null ? [] : [String(eni.table)]],
    ['Metric', eni.metric === null ? [] : [String(eni.metric)]],
    ['Rules', eni.rules.map(describeItem)],
    ['Routes', eni.routes.map(describeItem)],
    ['Files', eni.files.map(describeItem)],
    ['In force', [eni.networkFile ?? 'no file']],
    ['Policy', describePolicy(eni)],
    ['Repairs', describeRepairs(eni)],
    [
      'Fight',
      lastFight === null
        ? []
        : [`${lastFight.command}: undone ${lastFight.count} times in a row, ${when(lastFight.time)}`],
    ],
    ['Changed', lastChange === null ? [] : [`${when(lastChange.time)}: ${lastChange.command} (${lastChange.reason})`]],
    ['Pending', eni.pending],
  ];
  const title = `${eni.link ?? 'no link'}: ${eni.eni ?? 'an ENI that the metadata does not list'}`;
  const body = fields.flatMap(([name, values]) =>
    values.map(
      (value, index) =>
        `${(index === 0 ? `${name}:` : '').padStart(13)} ${name === 'State' ? value : escapeLine(value)}`,
    ),
  );
  return `${[escapeLine(title), ...body, ...describeJournal(eni.journal)].join('\n')}\n`;
}

function describeItem({ text, isPresent, note }: DesiredItem): string {
  const notes = [...(isPresent ? [] : ['MISSING']), ...(note === null ? [] : [note])];
  return notes.length === 0 ? text : `${text}  (${notes.join(', ')})`;
}

function describeAddress({ validLifetime, ...item }: AddressItem): string {
  if (validLifetime === null) return describeItem(item);
  const valid = `valid for ${formatAge(validLifetime * 1_000)}`;
  return describeItem({ ...item, note: item.note === null ? valid : `${item.note}, ${valid}` });
}

function describeMtu({ actual, desired }: EniDetail['mtu']): string {
  if (actual === null) return desired === null ? '-' : `${desired} desired`;
  return desired === null || desired === actual ? String(actual) : `${actual} (${desired} desired)`;
}

function describePolicy({ entry, policy }: EniDetail): string[] {
  if (entry !== null)
    return [`${entry.place} matches: ${JSON.stringify(entry.match)}`, `it sets ${JSON.stringify(entry.sets)}`];
  return [policy === null ? 'not known yet' : 'no entry of the configuration matches: the defaults'];
}

function describeRepairs({ repairs, recurringRepairs }: StatusRow): string[] {
  if (repairs === null) return ['not known: the daemon was not asked'];
  const kinds = Object.entries(repairs).sort();
  if (kinds.length === 0) return ['none since the daemon started'];
  return [
    kinds.map(([kind, count]) => countOf(count, kind, kind === 'address' ? 'addresses' : `${kind}s`)).join(', '),
    ...recurringRepairs.map(({ command, count }) => `${count} times: ${command}`),
  ];
}

function describeJournal(journal: EniDetail['journal']): string[] {
  if (journal === null) return [];
  return ['', ...(journal.length === 0 ? ['The journal has nothing about it.'] : journal.map(escapeLine))];
}
