/** How one configuration differs from another, key by key. Pure. */

import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { formatConfig } from './format.ts';
import type { Config } from './types.ts';

/** In force from the next start on. */
const ofStart = /^(metrics|runtimeDirectory)\b/;
const longestValue = 60;

export interface KeyDifference {
  /** `imds.interval`, `interfaces[0].rules`. */
  readonly key: string;
  /** As a file would have it, short. */
  readonly before: string;
  readonly after: string;
  /** It takes effect at the next start only. */
  readonly isLate: boolean;
}

/** None: the same. */
export function listDifferences(before: Config, after: Config): KeyDifference[] {
  return compare('', parse(formatConfig(before)), parse(formatConfig(after)));
}

function compare(path: string, before: unknown, after: unknown): KeyDifference[] {
  if (isDeepStrictEqual(before, after)) return [];
  const keys = listKeys(before, after);
  if (keys === null) return [{ key: path, before: show(before), after: show(after), isLate: ofStart.test(path) }];
  const isList = Array.isArray(before);
  return keys.flatMap((key) => {
    const below = isList ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    return compare(below, (before as Record<string, unknown>)[key], (after as Record<string, unknown>)[key]);
  });
}

/** Of two mappings, or two lists of mappings of one length; null: compared as a whole. */
function listKeys(before: unknown, after: unknown): string[] | null {
  if (!isObject(before) || !isObject(after) || Array.isArray(before) !== Array.isArray(after)) return null;
  if (Array.isArray(before) && Array.isArray(after)) {
    const isOfMappings = [...before, ...after].every((one) => isObject(one) && !Array.isArray(one));
    if (!isOfMappings || before.length !== after.length) return null;
  }
  return [...new Set([...Object.keys(before), ...Object.keys(after)])];
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function show(value: unknown): string {
  if (value === undefined) return 'default';
  if (Array.isArray(value) && value.some(isObject)) return value.length === 1 ? '1 entry' : `${value.length} entries`;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}
