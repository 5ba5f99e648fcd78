/** The part of a page of docs/ that a command writes, between two lines that say so. Pure. */

const end = '<!-- to here -->';

/**
 * Throws where the page has no such part. `command`: as it is called, such as `npm run bench --
 * --docs`.
 */
export function replacePart(page: string, command: string, text: string): string {
  const { from, to } = findPart(page, command);
  return [page.slice(0, from), text.trim(), page.slice(to)].join('\n\n');
}

/** What it has written before. */
export function readPart(page: string, command: string): string {
  const { from, to } = findPart(page, command);
  return page.slice(from, to).trim();
}

function findPart(page: string, command: string): { from: number; to: number } {
  const begin = `<!-- ${command}: from here -->`;
  const start = page.indexOf(begin);
  const to = page.indexOf(end, start);
  if (start === -1 || to === -1) throw new Error(`expected a page with the lines ${begin} and ${end}`);
  return { from: start + begin.length, to };
}
