/**
 * A directory that was opened without following a symbolic link that another user could have
 * created: operations on `at` paths stay in it, whatever happens to its own path meanwhile
 * (openat(2), which Node does not have, by /proc/<pid>/fd).
 */

import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { errorCodeOf } from '../errors/system-error.ts';

const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** The kernel's own limit (linux/namei.h, MAXSYMLINKS). */
const maxLinks = 40;

export class SafeDirectory {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Opens an absolute path. A symbolic link is followed only in a directory that only root can
   * write to. `make`: missing directories are created, readable for all. Throws errors of the file
   * system, and an Error with code `ELOOP` for any other symbolic link.
   */
  static open(path: string, { make = false }: { readonly make?: boolean } = {}): SafeDirectory {
    let here = openSync('/', flags);
    let links = 0;
    const pending = split(path);
    try {
      for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
        const entry = join(`/proc/self/fd/${here}`, name === '..' ? '.' : name);
        const found = name === '..' ? null : lstatSync(entry, { throwIfNoEntry: false });
        if (found?.isSymbolicLink()) {
          if (!isRootsAlone(fstatSync(here)) || ++links > maxLinks) throw refuseLink(path, name);
          const target = readlinkSync(entry);
          pending.unshift(...split(target));
          if (target.startsWith('/')) here = replace(here, openSync('/', flags));
          continue;
        }
        if (found === undefined && make) mkdirSync(entry, 0o755);
        here = replace(here, openSync(name === '..' ? `/proc/self/fd/${here}/..` : entry, flags));
      }
      return new SafeDirectory(here);
    } catch (error) {
      closeSync(here);
      throw error;
    }
  }

  /** Path of an entry, valid for child processes, too. The entry itself may be a symbolic link. */
  at(name: string): string {
    return `/proc/${process.pid}/fd/${this.#fd}/${name}`;
  }

  /**
   * Creates a directory here, readable for all, and gives it to the owner. An existing one stays as
   * it is.
   */
  make(name: string, owner: { readonly uid: number; readonly gid: number }): void {
    try {
      mkdirSync(this.at(name), 0o755);
    } catch (error) {
      if (errorCodeOf(error) === 'EEXIST') return;
      throw error;
    }
    const fd = openSync(this.at(name), flags);
    fchownSync(fd, owner.uid, owner.gid);
    closeSync(fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function split(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function replace(before: number, after: number): number {
  closeSync(before);
  return after;
}

function isRootsAlone({ uid, mode }: Stats): boolean {
  return uid === 0 && (mode & 0o022) === 0;
}

function refuseLink(path: string, name: string): Error {
  const message = `failed to open ${path}: ${name} is a symbolic link in a directory that not only root writes to. Remove it`;
  return Object.assign(new Error(message), { code: 'ELOOP' });
}
