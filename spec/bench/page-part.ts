/** The part of a page of docs/ that a command writes, between two lines that say so. Pure. */

const end = '<!-- to here -->';

/**
 * Throws where the page has no such part. `command`: as it is called, such as `npm run bench --
 * --docs`.
 */
export function replacePart(page: string, command: string, text: string): string {
  const begin = `<!-- ${command}: from here -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from === -1 || to === -1) throw new Error(`expected a page with the lines ${begin} and ${end}`);
  return [page.slice(0, from) + begin, text.trim(), page.slice(to)].join('\n\n');
}
