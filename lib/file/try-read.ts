/** Reads what may not be there. */

import { readdirSync } from 'node:fs';

/** Names in a directory, sorted; none where it cannot be read. */
export function list(directory: string): string[] {
  return tryRead(() => readdirSync(directory).sort()) ?? [];
}

/** Null where `read` throws: the file is not there, or cannot be read so. */
export function tryRead<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
