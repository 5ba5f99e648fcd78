/**
 * Patterns of names, as in shells and configuration files. No pattern is invalid. Invariant: a
 * match takes at most as many steps as the product of the lengths of pattern and text: never a
 * regular expression, whose `.*.*` tries every way to split the text.
 */

/** What one character of the text must match; null: any text. */
type Part = ((character: string) => boolean) | null;

/** True if the whole text matches: `*` is any text, `?` any one character, all else itself. */
export function matchesWildcards(pattern: string, text: string): boolean {
  return matches(Array.from(pattern, toPart), text);
}

/**
 * As fnmatch(3): besides `*` and `?`, `[a-z]` and `[!a-z]` are one character of a set; a set
 * without an end is text.
 */
export function matchesShellPattern(pattern: string, text: string): boolean {
  return matches(splitSets(pattern).map(toPart), text);
}

/**
 * After a `*` the rest is tried at each character in turn; after the next `*` only that one is
 * tried again, because it can match whatever an earlier one could.
 */
function matches(parts: readonly Part[], text: string): boolean {
  const characters = Array.from(text);
  let [at, next] = [0, 0];
  let lastStar: { readonly part: number; from: number } | null = null;
  while (at < characters.length) {
    const part = parts[next];
    if (part === null) {
      lastStar = { part: next, from: at };
      next++;
    } else if (part?.(characters[at] ?? '') === true) {
      at++;
      next++;
    } else if (lastStar !== null) {
      at = ++lastStar.from;
      next = lastStar.part + 1;
    } else return false;
  }
  return parts.slice(next).every((part) => part === null);
}

/** A set is one part with its brackets, any other character is one. */
function splitSets(pattern: string): string[] {
  const parts: string[] = [];
  const characters = Array.from(pattern);
  // Without a later `]`, no `[` starts a set: searched once, not from each `[`.
  const lastEnd = characters.lastIndexOf(']');
  for (let at = 0; at < characters.length; ) {
    const first = at + (characters[at + 1] === '!' ? 2 : 1);
    // The first member is always literal, even `]`.
    const end = characters[at] === '[' && first + 1 <= lastEnd ? characters.indexOf(']', first + 1) : at;
    parts.push(characters.slice(at, end + 1).join(''));
    at = end + 1;
  }
  return parts;
}

function toPart(text: string): Part {
  if (text === '*') return null;
  if (text === '?') return () => true;
  const characters = Array.from(text);
  if (characters.length === 1) return (character) => character === text;
  const isNegated = characters[1] === '!';
  const members = characters.slice(isNegated ? 2 : 1, -1);
  return (character) => isMember(members, character) !== isNegated;
}

/** `a-z` is a range; one that runs backwards has no members. */
function isMember(members: readonly string[], character: string): boolean {
  for (let at = 0; at < members.length; ) {
    const [first = '', dash, last] = members.slice(at, at + 3);
    const isRange = dash === '-' && last !== undefined;
    if (isRange ? compare(first, character) <= 0 && compare(character, last) <= 0 : first === character) return true;
    at += isRange ? 3 : 1;
  }
  return false;
}

/** By code point. */
function compare(left: string, right: string): number {
  return (left.codePointAt(0) ?? 0) - (right.codePointAt(0) ?? 0);
}
