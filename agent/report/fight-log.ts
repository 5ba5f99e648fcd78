/**
 * Fights with other programs: one line when one begins on a link, then a count once a minute at
 * most while it lasts.
 */

import { countOf } from '../../lib/text/count.ts';
import { formatUtc } from '../../lib/text/utc.ts';
import type { Change } from '../model.ts';
import { describeChange } from './change-text.ts';

/** A fought change is retried once a minute at least (decide/diff/retry.ts). */
const overMs = 90_000;
const lineMs = 60_000;
/** More objects than a large instance has; those fought longest ago are forgotten first. */
const mostFought = 5_000;

/** On one link. Times in ms on a monotonic clock. */
interface Fight {
  readonly since: Date;
  lastMs: number;
  lineMs: number;
  /** How often its changes were made since it began. */
  count: number;
  readonly objects: Set<string>;
}

export interface FightNews {
  /** Null: no line is due. */
  readonly message: string | null;
  /** This object was at peace until now. */
  readonly isNew: boolean;
}

export class FightLog {
  readonly #fights = new Map<string, Fight>();
  /** Command → when it was last made. */
  readonly #objects = new Map<string, number>();
  readonly #directory: string;

  /** `directory`: of networkd's files. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** `count`: how often it was made in a row. `nowMs`: on a monotonic clock. */
  note(change: Change, count: number, nowMs: number): FightNews {
    const command = describeChange(change, this.#directory);
    const isNew = !this.isFought(command, nowMs);
    this.#objects.delete(command);
    this.#objects.set(command, nowMs);
    const [oldest] = this.#objects.keys();
    if (this.#objects.size > mostFought && oldest !== undefined) this.#objects.delete(oldest);
    const fight = this.#fights.get(change.mac);
    if (fight === undefined || nowMs - fight.lastMs > overMs) {
      const objects = new Set([command]);
      this.#fights.set(change.mac, { since: new Date(), lastMs: nowMs, lineMs: nowMs, count, objects });
      return { message: describeBegin(change, command, count), isNew };
    }
    fight.lastMs = nowMs;
    fight.count += isNew ? count : 1;
    if (fight.objects.size < mostFought) fight.objects.add(command);
    if (nowMs - fight.lineMs < lineMs) return { message: null, isNew };
    fight.lineMs = nowMs;
    return { message: describeCount(change, command, fight), isNew };
  }

  isFought(command: string, nowMs: number): boolean {
    const lastMs = this.#objects.get(command);
    return lastMs !== undefined && nowMs - lastMs <= overMs;
  }
}

function describeBegin(change: Change, command: string, count: number): string {
  return `another program keeps undoing \`${command}\`: done ${count} times in a row; retrying less often from now on, down to once a minute. ${adviseOnFight(change)}, or set \`manage: none\` for the ENI`;
}

function describeCount({ linkName }: Change, command: string, { objects, count, since }: Fight): string {
  const place = linkName === '' ? '' : ` on ${linkName}`;
  return `another program still undoes ${countOf(objects.size, 'object')}${place}: done ${count} times since ${formatUtc(since)}, last \`${command}\``;
}

/** When it happens, and who does it. */
function adviseOnFight({ kind }: Change): string {
  const kinds = { route: /route/, rule: /rule/, address: /address/ };
  const object = Object.entries(kinds).find(([, pattern]) => pattern.test(kind))?.[0] ?? 'link';
  if (/file|reload/.test(kind))
    return 'Find the program (`auditctl -w /run/systemd/network -p wa`, then `ausearch -f`)';
  if (kind === 'set-dns') return 'Find the program (`busctl monitor org.freedesktop.network1`)';
  return `Find the program (\`ip -ts monitor ${object}\` shows when, \`bpftrace -e 'k:rtnetlink_rcv_msg { @[comm, pid] = count() }'\` who)`;
}
