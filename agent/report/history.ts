/**
 * What was changed since the program started, for each ENI and for the host: for `status`,
 * `doctor`, the bus, and to find programs that undo changes.
 */

import type { Change, RepairKind } from '../model.ts';
import { describeChange } from './change-text.ts';

/** A change that was made. */
export interface MadeChange {
  /** ISO 8601, UTC. */
  readonly time: string;
  /** As a root shell takes it. */
  readonly command: string;
  readonly reason: string;
}

/** One of the host's last changes. */
export interface RecentChange extends MadeChange {
  readonly mac: string;
  readonly link: string;
  /** What it repaired; null: it was no repair. */
  readonly repair: RepairKind | null;
}

/** A repair that was made again and again. */
export interface RecurringRepair {
  readonly command: string;
  readonly count: number;
  /** Of the last one, ISO 8601, UTC. */
  readonly time: string;
}

export interface EniHistory {
  readonly lastChange: MadeChange | null;
  /** How often an object of each kind was repaired; no key: never. */
  readonly repairs: Readonly<Partial<Record<RepairKind, number>>>;
  /** The most frequent ones first. */
  readonly recurring: readonly RecurringRepair[];
  /** Another program undid it so often that it is retried less often; null: none does. */
  readonly lastFight: RecurringRepair | null;
}

const nothing: EniHistory = { lastChange: null, repairs: {}, recurring: [], lastFight: null };
/** More than any instance has ENIs; those changed longest ago are forgotten first. */
const mostRemembered = 256;
/** Of an ENI: different repairs that are counted, each by itself. */
const mostCounted = 64;
/** Once is an accident, twice may be one program that starts twice. */
const leastRecurring = 3;
const mostShown = 5;
export const mostRecent = 10;

interface Memory extends Omit<EniHistory, 'recurring'> {
  readonly counted: ReadonlyMap<string, RecurringRepair>;
}

export class History {
  readonly #byMac = new Map<string, Memory>();
  readonly #directory: string;
  #recent: readonly RecentChange[] = [];

  /** `directory`: of networkd's files. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A change that was made. `repair`: what it repaired; null: nothing. */
  record(change: Change, repair: RepairKind | null, now: Date): void {
    const { mac, linkName: link, reason } = change;
    const made = { time: now.toISOString(), command: describeChange(change, this.#directory), reason };
    const { repairs, counted, lastFight } = this.#remembered(mac);
    this.#keep(mac, {
      lastChange: made,
      repairs: repair === null ? repairs : { ...repairs, [repair]: (repairs[repair] ?? 0) + 1 },
      counted: repair === null ? counted : count(counted, made),
      lastFight,
    });
    this.#recent = [{ ...made, mac, link, repair }, ...this.#recent].slice(0, mostRecent);
  }

  /** Another program has undone a change `count` times in a row. */
  fought(change: Change, count: number, now: Date): void {
    const command = describeChange(change, this.#directory);
    this.#keep(change.mac, {
      ...this.#remembered(change.mac),
      lastFight: { command, count, time: now.toISOString() },
    });
  }

  /** The host's last changes, the latest first. */
  get recent(): readonly RecentChange[] {
    return this.#recent;
  }

  of(mac: string): EniHistory {
    const { counted, ...rest } = this.#remembered(mac);
    if (counted.size === 0 && rest.lastChange === null && rest.lastFight === null) return nothing;
    const recurring = [...counted.values()]
      .filter((one) => one.count >= leastRecurring)
      .sort((left, right) => right.count - left.count)
      .slice(0, mostShown);
    return { ...rest, recurring };
  }

  #remembered(mac: string): Memory {
    return this.#byMac.get(mac) ?? { lastChange: null, repairs: {}, counted: new Map(), lastFight: null };
  }

  #keep(mac: string, memory: Memory): void {
    this.#byMac.delete(mac);
    this.#byMac.set(mac, memory);
    const [oldest] = this.#byMac.keys();
    if (oldest !== undefined && this.#byMac.size > mostRemembered) this.#byMac.delete(oldest);
  }
}

/** The one that was repaired longest ago is forgotten first. */
function count(counted: Memory['counted'], { command, time }: MadeChange): Memory['counted'] {
  const next = new Map(counted);
  const before = next.get(command)?.count ?? 0;
  next.delete(command);
  next.set(command, { command, time, count: before + 1 });
  const [oldest] = next.keys();
  if (oldest !== undefined && next.size > mostCounted) next.delete(oldest);
  return next;
}
