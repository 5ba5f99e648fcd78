/** README's table of ways lost, from the counts of a run. Pure. */

import type { WaysCount } from './measurement.ts';
import { readPart, replacePart } from './page-part.ts';

const command = 'npm run bench -- --only ways --docs';

/** As they are called in the table, in its order. */
const instances: Readonly<Record<string, string>> = {
  single: 'one ENI',
  several: 'several ENIs',
  'shared-subnet': 'ENIs that share a subnet',
  cards: 'several network cards',
  prefixes: 'delegated prefixes',
  'ipv6-only': 'an IPv6-only subnet',
};

/** The rows of instances that were not counted stay. Throws where the page has no such table. */
export function replaceWays(page: string, counts: readonly WaysCount[]): string {
  const who = [...new Set(counts.map((count) => count.who))].sort(byPlace);
  const header = `| instance | ways | ${who.join(' | ')} |`;
  const before = readPart(page, command).split('\n');
  const isSame = before.includes(header);
  const rows = Object.entries(instances).flatMap(([shape, name]) => {
    const ofShape = counts.filter((count) => count.shape === shape);
    const left = before.filter((line) => isSame && line.startsWith(`| ${name} |`));
    return ofShape.length === 0 ? left : [formatRow(name, ofShape, who)];
  });
  const rule = `|${'---|'.repeat(who.length + 2)}`;
  return replacePart(page, command, [header, rule, ...rows].join('\n'));
}

/** This program first, then what was run, then what was made by hand. */
function byPlace(left: string, right: string): number {
  const rank = (who: string) => (who === 'enid' ? 0 : who.endsWith('by hand') ? 2 : 1);
  return rank(left) - rank(right) || (left < right ? -1 : 1);
}

/** Where one has fewer ways than this program, of how many. */
function formatRow(name: string, counts: readonly WaysCount[], who: readonly string[]): string {
  const all = counts.find((count) => count.who === 'enid')?.all ?? 0;
  const cells = who.map((one) => {
    const found = counts.find((count) => count.who === one);
    if (found === undefined) return '–';
    return found.all === all ? String(found.lost) : `${found.lost} of ${found.all}`;
  });
  return `| ${[name, String(all), ...cells].join(' | ')} |`;
}
