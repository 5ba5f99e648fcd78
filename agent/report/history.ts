/** What was done for each ENI since the program's start: for `status`, the bus and an operator's question what fights it. */

import type { Change, RepairKind } from '../model.ts';
import { describeChange } from './change-text.ts';

export interface EniHistory {
  readonly lastChange: {
    /** ISO 8601, UTC. */
    readonly time: string;
    /** In the words of ip(8). */
    readonly command: string;
    readonly reason: string;
  } | null;
  /** How often something of each kind was put back; no key: never. */
  readonly repairs: Readonly<Partial<Record<RepairKind, number>>>;
}

const nothing: EniHistory = { lastChange: null, repairs: {} };
/** Above the ENIs that any instance has; those that were changed longest ago are forgotten first. */
const mostRemembered = 256;

export class History {
  readonly #byMac = new Map<string, EniHistory>();

  /** A change that was made. `repair`: what it put back; null: none. */
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
