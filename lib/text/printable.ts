/**
 * Text for a terminal or a log: characters that could move the cursor, trigger a response, change
 * colours or reverse the order of letters are shown, not executed. As `\u001b`, which JSON and
 * quoted YAML read back as the same character.
 */

/** C0, DEL and C1; marks, embeddings, overrides and isolates of direction; separators of lines. */
const hidden = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
/** Colours, home, erase: the sequences of this program's own pictures. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: this is about control characters.
const ownSequence = /\x1b\[(?:\d{1,3}m|H|J)/g;

/** Line breaks and tabs stay. */
export function escapeText(text: string): string {
  return text.replaceAll(hidden, (character) =>
    character === '\n' || character === '\t' ? character : show(character),
  );
}

/** As `escapeText` for one line: a break would begin another one. */
export function escapeLine(text: string): string {
  return text.replaceAll(/[\r\n\t]+/g, ' ').replaceAll(hidden, show);
}

/**
 * As `escapeText` for a picture whose own colours are kept: foreign text in it is already escaped.
 */
export function escapePicture(picture: string): string {
  const sequences = picture.match(ownSequence) ?? [];
  return picture
    .split(ownSequence)
    .map((part, index) => escapeText(part) + (sequences[index] ?? ''))
    .join('');
}

function show(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
