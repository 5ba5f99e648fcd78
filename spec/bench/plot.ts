/** The main results as a drawing: how far each is below its bar, as a part of the bar. Pure. */

import type { Summary } from './measurement.ts';
import { formatValue } from './table.ts';

const rowHeight = 26;
const labelWidth = 460;
const barWidth = 300;
const margin = 16;
const width = labelWidth + barWidth + 170;

/** One row for each measurement with a bar other than 0; the line at the right end of the rows is the bar. */
export function drawPlot(summaries: readonly Summary[]): string {
  const rows = summaries.flatMap((summary) => {
    const limit = summary.bar?.p99 ?? summary.bar?.median ?? 0;
    const value = summary.bar?.p99 === undefined ? summary.median : summary.p99;
    return limit > 0 && Number.isFinite(value) ? [{ summary, value, limit }] : [];
  });
  const height = 2 * margin + rowHeight * (rows.length + 1);
  const drawn = rows.map(({ summary, value, limit }, index) => {
    const top = margin + rowHeight * (index + 1);
    const length = Math.max(1, Math.min(1.15, Math.max(0, value) / limit) * barWidth);
    const text = `${formatValue(value, summary.unit)} of ${formatValue(limit, summary.unit)}`;
    return [
      `<text x="${labelWidth - 8}" y="${top + 15}" text-anchor="end">${escapeText(summary.what)}</text>`,
      `<rect x="${labelWidth}" y="${top + 3}" width="${length.toFixed(1)}" height="16" fill="${summary.isMet === true ? '#2e7d52' : '#b3402a'}"/>`,
      `<text x="${labelWidth + barWidth + 52}" y="${top + 15}">${escapeText(text)}</text>`,
    ].join('\n');
  });
  const bar = labelWidth + barWidth;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${bar}" y="${margin + 12}" text-anchor="middle">bar</text>`,
    ...drawn,
    `<line x1="${bar}" y1="${margin + rowHeight - 6}" x2="${bar}" y2="${height - margin}" stroke="#222222"/>`,
    '</svg>',
    '',
  ].join('\n');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
