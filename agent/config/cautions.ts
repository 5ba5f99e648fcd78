/**
 * What the files may say and what is seldom meant: entries without effect, or with too much. Pure.
 */

import type { Fault } from './fault.ts';
import type { InterfaceEntry, InterfaceMatch } from './types.ts';

/** Of an entry of `interfaces`: `index` is its place in its own file. */
export interface EntryPlace {
  readonly file: string;
  readonly line: number;
  readonly index: number;
}

/** `places`: one for each entry, in the same order. */
export function listCautions(entries: readonly InterfaceEntry[], places: readonly EntryPlace[]): Fault[] {
  return entries.flatMap((entry, at): Fault[] => {
    const place = places[at];
    if (place === undefined) return [];
    const { file, line, index } = place;
    const say = (key: string, text: string): Fault => ({ file, line, key: `interfaces[${index}]${key}`, text });
    const cover = entries.slice(0, at).findIndex((earlier) => covers(earlier.match, entry.match));
    const coverPlace = places[cover];
    return [
      ...(coverPlace === undefined ? [] : [say('', describeCover(entries[cover]?.match ?? {}, coverPlace, file))]),
      ...(mayTakePrimary(entry)
        ? [say('.vrf', 'not for the primary ENI, which this entry matches (device 0); match the others')]
        : []),
    ];
  });
}

/** Every ENI that `later` matches is one that `earlier` matches. */
function covers(earlier: InterfaceMatch, later: InterfaceMatch): boolean {
  const { tag: tags = {}, ...keys } = earlier;
  const { tag: laterTags = {}, ...laterKeys } = later;
  const of: Readonly<Record<string, unknown>> = laterKeys;
  return (
    Object.entries(keys).every(([key, value]) => of[key] === value) &&
    Object.entries(tags).every(([key, value]) => laterTags[key] === value)
  );
}

function describeCover(match: InterfaceMatch, { file, line, index }: EntryPlace, ownFile: string): string {
  const place = `interfaces[${index}]${file === ownFile ? ` in line ${line}` : ` of ${file}:${line}`}`;
  const what = Object.keys(match).length === 0 ? 'matches every ENI' : 'matches all that it matches';
  return `without effect: ${place} comes before it and ${what}; the first match decides, so put this one before it`;
}

/** The only ENI of number 0 on card 0 is the primary. */
function mayTakePrimary({ match, policy }: InterfaceEntry): boolean {
  const { device, card = 0, ...rest } = match;
  const isPrimary = device === 0 && card === 0;
  const isAny = device === undefined && Object.keys(rest).length === 0 && card === 0;
  return (policy.vrf ?? null) !== null && (isPrimary || isAny);
}
