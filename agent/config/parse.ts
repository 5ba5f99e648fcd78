/**
 * One configuration file: YAML text to what it says, and to everything that is wrong with it. Pure.
 */

import { Document, isMap, isNode, isScalar, isSeq, LineCounter, type Node } from 'yaml';
import type * as z from 'zod';
import { composeYaml, toPlainData, YamlError } from '../../lib/text/yaml.ts';
import { ConfigError } from '../errors.ts';
import { adviseOnValue } from './advice.ts';
import type { EntryPlace } from './cautions.ts';
import { type Fault, summariseFaults } from './fault.ts';
import { mergeConfig } from './merge.ts';
import { type ConfigFile, configSchema } from './schema.ts';
import { suggestWord } from './suggest.ts';
import type { Config } from './types.ts';
import { dropUnknown, isUnknownKeys } from './unknown.ts';

/** One file alone, over the defaults. Throws like `parseConfigFile`. */
export function parseConfig(text: string, fileName: string): Config {
  return mergeConfig([parseConfigFile(text, fileName)]);
}

/** What a file says, as far as it can be told, and all of its faults. */
export interface FileReading {
  /** Without unknown keys. Null: it is refused. */
  readonly file: ConfigFile | null;
  readonly isYaml: boolean;
  /** In the order of their lines. */
  readonly faults: readonly Fault[];
  /** Where the entries of `interfaces` stand that are taken. */
  readonly entryPlaces: readonly Pick<EntryPlace, 'line' | 'index'>[];
}

type Path = readonly PropertyKey[];
type Place = Omit<Fault, 'file'>;

/**
 * Throws ConfigError (`invalid-yaml`, `invalid-config`) with `file:line: key: expected …, got …`
 * for the first fault and the number of the others. An empty file says nothing and is fine. An
 * entry without `match` is no fault here.
 */
export function parseConfigFile(text: string, fileName: string): ConfigFile {
  const { file, faults, isYaml } = readConfigFile(text, fileName);
  const refused = faults.filter(({ isTolerated, isUnknownKey }) => isTolerated !== true || isUnknownKey === true);
  if (file !== null && refused.length === 0) return file;
  throw new ConfigError(isYaml ? 'invalid-config' : 'invalid-yaml', fileName, summariseFaults(refused));
}

/** Never throws. */
export function readConfigFile(text: string, fileName: string): FileReading {
  const lines = new LineCounter();
  const { document, value, faults: ofYaml } = readYaml(text, lines);
  const parsed = document === null ? null : configSchema.safeParse(value ?? {});
  const issues = parsed?.success === false ? parsed.error.issues : [];
  // A newer version may know the keys.
  const unknown = issues.filter(isUnknownKeys);
  const isKnownLeft = unknown.length > 0 && unknown.length === issues.length;
  const known = isKnownLeft ? configSchema.safeParse(dropUnknown(value, unknown)) : parsed;
  // What the first look finds is at its place; what only the second one finds may not be.
  const hidden = isKnownLeft && known?.success === false ? known.error.issues : [];
  const ignored = isKnownLeft && known?.success === true ? ({ isTolerated: true, isUnknownKey: true } as const) : {};
  const found: Place[] = [
    ...ofYaml,
    ...(document === null
      ? []
      : [...issues, ...hidden]
          .flatMap((issue) => describeIssue(issue, document, lines))
          .map((one) => ({ ...one, ...ignored }))),
    ...(document === null ? [] : listEntriesWithoutMatch(document, lines)),
  ];
  const faults = found
    .map((fault): Fault => ({ file: fileName, ...fault }))
    .sort((left, right) => (left.line ?? 0) - (right.line ?? 0));
  const isRefused = faults.some(({ isTolerated }) => isTolerated !== true);
  const file = isRefused || known?.success !== true ? null : known.data;
  const isYaml = document !== null && ofYaml.length === 0;
  const entryPlaces = document === null ? [] : listEntryPlaces(document, lines, isKnownLeft ? unknown : []);
  return { file, faults, isYaml, entryPlaces };
}

interface YamlReading {
  /** Null: there is none to go by. */
  readonly document: Document | null;
  readonly value: unknown;
  readonly faults: readonly Place[];
}

function readYaml(text: string, lines: LineCounter): YamlReading {
  const nothing = { document: null, value: null };
  try {
    const { documents, errors } = composeYaml(text, lines);
    const faults = toFaults(errors, lines, text);
    const [document, second] = documents;
    // A key that is there twice leaves the rest readable; after any other error all that follows
    // may be misread.
    if (errors.some(({ message }) => message !== doubleKey)) return { ...nothing, faults: faults.slice(0, 1) };
    if (document === undefined) return { document: new Document(null), value: null, faults };
    if (second !== undefined) {
      const text = 'expected one document, got a second one';
      return { ...nothing, faults: [...faults, { line: lineOf(second.contents, lines), key: '', text }] };
    }
    return { document, value: toPlainData(document), faults };
  } catch (cause) {
    if (!(cause instanceof YamlError)) throw cause;
    return { ...nothing, faults: toFaults([cause], lines, text) };
  }
}

/** yaml 2.9.1, compose/resolve-block-map.js and resolve-flow-collection.js. */
const doubleKey = 'Map keys must be unique';

function toFaults(errors: readonly YamlError[], lines: LineCounter, text: string): Place[] {
  return errors.map(({ message, offset }) => ({
    line: Math.max(1, lines.linePos(offset).line),
    // Where a key is there twice, the error is at the second one.
    key: message === doubleKey ? (/^[\w.-]{1,64}/.exec(text.slice(offset, offset + 64))?.[0] ?? '') : '',
    text: describeYamlError(message),
  }));
}

function describeYamlError(message: string): string {
  if (message === doubleKey) return 'expected each key once, got the same one again; remove one of the two';
  const text = message.startsWith('expected ') ? message : `expected YAML: ${message}`;
  return /tabs are not allowed/i.test(message) ? `${text}; indent with spaces` : text;
}

function listEntries(document: Document): readonly unknown[] {
  const list = findNode(document, ['interfaces']);
  return isSeq(list) ? list.items : [];
}

/** Without those that `dropUnknown` takes out as a whole. */
function listEntryPlaces(
  document: Document,
  lines: LineCounter,
  unknown: readonly z.core.$ZodIssueUnrecognizedKeys[],
): Pick<EntryPlace, 'line' | 'index'>[] {
  const isDropped = (index: number) =>
    unknown.some(({ path }) => path[0] === 'interfaces' && path[1] === index && path[2] === 'match');
  return listEntries(document)
    .map((item, index) => ({ line: lineOf(isNode(item) ? item : null, lines), index }))
    .filter(({ index }) => !isDropped(index));
}

/** Entries that would decide about every ENI because a line was forgotten. */
function listEntriesWithoutMatch(document: Document, lines: LineCounter): Place[] {
  return listEntries(document).flatMap((item, index): Place[] => {
    if (!isMap(item) || item.has('match')) return [];
    const text = 'expected which ENIs the entry is for, got nothing; for every ENI: `match: {}`';
    return [{ line: lineOf(item, lines), key: `interfaces[${index}].match`, text, isTolerated: true }];
  });
}

function describeIssue(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): Place[] {
  if (isUnknownKeys(issue)) {
    return issue.keys.map((key) => {
      const known = knownKeys(issue.path);
      const suggestion = suggestWord(key, known);
      const hint = suggestion === null ? `expected one of ${known.join(', ')}` : `did you mean \`${suggestion}\`?`;
      const line = lineOf(findKey(document, issue.path, key), lines);
      return { line, key: formatPath([...issue.path, key]), text: `unknown key: ${hint}` };
    });
  }
  const node = findNode(document, issue.path);
  const got = node === undefined ? 'nothing' : formatValue(node, document);
  const line = lineOf(node ?? findNode(document, issue.path.slice(0, -1)), lines);
  const meant =
    issue.code === 'invalid_value' && isScalar(node) ? suggestWord(String(node.value), issue.values.map(String)) : null;
  const hint = meant === null ? adviseOn(issue, node) : `; did you mean \`${meant}\`?`;
  return [{ line, key: formatPath(issue.path), text: `expected ${issue.message}, got ${got}${hint}` }];
}

/** What the message of the value does not say. */
function adviseOn({ path, message }: z.core.$ZodIssue, node: Node | undefined): string {
  if (path.length === 1 && path[0] === 'interfaces' && isMap(node)) return '; begin each entry with `- `';
  const advice = isScalar(node) ? adviseOnValue(message, node.value) : null;
  return advice === null ? '' : `; write ${advice}`;
}

/** Keys that the mapping at `path` may have. */
function knownKeys(path: Path): string[] {
  let schema: unknown = configSchema;
  for (const step of path)
    schema = unwrap(typeof step === 'number' ? elementOf(schema) : shapeOf(schema)?.[String(step)]);
  return Object.keys(shapeOf(schema) ?? {});
}

function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  return isObject(schema) && isObject(schema['shape']) ? schema['shape'] : undefined;
}

function elementOf(schema: unknown): unknown {
  return isObject(schema) ? schema['element'] : undefined;
}

/** Through `optional()` and `nullable()`. */
function unwrap(schema: unknown): unknown {
  if (!isObject(schema) || typeof schema['unwrap'] !== 'function' || 'element' in schema) return schema;
  return unwrap(schema['unwrap']());
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Undefined where there is none, or only behind an alias. */
function findNode(document: Document, path: Path): Node | undefined {
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(node) ? node : undefined;
}

function findKey(document: Document, path: Path, key: string): Node | undefined {
  const map = findNode(document, path);
  if (!isMap(map)) return map;
  const pair = map.items.find((item) => isScalar(item.key) && item.key.value === key);
  return isNode(pair?.key) ? pair.key : map;
}

function lineOf(node: Node | null | undefined, lines: LineCounter): number {
  const offset = node?.range?.[0];
  return offset === undefined ? 1 : Math.max(1, lines.linePos(offset).line);
}

function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
}

function formatValue(node: Node, document: Document): string {
  const value: unknown = node.toJS(document, { maxAliasCount: 100 });
  if (value === null) return 'nothing';
  const text = typeof value === 'object' ? (Array.isArray(value) ? 'a list' : 'a mapping') : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
