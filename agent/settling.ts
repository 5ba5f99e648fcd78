/** Links that networkd was told to configure: what it makes itself is not made beside it. */

import { isSameList } from './decide/memo.ts';
import { nameNetworkFile } from './decide/network-file.ts';
import type { KernelState, NetworkdState } from './model.ts';

/** How long networkd may take to make what its new files say before its work is done beside it. */
const settleMs = 3_000;

export interface SettlingView {
  readonly networkd: NetworkdState;
  readonly links: KernelState['links'];
  /** Of the names of files. */
  readonly prefix: string;
  /** networkd has not answered the reload yet. */
  readonly isReloading: boolean;
}

export class Settling {
  /** MAC → until when networkd is left to work. */
  readonly #byMac = new Map<string, { readonly untilMs: number; readonly linkName: string }>();

  #listed: ReadonlySet<string> = new Set();

  get isEmpty(): boolean {
    return this.#byMac.size === 0;
  }

  begin(mac: string, linkName: string, nowMs: number): void {
    this.#byMac.set(mac, { untilMs: nowMs + settleMs, linkName });
  }

  end(mac: string): void {
    this.#byMac.delete(mac);
  }

  /** MACs; the same object while they are the same. Those whose time is over, or whose link networkd reports as configured by our file, are dropped. */
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

  /** When the next one ends by itself. */
  endsMs(): number[] {
    return [...this.#byMac.values()].map(({ untilMs }) => untilMs);
  }
}
