/** Which networkd files to write or remove, and whether networkd must read them now (DESIGN, decision 3). */

import type { Change, Desired, DesiredEni, NetworkdState, NetworkFile } from '../../model.ts';
import { isSameButSettings, keepsAddresses, readDns } from '../desired/network-file.ts';
import type { OwnFile } from '../desired/unit-directory.ts';

export interface FileState {
  readonly files: readonly OwnFile[];
  readonly networkd: NetworkdState;
  readonly offered: ReadonlySet<string>;
  /** MACs of ENIs whose files were written while networkd was away: it may have read them just before. */
  readonly unread: ReadonlySet<string>;
}

export function diffFiles(desired: Desired, state: FileState): Change[] {
  const textByName = new Map(state.files.map(({ name, text }) => [name, text]));
  const changes = desired.enis.flatMap((eni) => diffFilesOfEni(eni, textByName, state));
  const wanted = new Set(desired.enis.flatMap(({ networkFiles }) => networkFiles.map(({ name }) => name)));
  const unknown = new Set(desired.unknownMacs);
  for (const { name, mac } of state.files) {
    if (wanted.has(name) || unknown.has(mac)) continue;
    const linkName = desired.reports.find((report) => report.mac === mac)?.linkName ?? '';
    changes.push({ mac, linkName, reason: 'not wanted any more', kind: 'remove-file', name });
  }
  return changes;
}

function diffFilesOfEni(eni: DesiredEni, textByName: ReadonlyMap<string, string>, state: FileState): Change[] {
  const { networkd, offered, unread } = state;
  const stale = eni.networkFiles.filter(({ name, text }) => textByName.get(name) !== text);
  const [linkFile] = eni.networkFiles;
  // A changed file under a networkd that may be running would bite with its next reload.
  if (linkFile === undefined || networkd.kind === 'unknown') return [];
  const write = (file: NetworkFile): Change => {
    const before = textByName.get(file.name);
    const reason = before === undefined ? 'missing' : `out of date: ${describeTextChange(before, file.text)}`;
    return { ...base, kind: 'write-file', file, reason };
  };
  const base = { mac: eni.mac, linkName: eni.linkName };
  // networkd reads every file when it comes back, so now no reload can bite. A link that it never took up waits for it.
  if (networkd.kind !== 'present') return textByName.has(linkFile.name) ? stale.map(write) : [];

  const link = networkd.links.find(({ linkIndex }) => linkIndex === eni.linkIndex);
  const inForce = link?.networkFile ?? null;
  const isInForce = inForce?.endsWith(`/${linkFile.name}`);
  const isLossless = keepsAddresses(networkd.version);
  const before = textByName.get(linkFile.name) ?? linkFile.text;
  // An MTU is set by rtnetlink, DNS is left by the bus: the reload would drop the DHCPv6 address,
  // and what is masqueraded to it.
  const isWithoutReload =
    !isLossless && isSameButSettings(before, linkFile.text) && canLeaveDns(before, linkFile.text, link?.hasDns);
  const isLinkFileStale = before !== linkFile.text && !isWithoutReload;
  if (isInForce && !isLinkFileStale) {
    // A changed file would make the next reload, whoever asks for it, drop the lease: it waits for networkd's restart.
    // A missing one would do the same, and is needed for that restart.
    const writes = stale.filter((file) => isLossless || !textByName.has(file.name)).map(write);
    // Where it has read them, this costs nothing; where it has not, what it costs is networkd's own restart's yet.
    const isUnread = unread.has(eni.mac) && !isLossless;
    return isUnread ? [...writes, { ...base, kind: 'reload', reason: 'written while networkd was away' }] : writes;
  }
  if (stale.length === 0 && offered.has(linkFile.name)) return [];
  const reason = isInForce ? 'link settings changed' : `in force is ${inForce ?? 'no file'}`;
  return [...stale.map(write), { ...base, kind: 'reload', reason }];
}

/**
 * What a lease says can be left unused without a reload; what the file in force does not use takes
 * one.
 */
function canLeaveDns(before: string, after: string, hasDns: boolean | undefined): boolean {
  return readDns(before) === readDns(after) || (readDns(before) === true && hasDns !== undefined);
}

/** More would fill the journal; the file itself tells the rest. */
const mostLinesShown = 4;

/** Before and after on one line: what goes with `-`, what comes with `+`. */
export function describeTextChange(before: string, after: string): string {
  const [left, right] = [countLines(before), countLines(after)];
  const surplus = (from: ReadonlyMap<string, number>, other: ReadonlyMap<string, number>, sign: string) =>
    [...from].filter(([line, count]) => count > (other.get(line) ?? 0)).map(([line]) => `${sign}${line}`);
  const lines = [...surplus(left, right, '-'), ...surplus(right, left, '+')];
  if (lines.length === 0) return 'the same lines in another order';
  const more = lines.length > mostLinesShown ? [`and ${lines.length - mostLinesShown} more`] : [];
  return [...lines.slice(0, mostLinesShown), ...more].join(', ');
}

function countLines(text: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of text.split('\n')) if (line !== '') counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}
