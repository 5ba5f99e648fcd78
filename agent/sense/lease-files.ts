/**
 * networkd's files about each link, by link index, in directories that other programs may read but
 * not write.
 */

import { type FSWatcher, readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { readRegularFile } from '../../lib/file/read-file.ts';
import type { NetworkdLease, NetworkdLink, NetworkdState } from '../model.ts';
import { parseLeaseFile } from './lease-file.ts';
import { parseLinkFile, parseLinkState } from './link-file.ts';

export const leaseDirectory = '/run/systemd/netif/leases';
/** A lease has some hundred bytes, and some thousand with many routes. */
const longestBytes = 65_536;

/** Null: there is none, or the file has no lease. */
export function readLeaseFile(directory: string, linkIndex: number): NetworkdLease | null {
  return readStateFile(directory, linkIndex, parseLeaseFile);
}

/** Null also for a file that cannot be read. */
function readStateFile<T>(directory: string, linkIndex: number, parse: (text: string) => T | null): T | null {
  try {
    const options = { maxBytes: longestBytes, isAnyText: true };
    return parse(readRegularFile(join(directory, String(linkIndex)), options));
  } catch {
    return null;
  }
}

/** A directory of networkd, and what a file in it adds to the state of its link. */
export interface StateFileKind {
  readonly directory: string;
  readonly read: (directory: string, linkIndex: number) => Partial<NetworkdLink>;
  /**
   * The links of the directory, for when networkd itself cannot be asked. No key: the files do not
   * have them.
   */
  readonly list?: (directory: string) => NetworkdLink[];
}

export const leaseFiles: StateFileKind = {
  directory: leaseDirectory,
  read: (directory, linkIndex) => {
    const lease = readLeaseFile(directory, linkIndex);
    return lease === null ? {} : { lease };
  },
};

export const linkFiles: StateFileKind = {
  directory: '/run/systemd/netif/links',
  read: (directory, linkIndex) => {
    const hasDns = readStateFile(directory, linkIndex, parseLinkFile);
    return hasDns === null ? {} : { hasDns };
  },
  list: (directory) =>
    listNumbers(directory).flatMap((linkIndex) => {
      const link = readStateFile(directory, linkIndex, parseLinkState);
      return link === null ? [] : [{ linkIndex, ...link }];
    }),
};

function listNumbers(directory: string): number[] {
  try {
    return readdirSync(directory).flatMap((name) => (/^\d{1,9}$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

export class StateFiles {
  readonly #read: StateFileKind['read'];
  readonly #list: StateFileKind['list'];
  readonly #directory: string;
  readonly #onChange: () => void;
  #watcher: FSWatcher | null = null;
  #isStale = true;
  #state: NetworkdState | null = null;
  #result: NetworkdState | null = null;

  constructor(onChange: () => void, kind: StateFileKind) {
    this.#onChange = onChange;
    this.#directory = kind.directory;
    this.#read = kind.read;
    this.#list = kind.list;
  }

  /** networkd's state with the content of the files added; the same object until either changes. */
  addTo(state: NetworkdState): NetworkdState {
    const last = this.#result;
    // networkd creates the directory when it starts; until then each call tries again to watch it,
    // and reads the files.
    const isHeard = this.#watcher !== null;
    if (last !== null && isHeard && !this.#isStale && this.#state === state) return last;
    // Before the files are read: changes from here on are noticed.
    if (!isHeard) this.#watch();
    this.#isStale = false;
    this.#state = state;
    const known = state.isCutOff === true ? (this.#list?.(this.#directory) ?? state.links) : state.links;
    const links = known.map((link) => ({ ...link, ...this.#read(this.#directory, link.linkIndex) }));
    const next = { ...state, links };
    this.#result = last !== null && isSame(last, next) ? last : next;
    return this.#result;
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }

  #watch(): void {
    try {
      const watcher = watch(this.#directory, { persistent: false }, (event, name) => this.#hear(event, name ?? ''));
      watcher.on('error', () => this.close());
      this.#watcher = watcher;
    } catch {
      this.#watcher = null;
    }
  }

  /** networkd writes a temporary file and renames it. */
  #hear(event: string, name: string): void {
    // The removal of the directory itself is an event with its own name (IN_DELETE_SELF).
    if (event === 'rename' && this.#directory.endsWith(`/${name}`)) this.close();
    else if (!/^\d+$/.test(name)) return;
    this.#isStale = true;
    this.#onChange();
  }
}

function isSame(left: NetworkdState, right: NetworkdState): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
