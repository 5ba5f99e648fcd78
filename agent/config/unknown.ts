/**
 * Takes unknown keys out of a configuration file's data: what a newer version has written must not
 * leave a host without enid. Pure.
 */

import type * as z from 'zod';

type Path = readonly PropertyKey[];

export function isUnknownKeys(issue: z.core.$ZodIssue): issue is z.core.$ZodIssueUnrecognizedKeys {
  return issue.code === 'unrecognized_keys';
}

/**
 * The data without the unknown keys that the issues name. An unknown key beside others that it
 * narrows (in `match`, in an item of `select` or `routes`) goes with the whole entry: without it
 * the entry would hold for more ENIs, or more traffic, than its author meant.
 */
export function dropUnknown(data: unknown, issues: readonly z.core.$ZodIssueUnrecognizedKeys[]): unknown {
  const dropped = issues.flatMap(({ path, keys }) => {
    const narrowed = findNarrowed(path);
    return (narrowed === null ? keys.map((key) => [...path, key]) : [narrowed]).map((place) => place.join('\n'));
  });
  const isDropped = (place: Path) => dropped.includes(place.join('\n'));
  const copy = (value: unknown, path: Path): unknown => {
    if (Array.isArray(value))
      return value.flatMap((item, index) => (isDropped([...path, index]) ? [] : [copy(item, [...path, index])]));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(([key]) => !isDropped([...path, key]));
    return Object.fromEntries(entries.map(([key, item]) => [key, copy(item, [...path, key])]));
  };
  return copy(data, []);
}

/** The entry of a list that an unknown key at `path` narrows; null: there is none. */
function findNarrowed(path: Path): Path | null {
  const index = path.findLastIndex((step) => typeof step === 'number');
  // `interfaces[2]` itself: its keys say what holds, each on its own.
  const isPolicy = index === 1 && path[2] !== 'match';
  return index < 0 || isPolicy ? null : path.slice(0, index + 1);
}
