/** Reads the configuration files of the host. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodeOf, isMissing } from '../../lib/errors/system-error.ts';
import { FileError, readRegularFile } from '../../lib/file/read-file.ts';
import { mostYamlBytes } from '../../lib/text/yaml.ts';
import { ConfigError } from '../errors.ts';
import { type EntryPlace, listCautions } from './cautions.ts';
import { type Fault, summariseFaults } from './fault.ts';
import { mergeConfig } from './merge.ts';
import { readConfigFile } from './parse.ts';
import type { Config } from './types.ts';

export interface ConfigPlaces {
  /** Read first; it may be missing unless `isMainFileRequired`. */
  readonly mainFile: string;
  /** Its `*.yaml` are read next, in the order of their names (by code point); it may be missing. */
  readonly dropInDirectory: string;
  /** The operator named the main file: then a missing one is a mistake. */
  readonly isMainFileRequired?: boolean;
}

/** What all files say together, and everything that is wrong with any of them. */
export interface ConfigReading {
  /** Null: a file is refused. With tolerated faults alone there is one. */
  readonly config: Config | null;
  readonly faults: readonly Fault[];
  /** What is allowed and seldom meant. */
  readonly cautions: readonly Fault[];
  /** The files that were read, in the order in which they count. */
  readonly files: readonly string[];
  /** Where each entry of `interfaces` stands, in the order of the configuration. */
  readonly entries: readonly EntryPlace[];
}

/**
 * The configuration in force. Rejects with ConfigError, one line: the first fault and the number of
 * the others; nothing is then taken from any file. What enid 0.1.0 took (`isTolerated`) is taken
 * unless `isStrict`.
 */
export async function loadConfig(places: ConfigPlaces, options: { readonly isStrict?: boolean } = {}): Promise<Config> {
  return requireConfig(readConfig(places), options);
}

/** As `loadConfig`, of what was read. */
export function requireConfig(
  { config, faults }: ConfigReading,
  { isStrict = false }: { readonly isStrict?: boolean } = {},
): Config {
  if (config !== null && (!isStrict || faults.length === 0)) return config;
  const refused = isStrict ? faults : faults.filter(({ isTolerated }) => isTolerated !== true);
  const [first] = refused;
  const code = first?.line === null ? 'unreadable' : 'invalid-config';
  throw new ConfigError(code, first?.file ?? '', summariseFaults(refused));
}

/** Reads all files whatever is wrong with one of them. Never throws. */
export function readConfig(places: ConfigPlaces): ConfigReading {
  const { texts, faults: unreadable } = readConfigTexts(places);
  const readings = texts.map(({ path, text }) => ({ path, ...readConfigFile(text, path) }));
  const faults = [...unreadable, ...readings.flatMap((reading) => reading.faults)];
  const files = readings.flatMap(({ file }) => file ?? []);
  const isWhole = unreadable.length === 0 && files.length === readings.length;
  const config = isWhole ? mergeConfig(files) : null;
  const entries = [...readings]
    .reverse()
    .flatMap(({ path, entryPlaces }) => entryPlaces.map((place) => ({ file: path, ...place })));
  return {
    config,
    faults,
    cautions: config === null ? [] : listCautions(config.interfaces, entries),
    entries,
    files: texts.map(({ path }) => path),
  };
}

export interface ConfigText {
  readonly path: string;
  readonly text: string;
}

/** The files that there are, in the order in which they count. */
export function readConfigTexts(places: ConfigPlaces): {
  readonly texts: readonly ConfigText[];
  readonly faults: readonly Fault[];
} {
  const faults: Fault[] = [];
  const texts: ConfigText[] = [];
  const read = <T>(path: string, how: (path: string) => T): T | null => ifPresent(path, how, faults);
  const names = read(places.dropInDirectory, (path) => readdirSync(path)) ?? [];
  const dropIns = names.filter((name) => name.endsWith('.yaml') && !name.startsWith('.')).sort();
  // An operator may link to a file that is elsewhere.
  const options = { maxBytes: mostYamlBytes, followsLinks: true };
  for (const path of [places.mainFile, ...dropIns.map((name) => join(places.dropInDirectory, name))]) {
    const before = faults.length;
    const text = read(path, (present) => readRegularFile(present, options));
    if (text !== null) texts.push({ path, text });
    else if (path === places.mainFile && places.isMainFileRequired && faults.length === before) {
      faults.push({ file: path, line: null, key: '', text: 'no such file' });
    }
  }
  return { texts, faults };
}

/** Null: it is not there, or cannot be read, which is a fault. */
function ifPresent<T>(path: string, read: (path: string) => T, faults: Fault[]): T | null {
  try {
    return read(path);
  } catch (cause) {
    if (isMissing(cause)) return null;
    const reason = cause instanceof FileError ? cause.expectation : describeCode(errorCodeOf(cause) ?? String(cause));
    faults.push({ file: path, line: null, key: '', text: reason });
    return null;
  }
}

function describeCode(code: string): string {
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied; run it as root, or: chmod a+r';
  if (code === 'EISDIR' || code === 'ENOTDIR') return `${code}; expected files in a directory`;
  return code;
}
