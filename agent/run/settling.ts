/**
 * Links that networkd was told to configure: enid does not create what networkd is about to create.
 */

import { isSameList } from '../decide/base/memo.ts';
import { nameNetworkFile } from '../decide/desired/network-file.ts';
import type { KernelState, NetworkdState } from '../model.ts';

/** How long networkd may take to make what its new files say; after that enid makes it. */
const settleMs = 3_000;

/**
 * Pause between two passes while networkd is at work: it makes hundreds of objects one by one, and
 * each would be a pass. Four times the duration of the last pass, so that a large instance uses at
 * most a fifth of a processor; a repair waits no longer than `mostMs`.
 */
const rest = { factor: 4, leastMs: 10, mostMs: 250 } as const;

export interface SettlingView {
  readonly networkd: NetworkdState;
  readonly links: KernelState['links'];
  /** Prefix of the file names. */
  readonly prefix: string;
  /** networkd has not answered the reload yet. */
  readonly isReloading: boolean;
}

export class Settling {
  /** MAC → until when enid waits for networkd. */
  readonly #byMac = new Map<string, { readonly untilMs: number; readonly linkName: string }>();

  #listed: ReadonlySet<string> = new Set();
  #restUntilMs = 0;

  /** Call it after each pass. */
  notePass(startMs: number, endMs: number): void {
    const { factor, leastMs, mostMs } = rest;
    this.#restUntilMs = endMs + Math.min(Math.max(factor * (endMs - startMs), leastMs), mostMs);
  }

  get isUnderWay(): boolean {
    return this.#byMac.size > 0;
  }

  /** How long the next pass should wait. */
  restMs(nowMs: number): number {
    return !this.isUnderWay ? 0 : Math.max(0, this.#restUntilMs - nowMs);
  }

  begin(mac: string, linkName: string, nowMs: number): void {
    this.#byMac.set(mac, { untilMs: nowMs + settleMs, linkName });
  }

  end(mac: string): void {
    this.#byMac.delete(mac);
  }

  /**
   * MACs of links that networkd is still configuring; the same object while they are unchanged.
   * Drops those whose time is over, or whose link networkd reports as configured by our file.
   */
  list({ networkd, links, prefix, isReloading }: SettlingView, nowMs: number): ReadonlySet<string> {
    for (const [mac, { untilMs, linkName }] of this.#byMac) {
      if (isReloading && untilMs > nowMs) continue;
      const linkIndex = links.find(({ name }) => name === linkName)?.index;
      const link = networkd.links.find((one) => one.linkIndex === linkIndex);
      const isInForce = link?.networkFile?.endsWith(`/${nameNetworkFile(prefix, linkName)}`) ?? false;
      if (untilMs <= nowMs || (isInForce && link?.setupState === 'configured')) this.#byMac.delete(mac);
    }
    if (!isSameList([...this.#byMac.keys()], [...this.#listed])) this.#listed = new Set(this.#byMac.keys());
    return this.#listed;
  }

  /** When each wait ends by itself. */
  endsMs(): number[] {
    return [...this.#byMac.values()].map(({ untilMs }) => untilMs);
  }
}
