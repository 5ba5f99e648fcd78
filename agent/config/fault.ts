/** What is wrong with a configuration file, and where. Pure. */

import { countOf } from '../../lib/text/count.ts';

export interface Fault {
  readonly file: string;
  /** From 1; null: the file cannot be read. */
  readonly line: number | null;
  /** `interfaces[0].mtu`; empty: the file as a whole. */
  readonly key: string;
  /** What was expected, what is there, and what to do where that does not follow from it. */
  readonly text: string;
  /**
   * A start goes on with it, so that no host is without enid after an upgrade (0.1.0 took it) or a
   * downgrade (an unknown key); a reload and `config check` refuse it. Absent: always refused.
   */
  readonly isTolerated?: true;
  /** A key that a newer version may know: where it is tolerated, it is ignored. */
  readonly isUnknownKey?: true;
}

/** `file:line: key: expected …, got …`, or why the file cannot be read. */
export function formatFault({ file, line, key, text }: Fault): string {
  if (line === null) return `failed to read ${file}: ${text}`;
  return `${file}:${line}: ${key === '' ? '' : `${key}: `}${text}`;
}

/** What a start goes on without, one line for each unknown key. */
export function listIgnored(faults: readonly Fault[]): string[] {
  return faults
    .filter(({ isTolerated, isUnknownKey }) => isTolerated === true && isUnknownKey === true)
    .map(({ file, line, key, text }) => `${file}:${line}: ignored (of a newer version?): ${key}: ${text}`);
}

/** The first, and how many more there are: for one line. */
export function summariseFaults(faults: readonly Fault[]): string {
  const [first, ...rest] = faults;
  if (first === undefined) return '';
  return `${formatFault(first)}${rest.length === 0 ? '' : ` (and ${rest.length} more)`}`;
}

/** `3 faults in 2 files`. */
export function countFaults(faults: readonly Fault[]): string {
  const files = new Set(faults.map(({ file }) => file)).size;
  return `${countOf(faults.length, 'fault')} in ${countOf(files, 'file')}`;
}
