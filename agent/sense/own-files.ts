/** The networkd files in the unit directory that carry this program's header. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface UnitFile {
  /** Relative to the unit directory. */
  readonly name: string;
  readonly text: string;
}

/**
 * Every file of the directory and of its `.network.d` folders whose name begins with `prefix-`, sorted by name. A
 * missing directory holds no files. Throws what the file system throws otherwise: unknown is not empty.
 */
export function readUnitFiles(directory: string, prefix: string): UnitFile[] {
  const names: string[] = [];
  for (const entry of listDirectory(directory)) {
    if (!entry.name.startsWith(`${prefix}-`)) continue;
    if (entry.isFile()) names.push(entry.name);
    else if (entry.isDirectory() && entry.name.endsWith('.network.d')) {
      const inner = listDirectory(join(directory, entry.name)).filter((one) => one.isFile());
      names.push(...inner.map((one) => `${entry.name}/${one.name}`));
    }
  }
  return names.sort().flatMap((name) => {
    const text = readIfPresent(join(directory, name));
    return text === null ? [] : [{ name, text }];
  });
}

function listDirectory(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function readIfPresent(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
