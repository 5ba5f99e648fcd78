/**
 * What was changed for each ENI since the program started: for `status`, the bus, and to find
 * programs that undo changes.
 */

import type { Change, RepairKind } from '../model.ts';
import { describeChange } from './change-text.ts';

export interface EniHistory {
  readonly lastChange: {
    /** ISO 8601, UTC. */
    readonly time: string;
    /** As a root shell takes it. */
    readonly command: string;
    readonly reason: string;
  } | null;
  /** How often an object of each kind was repaired; no key: never. */
  readonly repairs: Readonly<Partial<Record<RepairKind, number>>>;
}

const nothing: EniHistory = { lastChange: null, repairs: {} };
/** More than any instance has ENIs; those changed longest ago are forgotten first. */
const mostRemembered = 256;

export class History {
  readonly #byMac = new Map<string, EniHistory>();
  readonly #directory: string;

  /** `directory`: of networkd's files. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A change that was made. `repair`: what it repaired; null: nothing. */
  record(change: Change, repair: RepairKind | null, now: Date): void {
    const { repairs } = this.of(change.mac);
    this.#byMac.delete(change.mac);
    this.#byMac.set(change.mac, {
      lastChange: { time: now.toISOString(), command: describeChange(change, this.#directory), reason: change.reason },
      repairs: repair === null ? repairs : { ...repairs, [repair]: (repairs[repair] ?? 0) + 1 },
    });
    const [oldest] = this.#byMac.keys();
    if (oldest !== undefined && this.#byMac.size > mostRemembered) this.#byMac.delete(oldest);
  }

  of(mac: string): EniHistory {
    return this.#byMac.get(mac) ?? nothing;
  }
}
