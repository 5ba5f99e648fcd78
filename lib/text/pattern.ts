/** Patterns of names, as shells and configuration files have them. No pattern is invalid. */

/** True where all of the text fits: `*` is any text, `?` any one character, all else itself. */
export function matchesWildcards(pattern: string, text: string): boolean {
  return matches(pattern.split(''), text);
}

/** As fnmatch(3): besides `*` and `?`, `[a-z]` and `[!a-z]` are one character of a set; a set without an end is text. */
export function matchesShellPattern(pattern: string, text: string): boolean {
  return matches(pattern.match(/\[(?:!.|[^!])[^\]]*\]|./gs) ?? [], text);
}

function matches(parts: readonly string[], text: string): boolean {
  return new RegExp(`^${parts.map(toExpression).join('')}$`, 'su').test(text);
}

function toExpression(part: string): string {
  if (part === '*') return '.*';
  if (part === '?') return '.';
  if (part.length === 1) return toLiteral(part);
  const isNegated = part.startsWith('[!');
  const members = part.slice(isNegated ? 2 : 1, -1);
  // A range that runs backwards has no members, which is an error to RegExp.
  const set = members.replace(/(.)-(.)|./gs, (whole, first?: string, last?: string) => {
    if (first === undefined || last === undefined) return toLiteral(whole);
    return first <= last ? `${toLiteral(first)}-${toLiteral(last)}` : '';
  });
  return `[${isNegated ? '^' : ''}${set}]`;
}

/** As RegExp's `u` flag wants it, inside a set and outside: only characters of its syntax may have a backslash. */
function toLiteral(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character) ? `\\u{${character.codePointAt(0)?.toString(16)}}` : character;
}
