/**
 * What got and winston cost: measured into docs/packages.md, and from there into the README's
 * table. Pure.
 */

/** Those that were measured. */
const measured = ['got', 'winston'];

/**
 * The README with the last cell of each of these rows as docs/packages.md has it. Throws where a
 * row is missing.
 */
export function replaceCosts(readme: string, packagesPage: string): string {
  return measured.reduce((text, name) => {
    const row = new RegExp(`^(\\| ${name} \\|.*\\|)[^|]*\\|$`, 'm');
    if (!row.test(text)) throw new Error(`expected a row of ${name} in the README`);
    return text.replace(row, `$1 ${describeCost(packagesPage, name)} |`);
  }, readme);
}

function describeCost(packagesPage: string, name: string): string {
  const [, , kilobytes = ''] = readCells(packagesPage, name, 3);
  const [, once = '', first = '', later = '', resident = '', own = ''] = readCells(packagesPage, name, 6);
  const call = later.split(' ').at(-1);
  return [
    `${Math.round(Number(kilobytes))} KB with what it alone brings`,
    `${byPackage(resident)} MB resident (${byPackage(own)} PSS)`,
    `${byPackage(once)} ms once`,
    `${byPackage(first)} to ${byPackage(later)} µs more a ${call}`,
  ].join(', ');
}

/** The row of a table that has so many columns. */
function readCells(page: string, name: string, count: number): string[] {
  const rows = page.split('\n').map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
  const row = rows.find((cells) => cells[0] === name && cells.length === count);
  if (row === undefined) throw new Error(`expected a row of ${name} with ${count} columns in docs/packages.md`);
  return row;
}

/** The second number of `84 + 96 ms`. */
function byPackage(cell: string): string {
  return /\+ ([\d.]+)/.exec(cell)?.[1] ?? cell;
}
