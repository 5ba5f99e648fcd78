/** docs/proof/performance.md's table from the summaries of a run. Pure. */

import type { Summary } from './measurement.ts';
import { replacePart } from './page-part.ts';
import { formatBar, formatValue } from './table.ts';

/** What a run was made on. */
export interface RunFacts {
  readonly node: string;
  readonly kernel: string;
  readonly systemd: string;
  readonly processor: string;
  readonly minutes: number;
  /** Of one minute, before the run. */
  readonly load: number;
  /** Benchmarks that threw. */
  readonly failed: readonly string[];
}

/**
 * Puts the results in the place of those that the page has. Throws where the page has no place for
 * them.
 */
export function replaceResults(page: string, summaries: readonly Summary[], facts: RunFacts): string {
  return replacePart(page, 'npm run bench -- --docs', formatResults(summaries, facts));
}

function formatResults(summaries: readonly Summary[], facts: RunFacts): string {
  const { node, kernel, systemd, processor, minutes, load, failed } = facts;
  const missed = summaries.filter(({ isMet }) => isMet === false).length;
  const held = summaries.filter(({ isMet }) => isMet !== null).length;
  return [
    `One run: ${Math.round(minutes)} minutes on ${processor}, kernel ${kernel}, systemd ${systemd}, Node.js ${node}, at a load of ${load.toFixed(1)} before it.`,
    `${missed} of ${held} bars are missed.${failed.length === 0 ? '' : ` Failed, so without a row: ${failed.join(', ')}.`}`,
    '',
    '| what | n | median | p99 | bar (median / p99) | peer | met |',
    '|---|---|---|---|---|---|---|',
    ...summaries.map(formatRow),
  ].join('\n');
}

function formatRow({ what, unit, count, median, p99, bar, peer, isMet }: Summary): string {
  const cells = [
    what,
    String(count),
    formatValue(median, unit),
    formatValue(p99, unit),
    bar === undefined ? '' : formatBar(bar, unit),
    peer === undefined ? '' : formatValue(peer.value, unit),
    isMet === null ? '' : isMet ? 'yes' : '**no**',
  ];
  return `| ${cells.join(' | ')} |`;
}
