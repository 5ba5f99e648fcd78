/**
 * `enid reload`: makes the running daemon read everything again, and waits until that is done. The
 * unit's ExecReload=.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { Bus } from '../../lib/dbus/bus.ts';
import { DbusError } from '../../lib/dbus/errors.ts';
import { errorCodeOf } from '../../lib/errors/system-error.ts';
import { signalProcess } from '../../lib/process/signal-process.ts';
import { countOf } from '../../lib/text/count.ts';
import { formatTime } from '../../lib/text/time.ts';
import type { Config } from '../config/types.ts';
import { busName, managerInterface, managerPath } from '../report/bus-service.ts';
import { type ReloadOutcome, RuntimeStore } from '../watch/runtime-store.ts';
import type { CommandResult } from './status.ts';

/** Above the daemon's own patience with the metadata service (20 s). */
const patienceMs = 60_000;
const pollMs = 20;
const ended = 'the daemon ended during the reload. See: journalctl -u enid';
const denied = 'permission denied. Try: sudo systemctl reload enid';

/**
 * Exit code 0: the pass is done (stderr says where the metadata could not be read for it); 1: no
 * daemon, no permission, a refused configuration (the old one stays), changes that failed, or no
 * answer.
 */
export async function reload(config: Config): Promise<CommandResult> {
  const store = new RuntimeStore(config.runtimeDirectory);
  const processId = await store.readHolder();
  if (processId === null) return fail(`no daemon runs in ${config.runtimeDirectory}. Start it: systemctl start enid`);
  const answer = await reloadByBus();
  if (answer !== null) return answer.exitCode === 0 ? succeed(store.readReload()) : answer;
  if (processId === 'hidden') return fail(denied);
  const before = store.readReload()?.serial ?? 0;
  try {
    // What runs under the number by now may be another program.
    const isSignalled = await signalProcess(processId, 'SIGHUP', async () => (await store.readHolder()) === processId);
    if (!isSignalled) return fail(ended);
  } catch (error) {
    const isDenied = errorCodeOf(error) === 'EPERM';
    return fail(`failed to signal process ${processId}: ${isDenied ? denied : error}`);
  }
  const end = performance.now() + patienceMs;
  while (performance.now() < end) {
    const outcome = store.readReload();
    if (outcome !== null && outcome.serial > before) {
      return outcome.problem === null ? succeed(outcome) : fail(outcome.problem);
    }
    if ((await store.readHolder()) === null) return fail(ended);
    await sleep(pollMs);
  }
  return fail(`the daemon did not finish the reload within ${patienceMs / 1000} s. See: journalctl -u enid`);
}

/** Null if the bus or the daemon's name on it is not there: then a signal is sent instead. */
async function reloadByBus(): Promise<CommandResult | null> {
  const bus = new Bus();
  try {
    await bus.start();
    const call = { destination: busName, path: managerPath, interface: managerInterface, member: 'Reconcile' };
    await bus.call({ ...call, timeoutMs: patienceMs }, z.tuple([]));
    return { stdout: '', stderr: '', exitCode: 0 };
  } catch (error) {
    if (!(error instanceof DbusError) || error.code === 'unreachable' || error.code === 'no-owner') return null;
    if (error.code === 'denied') return fail(denied);
    return fail(error.message.replace(/^failed to call [^:]*: /, ''));
  } finally {
    bus.close();
  }
}

/** What it did. The pass was made with what was known before where the service did not answer. */
function succeed(outcome: ReloadOutcome | null): CommandResult {
  if (outcome === null) return { stdout: 'reloaded\n', stderr: '', exitCode: 0 };
  const { changes, failures, warning, knownSince } = outcome;
  const stdout = `reloaded: ${changes === 0 ? 'nothing to change' : countOf(changes, 'change')}\n`;
  const lines = [
    ...(warning === null ? [] : [describeUnread(warning, knownSince)]),
    ...(failures === 0 ? [] : [`${countOf(failures, 'change')} failed. See: enid plan, journalctl -u enid`]),
  ];
  const stderr = lines.map((line) => `enid: ${line}\n`).join('');
  return { stdout, stderr, exitCode: failures === 0 ? 0 : 1 };
}

function describeUnread(warning: string, knownSince: string | null): string {
  const reason = warning.replace(/^failed to read the metadata: /, '').replace(/; nothing is changed$/, '');
  const instead =
    knownSince === null ? 'nothing is known from before' : `using what was known at ${formatTime(knownSince)}`;
  return `metadata unreadable (${reason}): ${instead}`;
}

function fail(message: string): CommandResult {
  return { stdout: '', stderr: `enid: ${message}\n`, exitCode: 1 };
}
