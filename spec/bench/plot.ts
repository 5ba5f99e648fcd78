/**
 * The main results as a drawing: how far each is below its bar, as a part of the bar, and the
 * growth curve. Pure.
 */

import type { Summary } from './measurement.ts';
import { formatValue } from './table.ts';

const rowHeight = 26;
const labelWidth = 460;
const barWidth = 300;
const margin = 16;
const curveHeight = 130;
const width = labelWidth + barWidth + 170;

/**
 * One row for each measurement with a bar other than 0; the line at the right end of the rows is
 * the bar.
 */
export function drawPlot(summaries: readonly Summary[]): string {
  const rows = summaries.flatMap((summary) => {
    const limit = summary.bar?.p99 ?? summary.bar?.median ?? 0;
    const value = summary.bar?.p99 === undefined ? summary.median : summary.p99;
    return limit > 0 && Number.isFinite(value) ? [{ summary, value, limit }] : [];
  });
  const barsEnd = 2 * margin + rowHeight * (rows.length + 1);
  const curves = [...Map.groupBy(summaries, ({ point }) => point?.curve)].flatMap(([name, points]) =>
    name === undefined || points.length < 2 ? [] : [{ name, points }],
  );
  const curveSpace = curveHeight + 4 * margin;
  const height = barsEnd + curves.length * curveSpace;
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
    '<title>enid: results of npm run bench as parts of their bars</title>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${bar}" y="${margin + 12}" text-anchor="middle">bar</text>`,
    ...drawn,
    `<line x1="${bar}" y1="${margin + rowHeight - 6}" x2="${bar}" y2="${barsEnd - margin}" stroke="#222222"/>`,
    ...curves.map(({ name, points }, index) => drawCurve(name, points, barsEnd + margin + index * curveSpace)),
    '</svg>',
    '',
  ].join('\n');
}

/** Medians over the number of addresses, with the straight line to the last point. */
function drawCurve(name: string, summaries: readonly Summary[], top: number): string {
  const points = summaries.map(({ point, median }) => ({ addressCount: point?.addressCount ?? 0, median }));
  const last = points.at(-1) ?? { addressCount: 1, median: 1 };
  const most = Math.max(...points.map(({ median }) => median));
  const bottom = top + curveHeight;
  const placed = points.map(({ addressCount, median }) => {
    const x = labelWidth + (addressCount / last.addressCount) * barWidth;
    return { x, y: bottom - (median / most) * (curveHeight - rowHeight), median };
  });
  const line = placed.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
  const end = placed.at(-1) ?? { x: 0, y: 0, median: 0 };
  return [
    `<text x="${labelWidth - 8}" y="${top + 15}" text-anchor="end">${escapeText(name)}, by addresses of all ENIs</text>`,
    `<line x1="${labelWidth}" y1="${bottom}" x2="${end.x}" y2="${end.y.toFixed(1)}" stroke="#bbbbbb" stroke-dasharray="4"/>`,
    `<polyline points="${line}" fill="none" stroke="#2e7d52" stroke-width="2"/>`,
    ...placed.map(({ x, y }) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="#2e7d52"/>`),
    `<text x="${end.x + 10}" y="${(end.y + 4).toFixed(1)}">${formatValue(end.median, 'ms')}</text>`,
    `<line x1="${labelWidth}" y1="${bottom}" x2="${labelWidth + barWidth}" y2="${bottom}" stroke="#222222"/>`,
    `<text x="${labelWidth}" y="${bottom + 16}">0</text>`,
    `<text x="${labelWidth + barWidth}" y="${bottom + 16}" text-anchor="end">${last.addressCount} addresses</text>`,
  ].join('\n');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
