/**
 * One configuration file: YAML text to what it says, or one line that tells what is wrong with it.
 * Pure.
 */

import { Document, isMap, isNode, isScalar, LineCounter, type Node } from 'yaml';
import type * as z from 'zod';
import { parseYaml, toPlainData, YamlError } from '../../lib/text/yaml.ts';
import { ConfigError } from '../errors.ts';
import { mergeConfig } from './merge.ts';
import { type ConfigFile, configSchema } from './schema.ts';
import { suggestWord } from './suggest.ts';
import type { Config } from './types.ts';
import { dropUnknown, isUnknownKeys } from './unknown.ts';

/** One file alone, over the defaults. Throws like `parseConfigFile`. */
export function parseConfig(text: string, fileName: string): Config {
  return mergeConfig([parseConfigFile(text, fileName)]);
}

/** What is wrong with a line of a file. */
export interface Problem {
  readonly line: number;
  readonly text: string;
}

type Path = readonly PropertyKey[];

/**
 * Throws ConfigError (`invalid-yaml`, `invalid-config`) with `file:line: key: expected …, got …`
 * for the first problem and the number of the others. An empty file says nothing and is fine.
 */
export function parseConfigFile(text: string, fileName: string): ConfigFile {
  const { file, unknown } = parseKnown(text, fileName);
  if (unknown.length > 0) refuse(unknown, fileName);
  return file;
}

/**
 * What the file says beside unknown keys, which may be a newer version's, and a problem for each of
 * those. Throws as `parseConfigFile` for anything else.
 */
export function parseKnown(text: string, fileName: string): { file: ConfigFile; unknown: readonly Problem[] } {
  const lines = new LineCounter();
  const { document, value } = readYaml(text, fileName, lines);
  const parsed = configSchema.safeParse(value ?? {});
  if (parsed.success) return { file: parsed.data, unknown: [] };
  const describe = (issues: readonly z.core.$ZodIssue[]) =>
    issues.flatMap((issue) => describeIssue(issue, document, lines));
  const { issues } = parsed.error;
  // What the first look finds is at its place; what only the second one finds may not be.
  const known = issues.every(isUnknownKeys) ? configSchema.safeParse(dropUnknown(value, issues)) : parsed;
  if (!known.success) return refuse(describe(known.error.issues), fileName);
  return { file: known.data, unknown: describe(issues) };
}

function refuse(problems: readonly Problem[], fileName: string): never {
  const sorted = [...problems].sort((left, right) => left.line - right.line);
  const [first = { line: 1, text: 'expected a mapping of keys to values' }] = sorted;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  throw new ConfigError('invalid-config', fileName, `${fileName}:${first.line}: ${first.text}${more}`);
}

function readYaml(text: string, fileName: string, lines: LineCounter): { document: Document; value: unknown } {
  const refuse = (line: number, message: string, cause?: unknown): never => {
    throw new ConfigError('invalid-yaml', fileName, `${fileName}:${line}: ${message}`, { cause });
  };
  try {
    const [document, second] = parseYaml(text, lines);
    if (document === undefined) return { document: new Document(null), value: null };
    if (second !== undefined) return refuse(lineOf(second.contents, lines), 'expected one document, got a second one');
    return { document, value: toPlainData(document) };
  } catch (cause) {
    if (!(cause instanceof YamlError)) throw cause;
    return refuse(Math.max(1, lines.linePos(cause.offset).line), describeYamlError(cause.message), cause);
  }
}

function describeYamlError(message: string): string {
  if (message === 'Map keys must be unique') return 'expected each key once, got the same one again';
  return message.startsWith('expected ') ? message : `expected YAML: ${message}`;
}

function describeIssue(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): Problem[] {
  if (isUnknownKeys(issue)) {
    return issue.keys.map((key) => {
      const known = knownKeys(issue.path);
      const suggestion = suggestWord(key, known);
      const hint = suggestion === null ? `expected one of ${known.join(', ')}` : `did you mean \`${suggestion}\`?`;
      const text = `${formatPath([...issue.path, key])}: unknown key: ${hint}`;
      return { line: lineOf(findKey(document, issue.path, key), lines), text };
    });
  }
  const node = findNode(document, issue.path);
  const got = node === undefined ? 'nothing' : formatValue(node, document);
  const place = issue.path.length === 0 ? '' : `${formatPath(issue.path)}: `;
  const line = lineOf(node ?? findNode(document, issue.path.slice(0, -1)), lines);
  const meant =
    issue.code === 'invalid_value' && isScalar(node) ? suggestWord(String(node.value), issue.values.map(String)) : null;
  const hint = meant === null ? '' : `; did you mean \`${meant}\`?`;
  return [{ line, text: `${place}expected ${issue.message}, got ${got}${hint}` }];
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
