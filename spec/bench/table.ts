/** The measurements as a table for a terminal. Pure. */

import type { Bar, Summary } from './measurement.ts';

const aboutPeer = `bar: with a multiple in brackets, of what was measured beside it in this run. ratio: the peer's figure divided by the
median. peer: Debian's amazon-ec2-net-utils, run here, for processor time; else 2.7.4, measured with its own shell, by the same
VPC's metadata, on a machine of the same kind (docs/proof/performance.md); for rules: one for each address.`;

const header = ['measure', 'n', 'median', 'p99', 'bar', 'peer', 'ratio', 'met'];

export function formatTable(summaries: readonly Summary[]): string {
  const rows = [header, ...summaries.map(formatRow)];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
  return `${lines.join('\n')}\n\n${aboutPeer}\n`;
}

function formatRow({ what, unit, count, median, p99, bar, peer, ratio, isMet }: Summary): string[] {
  return [
    what,
    String(count),
    formatValue(median, unit),
    formatValue(p99, unit),
    bar === undefined ? '' : formatBar(bar, unit),
    peer === undefined ? '' : formatValue(peer.value, unit),
    ratio === null ? '' : `${formatNumber(ratio)}×`,
    isMet === null ? '' : isMet ? 'yes' : 'NO',
  ];
}

export function formatValue(value: number, unit: string): string {
  return `${formatNumber(value)}${unit === '' ? '' : ` ${unit}`}`;
}

export function formatBar({ median, p99, of }: Bar, unit: string): string {
  if (median !== undefined && p99 !== undefined) return `${formatNumber(median)} / ${formatValue(p99, unit)}`;
  return `≤ ${formatValue(median ?? p99 ?? 0, unit)}${of === undefined ? '' : ` (${of})`}`;
}

/** Three digits that count. */
function formatNumber(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return String(Math.round(value));
  return value.toPrecision(Math.abs(value) >= 10 ? 3 : 2);
}
