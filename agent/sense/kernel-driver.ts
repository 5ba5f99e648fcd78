/** Which driver serves a link, from sysfs. */

import { readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { Link } from '../../lib/rtnetlink/types.ts';

/** The driver of a link; null if it has none or sysfs cannot tell. */
export type ReadDriver = (link: Link) => string | null;

/**
 * /sys shows the network namespace that it was mounted in: a device of the same name there may be
 * another one.
 */
export function readSysfsDriver(link: Link, directory = '/sys/class/net'): string | null {
  try {
    const path = `${directory}/${link.name}`;
    if (Number(readFileSync(`${path}/ifindex`, 'utf8')) !== link.index) return null;
    return basename(readlinkSync(`${path}/device/driver`));
  } catch {
    return null;
  }
}

/**
 * Remembers the driver by index and name; a physical link without a driver is asked again after its
 * next change.
 */
export class DriverTable {
  readonly #read: ReadDriver;
  #known = new Map<number, { readonly name: string; readonly driver: string | null }>();

  constructor(read: ReadDriver) {
    this.#read = read;
  }

  /** Drivers of the physical links. Of the others, which may be thousands, `kind` says more. */
  update(links: readonly Link[]): ReadonlyMap<number, string | null> {
    const known = new Map<number, { readonly name: string; readonly driver: string | null }>();
    const drivers = new Map<number, string | null>();
    for (const link of links) {
      if (link.kind !== null || link.isLoopback) continue;
      const before = this.#known.get(link.index);
      const isKnown = before !== undefined && before.name === link.name && before.driver !== null;
      const driver = isKnown ? before.driver : this.#read(link);
      known.set(link.index, { name: link.name, driver });
      drivers.set(link.index, driver);
    }
    this.#known = known;
    return drivers;
  }
}
