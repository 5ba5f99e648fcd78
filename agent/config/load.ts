/** Reads the configuration files of the host. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileError, readRegularFile } from '../../lib/file/read-file.ts';
import { mostYamlBytes } from '../../lib/text/yaml.ts';
import { ConfigError } from '../errors.ts';
import { mergeConfig } from './merge.ts';
import { parseConfigFile, parseKnown } from './parse.ts';
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
 * The configuration in force. Rejects with ConfigError, one line: `unreadable`, or one of
 * `parseConfigFile`; nothing is then taken from any file.
 */
export async function loadConfig(places: ConfigPlaces): Promise<Config> {
  const files = await readConfigTexts(places);
  return mergeConfig(files.map(({ path, text }) => parseConfigFile(text, path)));
}

/** A configuration, and a line for each unknown key that it was read without. */
export interface TolerantConfig {
  readonly config: Config;
  readonly ignored: readonly string[];
}

/**
 * As `loadConfig`, but an unknown key is no refusal: after a downgrade the host must not be without
 * enid. For a cold start, where there is no configuration to keep, and for who looks at the host.
 */
export async function loadTolerantly(places: ConfigPlaces): Promise<TolerantConfig> {
  const texts = await readConfigTexts(places);
  const files = texts.map(({ path, text }) => ({ path, ...parseKnown(text, path) }));
  const ignored = files.flatMap(({ path, unknown }) =>
    unknown.map(({ line, text }) => `${path}:${line}: ignored (of a newer version?): ${text}`),
  );
  return { config: mergeConfig(files.map(({ file }) => file)), ignored };
}

/**
 * The files that there are, in the order in which they count. Rejects with ConfigError
 * (`unreadable`).
 */
export async function readConfigTexts(
  places: ConfigPlaces,
): Promise<readonly { readonly path: string; readonly text: string }[]> {
  const names = ifPresent(places.dropInDirectory, (path) => readdirSync(path));
  const dropIns = (names ?? []).filter((name) => name.endsWith('.yaml') && !name.startsWith('.')).sort();
  const files: { path: string; text: string }[] = [];
  for (const path of [places.mainFile, ...dropIns.map((name) => join(places.dropInDirectory, name))]) {
    // An operator may link to a file that is elsewhere.
    const options = { maxBytes: mostYamlBytes, followsLinks: true };
    const text = ifPresent(path, (present) => readRegularFile(present, options));
    if (text !== null) files.push({ path, text });
    else if (path === places.mainFile && places.isMainFileRequired) {
      throw new ConfigError('unreadable', path, `failed to read ${path}: no such file`);
    }
  }
  return files;
}

function ifPresent<T>(path: string, read: (path: string) => T): T | null {
  try {
    return read(path);
  } catch (cause) {
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : cause;
    if (code === 'ENOENT') return null;
    const reason = cause instanceof FileError ? cause.expectation : String(code);
    throw new ConfigError('unreadable', path, `failed to read ${path}: ${reason}`, { cause });
  }
}
