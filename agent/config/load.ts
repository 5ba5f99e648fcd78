/** Reads the configuration files of the host. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../errors.ts';
import { mergeConfig } from './merge.ts';
import { parseConfigFile } from './parse.ts';
import type { Config } from './types.ts';

export interface ConfigPlaces {
  /** Read first; it may be missing unless `isMainFileRequired`. */
  readonly mainFile: string;
  /** Its `*.yaml` are read next, in the order of their names (by code point); it may be missing. */
  readonly dropInDirectory: string;
  /** The operator named the main file: then a missing one is a mistake. */
  readonly isMainFileRequired?: boolean;
}

/**
 * The configuration in force. Rejects with ConfigError, one line: `unreadable`, or one of `parseConfigFile`; nothing
 * is then taken from any file.
 */
export async function loadConfig(places: ConfigPlaces): Promise<Config> {
  const files = await readConfigTexts(places);
  return mergeConfig(files.map(({ path, text }) => parseConfigFile(text, path)));
}

/** The files that there are, in the order in which they count. Rejects with ConfigError (`unreadable`). */
export async function readConfigTexts(
  places: ConfigPlaces,
): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const names = await ifPresent(places.dropInDirectory, (path) => readdir(path));
  const dropIns = (names ?? []).filter((name) => name.endsWith('.yaml') && !name.startsWith('.')).sort();
  const files: { path: string; text: string }[] = [];
  for (const path of [places.mainFile, ...dropIns.map((name) => join(places.dropInDirectory, name))]) {
    const bytes = await ifPresent(path, (present) => readFile(present));
    if (bytes !== null) files.push({ path, text: decode(bytes, path) });
    else if (path === places.mainFile && places.isMainFileRequired) {
      throw new ConfigError('unreadable', path, `failed to read ${path}: no such file`);
    }
  }
  return files;
}

async function ifPresent<T>(path: string, read: (path: string) => Promise<T>): Promise<T | null> {
  try {
    return await read(path);
  } catch (cause) {
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : cause;
    if (code === 'ENOENT') return null;
    throw new ConfigError('unreadable', path, `failed to read ${path}: ${String(code)}`, { cause });
  }
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigError('unreadable', path, `failed to read ${path}: expected UTF-8 text`, { cause });
  }
}
