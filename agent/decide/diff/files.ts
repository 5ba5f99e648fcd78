/**
 * Which networkd files to write or remove, and whether networkd must reload now (DESIGN, decision
 * 3).
 */

import type { Change, Desired, DesiredEni, NetworkdState, NetworkFile } from '../../model.ts';
import { isSameButSettings, keepsAddresses, readDns } from '../desired/network-file.ts';
import type { OwnFile } from '../desired/unit-directory.ts';
import { notDesired } from './ownership.ts';

export interface FileState {
  readonly files: readonly OwnFile[];
  readonly networkd: NetworkdState;
  readonly offered: ReadonlySet<string>;
  /**
   * MACs of ENIs whose files were written while networkd was away: it may have read them just
   * before.
   */
  readonly unread: ReadonlySet<string>;
  /** MACs of links that networkd is at work on after a reload. */
  readonly settling: ReadonlySet<string>;
}

export function diffFiles(desired: Desired, state: FileState): Change[] {
  const textByName = new Map(state.files.map(({ name, text }) => [name, text]));
  const changes = desired.enis.flatMap((eni) => diffFilesOfEni(eni, textByName, state));
  const wanted = new Set(desired.enis.flatMap(({ networkFiles }) => networkFiles.map(({ name }) => name)));
  const unknown = new Set(desired.unknownMacs);
  for (const { name, mac } of state.files) {
    if (wanted.has(name) || unknown.has(mac)) continue;
    const linkName = desired.reports.find((report) => report.mac === mac)?.linkName ?? '';
    changes.push({ mac, linkName, reason: notDesired, kind: 'remove-file', name });
  }
  return changes;
}

function diffFilesOfEni(eni: DesiredEni, textByName: ReadonlyMap<string, string>, state: FileState): Change[] {
  const { networkd, offered, unread, settling } = state;
  const stale = eni.networkFiles.filter(({ name, text }) => textByName.get(name) !== text);
  const [linkFile] = eni.networkFiles;
  // If networkd may be running, its next reload would reconfigure the link because of a changed
  // file.
  if (linkFile === undefined || networkd.kind === 'unknown') return [];
  const write = (file: NetworkFile): Change => {
    const before = textByName.get(file.name);
    const reason = before === undefined ? 'missing' : `out of date: ${describeTextChange(before, file.text)}`;
    return { ...base, kind: 'write-file', file, reason };
  };
  const base = { mac: eni.mac, linkName: eni.linkName };
  // networkd reads every file when it starts, so a change is harmless now. A link that it never
  // configured waits for it.
  if (networkd.kind !== 'present') return textByName.has(linkFile.name) ? stale.map(write) : [];

  const link = networkd.links.find(({ linkIndex }) => linkIndex === eni.linkIndex);
  const inForce = link?.networkFile ?? null;
  const isInForce = inForce?.endsWith(`/${linkFile.name}`);
  const isLossless = keepsAddresses(networkd.version);
  const before = textByName.get(linkFile.name) ?? linkFile.text;
  // The MTU is set by rtnetlink, DNS is switched off by the bus: a reload would drop the DHCPv6
  // address, and the connections masqueraded to it.
  const isWithoutReload =
    !isLossless && isSameButSettings(before, linkFile.text) && canLeaveDns(before, linkFile.text, link?.hasDns);
  const isLinkFileStale = before !== linkFile.text && !isWithoutReload;
  if (isInForce && !isLinkFileStale) {
    // A changed file would make the next reload by any program drop the lease: the change waits for
    // networkd's restart. A missing file would do the same, and is needed for that restart.
    const writes = stale.filter((file) => isLossless || !textByName.has(file.name)).map(write);
    // If networkd has read them, the reload costs nothing; if not, any loss is still part of
    // networkd's own restart.
    const isUnread = unread.has(eni.mac) && !isLossless;
    return isUnread ? [...writes, { ...base, kind: 'reload', reason: 'written while networkd was away' }] : writes;
  }
  // A file that is written while networkd takes up the one before needs another reload, which up to
  // 256 drops the DHCPv6 address that the first one has just brought back: it waits for its end.
  const isTakenUp = settling.has(eni.mac) && stale.every(({ name }) => textByName.has(name));
  const writes = isTakenUp ? [] : stale.map(write);
  if (writes.length === 0 && offered.has(linkFile.name)) return [];
  const reason = isInForce ? 'link settings changed' : `in force is ${inForce ?? 'no file'}`;
  return [...writes, { ...base, kind: 'reload', reason }];
}

/**
 * The DNS of a lease can be switched off without a reload; switching it on when the file in force
 * does not use it needs one.
 */
function canLeaveDns(before: string, after: string, hasDns: boolean | undefined): boolean {
  return readDns(before) === readDns(after) || (readDns(before) === true && hasDns !== undefined);
}

/** More would flood the journal; the file itself has the rest. */
const mostLinesShown = 4;

/** The difference on one line: removed lines with `-`, added ones with `+`. */
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
