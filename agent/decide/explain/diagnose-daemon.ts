/** What `enid doctor` makes of the running daemon's own memory. Pure. */

import { type Finding, find, orFine } from './finding.ts';

interface Repeated {
  readonly command: string;
  readonly count: number;
}

/** As the daemon reports it; see agent/report/status-row.ts. */
export interface DaemonMemory {
  readonly enis: readonly {
    readonly link: string | null;
    readonly mac: string;
    readonly recurringRepairs: readonly Repeated[];
    readonly lastFight: Repeated | null;
  }[];
  /** How long ago the metadata was last read; null: never. */
  readonly metadataAgeMs: number | null;
  /** Why the last read failed; null: it did not. */
  readonly metadataFailure: string | null;
  readonly metadataIntervalMs: number;
}

/** Null: no daemon answers, which is another finding. */
export function checkMemory(memory: DaemonMemory | null): Finding[] {
  return memory === null ? [] : [...checkRepairs(memory), ...checkAge(memory)];
}

function checkRepairs({ enis }: DaemonMemory): Finding[] {
  const advice = (command: string) =>
    `find the program that undoes it (ip -ts monitor, journalctl -u enid -g '${/\b(rule|route|address|link)\b/.exec(command)?.[1] ?? 'rm|write'}'), or set \`manage: none\` for the ENI`;
  const found = enis.flatMap(({ link, mac, recurringRepairs, lastFight }) => {
    const name = link ?? mac;
    const fight =
      lastFight === null
        ? []
        : [
            find(
              'repairs',
              'error',
              `${name}: another program keeps undoing \`${lastFight.command}\`: ${lastFight.count} times in a row`,
              advice(lastFight.command),
            ),
          ];
    const recurring = recurringRepairs
      .filter(({ command }) => command !== lastFight?.command)
      .map(({ command, count }) =>
        find(
          'repairs',
          'warning',
          `${name}: repaired ${count} times since the daemon started: ${command}`,
          advice(command),
        ),
      );
    return [...fight, ...recurring];
  });
  return orFine('repairs', 'no repair that recurs, and no fight', found);
}

/** A poll is jittered and retried: three of them without an answer are no accident. */
const stalePolls = 3;
const staleLeastMs = 60_000;

function checkAge({ metadataAgeMs, metadataFailure, metadataIntervalMs }: DaemonMemory): Finding[] {
  const staleMs = Math.max(staleLeastMs, stalePolls * metadataIntervalMs);
  const isStale = metadataAgeMs === null || metadataAgeMs > staleMs;
  if (metadataFailure === null && !isStale) return [];
  const since = metadataAgeMs === null ? 'it was never read' : `last read ${Math.round(metadataAgeMs / 1_000)} s ago`;
  const reason = metadataFailure?.replace(/; nothing is changed$/, '') ?? 'no read was made';
  const message = `the daemon goes by metadata that is ${isStale ? 'stale' : 'not fresh'}: ${since}: ${reason}`;
  const advice =
    'what EC2 assigns or takes is not seen until it answers; nothing is changed meanwhile. See the next lines';
  return [find('metadata', isStale ? 'error' : 'warning', message, advice)];
}
