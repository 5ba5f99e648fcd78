/** What happened to an ENI, as the one line that the journal has of it. Pure. */

import { countOf } from '../../lib/text/count.ts';
import { formatSpan, formatUtc } from '../../lib/text/utc.ts';
import type { KeyDifference } from '../config/differences.ts';
import type { Change, DesiredEni, EniMetadata, EniReport, NetworkdState, RepairKind } from '../model.ts';

/** Noun and participle of each kind of change. */
const words: Readonly<Record<Change['kind'], readonly [string, string]>> = {
  'write-file': ['file', 'written'],
  'remove-file': ['file', 'removed'],
  reload: ['networkctl reload', 'asked for'],
  'set-link-setting': ['setting', 'set'],
  'set-master': ['VRF', 'set'],
  'set-link-group': ['link group', 'set'],
  'set-mtu': ['MTU', 'set'],
  'set-dns': ['DNS', 'set'],
  'add-alt-name': ['name', 'added'],
  'remove-alt-name': ['name', 'removed'],
  'add-address': ['address', 'added'],
  'remove-address': ['address', 'removed'],
  'move-address': ['address', 'moved'],
  'set-address-metric': ['metric', 'set'],
  'add-route': ['route', 'added'],
  'remove-route': ['route', 'removed'],
  'set-route-mtu': ['MTU of a route', 'set'],
  'add-rule': ['rule', 'added'],
  'remove-rule': ['rule', 'removed'],
  'set-replies': ['table for replies', 'set'],
  'remove-replies': ['table for replies', 'removed'],
};

/** What was done to one ENI since the last line about it. */
export interface Tally {
  readonly count: number;
  readonly kinds: ReadonlyMap<Change['kind'], number>;
  /** The first command with its reason. */
  readonly first: string;
}

/** A repair: the object by its command, and how often it was repaired since the start. */
export interface Repair {
  readonly kind: RepairKind;
  readonly command: string;
  readonly reason: string;
  readonly times: number;
}

/** More are counted. */
const mostListed = 6;

function list(items: readonly string[]): string {
  const shown = items.slice(0, mostListed);
  return items.length > shown.length ? `${shown.join(', ')} and ${items.length - shown.length} more` : shown.join(', ');
}

function plural(count: number, noun: string): string {
  return countOf(count, noun, /s$/.test(noun) ? `${noun}es` : `${noun}s`);
}

function nameOf(eni: EniMetadata): string {
  return eni.eniId ?? eni.mac;
}

function summarise(values: readonly string[]): string[] {
  const [first] = values;
  return first === undefined ? [] : [values.length === 1 ? first : `${first} +${values.length - 1}`];
}

/** ` (12 changes, with a networkctl reload)`; nothing where nothing was done. */
function addCount(tally: Tally | null): string {
  if (tally === null) return '';
  return ` (${countOf(tally.count, 'change')}${tally.kinds.has('reload') ? ', with a networkctl reload' : ''})`;
}

export interface Placed {
  readonly report: EniReport;
  readonly eni: EniMetadata;
  /** Null: nothing is desired for it. */
  readonly desired: DesiredEni | null;
}

/** `isNew`: the link came after the start. */
export function describeAttached({ report, eni, desired }: Placed, tally: Tally | null, isNew: boolean): string {
  const { state } = report;
  const start = `${report.linkName} ${isNew ? 'attached' : 'configured'}: ${nameOf(eni)}`;
  if (state.kind !== 'configured')
    return `${start}, ${state.kind}${'reason' in state ? `: ${state.reason}` : ''}${addCount(tally)}`;
  const hasTable = desired?.routes.some(({ table }) => table === desired.tableId) === true;
  const facts = [
    ...summarise([...eni.ipv4Addresses, ...eni.ipv6Addresses]),
    ...summarise([...eni.ipv4Prefixes, ...eni.ipv6Prefixes]).map((text) => `prefix ${text}`),
    ...(hasTable ? [`table ${desired.tableId}`] : []),
    ...(desired?.networkFiles ?? []).filter(({ role }) => role === 'link').map(({ name }) => name),
  ];
  return `${[start, ...facts].join(', ')}${addCount(tally)}`;
}

/** What EC2 assigned and took, one phrase each; none: nothing that concerns this host. */
export function describeAssigned(before: EniMetadata, after: EniMetadata): string[] {
  const sources = (eni: EniMetadata) => [
    ...[...eni.ipv4Addresses, ...eni.ipv6Addresses, ...eni.ipv4Prefixes, ...eni.ipv6Prefixes],
  ];
  const lacking = (these: readonly string[], those: readonly string[]) => these.filter((one) => !those.includes(one));
  const publics = (eni: EniMetadata) =>
    Object.entries(eni.publicIpv4).map(([address, behind]) => `public address ${address} for ${behind.join(', ')}`);
  const assigned = [...lacking(sources(after), sources(before)), ...lacking(publics(after), publics(before))];
  const taken = [...lacking(sources(before), sources(after)), ...lacking(publics(before), publics(after))];
  return [
    ...(assigned.length === 0 ? [] : [`EC2 assigned ${list(assigned)}`]),
    ...(taken.length === 0 ? [] : [`EC2 took ${list(taken)}`]),
  ];
}

export function describeEc2Change({ report, eni }: Placed, phrases: readonly string[], tally: Tally | null): string {
  const state = report.state.kind === 'configured' ? '' : `; the ENI is ${report.state.kind}`;
  return `${report.linkName ?? nameOf(eni)} changed: ${phrases.join('; ')}${addCount(tally)}${state}`;
}

/** Neither a repair nor what EC2 did: another configuration, lease or router. */
export function describeOtherChange(linkName: string, { count, kinds, first }: Tally): string {
  if (count === 1) return `${linkName || 'host'} changed: ${first}`;
  const parts = [...kinds].map(([kind, number]) => {
    const [noun, participle] = words[kind];
    return `${plural(number, noun)} ${participle}`;
  });
  return `${linkName || 'host'} changed: ${parts.join(', ')}; first ${first}`;
}

/** Another program had removed or altered these. */
export function describeRepairs(linkName: string, repairs: readonly Repair[]): string {
  const [first] = repairs;
  if (first === undefined) return '';
  const times = Math.max(...repairs.map((repair) => repair.times));
  const often = times === 1 ? 'the first time' : `${times} times since the start`;
  const command = `${first.command} (${first.reason})`;
  const cause = 'another program had removed or altered';
  if (repairs.length === 1) return `${linkName || 'host'} repaired: ${command}; ${cause} the ${first.kind}, ${often}`;
  const kinds = [...new Set(repairs.map(({ kind }) => kind))];
  const counts = kinds.map((kind) => plural(repairs.filter((one) => one.kind === kind).length, kind));
  return `${linkName || 'host'} repaired: ${counts.join(', ')} that ${cause}, ${often}; first ${command}`;
}

/** EC2 lists it no more, and its link is still there. */
export function describeDetaching(linkName: string, eni: EniMetadata): string {
  return `${linkName} is being detached: EC2 no longer lists ${nameOf(eni)}; it stays configured until the link is gone`;
}

export function describeDetached(linkName: string, eni: EniMetadata, tally: Tally | null): string {
  return `${linkName} detached: ${nameOf(eni)}${addCount(tally)}`;
}

export interface StartFacts {
  readonly version: string;
  readonly networkd: NetworkdState;
  readonly reports: readonly EniReport[];
  /** The metadata was read, now or before. */
  readonly isKnown: boolean;
  /** Keys of the configuration that have not their default. */
  readonly settings: readonly KeyDifference[];
}

export function describeStart({ version, networkd, reports, isKnown, settings }: StartFacts): string {
  const running = networkd.version === null ? 'systemd-networkd' : `systemd-networkd ${networkd.version}`;
  const words = { present: running, absent: 'systemd-networkd not running', unknown: 'systemd-networkd not known yet' };
  const enis = reports.filter(({ eni }) => eni !== null);
  const names = enis.map(({ linkName, isPrimary, state, eni }) => {
    const notes = [...(isPrimary ? ['primary'] : []), ...(state.kind === 'configured' ? [] : [state.kind])];
    return `${linkName ?? eni?.eniId ?? ''}${notes.length === 0 ? '' : ` ${notes.join(' ')}`}`;
  });
  const known = `${countOf(enis.length, 'ENI')}${names.length === 0 ? '' : ` (${list(names)})`}`;
  const set = settings.map(({ key, after }) => `${key} ${after}`);
  const policy = set.length === 0 ? 'default configuration' : `configuration: ${list(set)}`;
  return `enid ${version} started: ${words[networkd.kind]}; ${isKnown ? known : 'no ENI known yet, the metadata is not read'}; ${policy}`;
}

/** What differs from the configuration before, and why the metadata is not new; null: it is. */
export function describeReload(differences: readonly KeyDifference[], warning: string | null): string {
  const keys = differences.map(({ key, before, after, isLate }) => {
    return `${key}: ${before} → ${after}${isLate ? ' (from the next start on)' : ''}`;
  });
  const changed = keys.length === 0 ? 'the configuration is the same' : list(keys);
  return `reloaded: ${changed}${warning === null ? '' : `; metadata not read: ${warning}`}`;
}

export interface Outage {
  readonly since: Date;
  readonly until: Date;
  readonly failures: number;
}

export function describeRecovery({ since, until, failures }: Outage): string {
  const span = formatSpan(until.getTime() - since.getTime());
  return `the metadata service answers again: it failed for ${span}, since ${formatUtc(since)} (${countOf(failures, 'read')})`;
}

/** What is in force while the service fails. `readAt` null: not read since the start. */
export function describeInForce(isKnown: boolean, readAt: Date | null): string {
  if (!isKnown) return '';
  return readAt === null
    ? '; in force is what was stored before the start'
    : `; in force is what was read at ${formatUtc(readAt)}`;
}
