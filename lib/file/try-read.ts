/** Reads what may be missing. */

import { readdirSync } from 'node:fs';

/** Names in a directory, sorted; none if it cannot be read. */
export function list(directory: string): string[] {
  return tryRead(() => readdirSync(directory).sort()) ?? [];
}

/** Null if `read` throws: the file is missing or cannot be read. */
export function tryRead<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
