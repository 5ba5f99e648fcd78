/**
 * Asks the running daemon over `org.enid1`, for the read-only commands. Returns its answer, or why
 * there is none.
 */

import * as z from 'zod';
import { Bus } from '../../lib/dbus/bus.ts';
import { DbusError } from '../../lib/dbus/errors.ts';
import { formatConfig } from '../config/format.ts';
import type { Config } from '../config/types.ts';
import { busName, managerInterface, managerPath } from '../report/bus-service.ts';

export interface Question<T> {
  /** Of `org.enid1.Manager`; it answers with JSON. */
  readonly member: 'Describe' | 'Plan' | 'Explain';
  /** All text. */
  readonly arguments?: readonly string[];
  readonly schema: z.ZodType<T>;
}

/** `reason` is a line for the operator. */
export type Answer<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'unanswered'; readonly reason: string };

/**
 * A daemon that is alive answers within milliseconds; explain waits for its turn if other users
 * ask, too.
 */
const quickMs = 3_000;
const explainMs = 15_000;

/**
 * Never throws. A daemon that runs with another configuration than the given one is not asked: its
 * answer would not show what this configuration does.
 */
export async function askDaemon<T>(config: Config, question: Question<T>): Promise<Answer<T>> {
  const bus = new Bus({ connectTimeoutMs: quickMs });
  try {
    await bus.start();
    const inForce = await callManager(bus, 'DescribeConfiguration', [], quickMs);
    if (inForce !== formatConfig(config))
      return unanswered('the daemon runs with another configuration (to apply this one: enid reload)');
    const timeoutMs = question.member === 'Explain' ? explainMs : quickMs;
    const text = await callManager(bus, question.member, question.arguments ?? [], timeoutMs);
    const parsed = question.schema.safeParse(JSON.parse(text));
    return parsed.success
      ? { kind: 'answered', value: parsed.data }
      : unanswered('the daemon answers in another format: is it another version?');
  } catch (error) {
    if (!(error instanceof DbusError)) return unanswered(`the daemon's answer cannot be read: ${error}`);
    if (error.code === 'unreachable') return unanswered('the system bus is not available');
    return unanswered(error.code === 'no-owner' ? 'enid is not running, or has only just started' : error.message);
  } finally {
    bus.close();
  }
}

function unanswered(reason: string): { kind: 'unanswered'; reason: string } {
  return { kind: 'unanswered', reason };
}

/** For stderr: says that the command inspected the host itself. */
export function renderUnanswered(reason: string): string {
  return `enid: ${reason}: showing a one-off inspection (no history)\n`;
}

async function callManager(bus: Bus, member: string, body: readonly string[], timeoutMs: number): Promise<string> {
  const target = { destination: busName, path: managerPath, interface: managerInterface };
  const signature = 's'.repeat(body.length);
  const [text] = await bus.call({ ...target, member, signature, body: [...body], timeoutMs }, z.tuple([z.string()]));
  return text;
}
