/**
 * `enid wait [ENI]`: returns when the ENIs are configured, for user data and units. What it waits
 * for is on stderr.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { Bus } from '../../lib/dbus/bus.ts';
import { busName, managerInterface, managerPath } from '../report/bus-service.ts';
import type { StatusRow } from '../report/status-row.ts';
import { statusSchema } from './answers.ts';
import type { CommandResult } from './status.ts';

export interface WaitOptions {
  /** Id, link or MAC; null: every ENI. */
  readonly name: string | null;
  readonly timeoutMs: number;
  /** For stderr, whenever what is waited for is another. */
  readonly say: (line: string) => void;
  /** The daemon's rows; text: why there are none. */
  readonly read?: () => Promise<readonly StatusRow[] | string>;
}

/** What a look at the host comes to. `never`: waiting does not help. */
export type Verdict =
  | { readonly kind: 'done'; readonly text: string }
  | { readonly kind: 'waiting'; readonly text: string }
  | { readonly kind: 'never'; readonly text: string };

const pollMs = 250;
const quickMs = 3_000;

/**
 * Exit code 0: configured; 1: not within the time; 2: the ENI is not for enid to configure
 * (`overridden`, `ignored`).
 */
export async function waitForEnis({ name, timeoutMs, say, read = readRows }: WaitOptions): Promise<CommandResult> {
  const endMs = performance.now() + timeoutMs;
  let said = '';
  while (true) {
    const rows = await read();
    const verdict = typeof rows === 'string' ? ({ kind: 'waiting', text: rows } as const) : judge(rows, name);
    if (verdict.kind === 'done') return { stdout: `${verdict.text}\n`, stderr: '', exitCode: 0 };
    if (verdict.kind === 'never') return { stdout: '', stderr: `enid: ${verdict.text}\n`, exitCode: 2 };
    if (verdict.text !== said) say(`enid: waiting: ${verdict.text}`);
    said = verdict.text;
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) {
      const stderr = `enid: not configured within ${Math.round(timeoutMs / 1_000)} s: ${verdict.text}\n`;
      return { stdout: '', stderr, exitCode: 1 };
    }
    await sleep(Math.min(pollMs, leftMs));
  }
}

/**
 * Of all ENIs those that are not for enid to configure are passed over; of one, that is said. Pure.
 */
export function judge(rows: readonly StatusRow[], name: string | null): Verdict {
  const meant = name === null ? rows : rows.filter(({ eni, link, mac }) => [eni, link, mac].includes(name));
  if (meant.length === 0)
    return { kind: 'waiting', text: name === null ? 'no ENI is known yet' : `${name} is not there yet` };
  const left = meant.filter(({ state }) => state === 'waiting' || state === 'degraded' || state === 'detaching');
  if (left.length > 0) return { kind: 'waiting', text: left.map(describe).join('; ') };
  const [only] = meant;
  if (name !== null && only !== undefined && only.state !== 'configured')
    return { kind: 'never', text: `${describe(only)}: enid does not configure it` };
  const configured = meant
    .filter(({ state }) => state === 'configured')
    .map(({ link, eni, mac }) => link ?? eni ?? mac);
  return { kind: 'done', text: `configured: ${configured.join(', ') || 'no ENI is for enid to configure'}` };
}

function describe({ link, eni, mac, state, reason }: StatusRow): string {
  return `${link ?? eni ?? mac}: ${state}${reason === null ? '' : `: ${reason}`}`;
}

/** Whatever configuration the daemon goes by. */
export async function readRows(): Promise<readonly StatusRow[] | string> {
  const bus = new Bus({ connectTimeoutMs: quickMs });
  try {
    await bus.start();
    const target = { destination: busName, path: managerPath, interface: managerInterface };
    const call = { ...target, member: 'Describe', signature: '', body: [], timeoutMs: quickMs };
    const [text] = await bus.call(call, z.tuple([z.string()]));
    return statusSchema.parse(JSON.parse(text)).enis;
  } catch {
    return 'enid does not answer yet (systemctl status enid)';
  } finally {
    bus.close();
  }
}
