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
    /** In the syntax of ip(8). */
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

  /** A change that was made. `repair`: what it repaired; null: nothing. */
  record(change: Change, repair: RepairKind | null, now: Date): void {
    const { repairs } = this.of(change.mac);
    this.#byMac.delete(change.mac);
    this.#byMac.set(change.mac, {
      lastChange: { time: now.toISOString(), command: describeChange(change), reason: change.reason },
      repairs: repair === null ? repairs : { ...repairs, [repair]: (repairs[repair] ?? 0) + 1 },
    });
    const [oldest] = this.#byMac.keys();
    if (oldest !== undefined && this.#byMac.size > mostRemembered) this.#byMac.delete(oldest);
  }

  of(mac: string): EniHistory {
    return this.#byMac.get(mac) ?? nothing;
  }
}
