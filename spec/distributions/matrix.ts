/** Does all deeds on one host, and notes what became of each. */

import { deeds } from './deeds.ts';
import { type HostParts, MatrixHost } from './host.ts';
import { isSupported, type Row } from './rows.ts';

/**
 * `passed` and `failed` were run; `refused`: the package's tool said no, as it has to; `not run`:
 * what comes before failed.
 */
export type Outcome = 'passed' | 'failed' | 'refused' | 'not run';

export interface RowResult {
  readonly row: Row;
  /** As the host's package names it: `252.39-1~deb12u1`. */
  readonly systemd: string;
  readonly outcomes: Readonly<Record<string, Outcome>>;
  /** Why deeds failed, by their names. */
  readonly failures: Readonly<Record<string, string>>;
  readonly seconds: number;
  /** Of the run, in UTC. No key: not known. */
  readonly date?: string;
}

export async function runRow(row: Row, parts: HostParts, tell: (text: string) => void): Promise<RowResult> {
  const since = performance.now();
  const outcomes: Record<string, Outcome> = Object.fromEntries(deeds.map(({ name }) => [name, 'not run']));
  const failures: Record<string, string> = {};
  const host = await MatrixHost.boot(row, parts);
  try {
    const [, systemd = ''] = /\((.+)\)/.exec(await host.shell('systemctl --version')) ?? [];
    for (const { name, isFirst, run } of deeds) {
      const began = performance.now();
      try {
        await run(host);
        outcomes[name] = isSupported(row.tree) ? 'passed' : 'refused';
      } catch (error) {
        outcomes[name] = 'failed';
        failures[name] = error instanceof Error ? error.message : String(error);
      }
      tell(`${name}: ${outcomes[name]}, ${((performance.now() - began) / 1000).toFixed(1)} s`);
      if (failures[name] !== undefined) tell(`${failures[name]}\n${await readTrouble(host)}`);
      if (outcomes[name] === 'refused' || (isFirst && outcomes[name] === 'failed')) break;
    }
    return { row, systemd, outcomes, failures, seconds: Math.round((performance.now() - since) / 1000) };
  } finally {
    await host.stop();
  }
}

async function readTrouble(host: MatrixHost): Promise<string> {
  const commands =
    'enid status; enid doctor | grep -v ^ok; journalctl -u enid -o cat --no-pager -p warning | tail -n 15';
  return (await host.machine.run(['sh', '-c', `{ ${commands}; } 2>&1`])).stdout;
}
