/**
 * A graph of ways as an SVG: a picture of its own, without scripts, fonts or anything to fetch.
 * Pure.
 */

/** As `agent/decide/explain/graph.ts` computes it: a report imports no decision. */
export interface GraphPicture {
  readonly lanes: readonly {
    readonly title: string;
    readonly nodes: readonly GraphBox[];
  }[];
  readonly edges: readonly { readonly from: string; readonly to: string; readonly mark: Mark }[];
}

type Mark = 'right' | 'missing' | 'foreign' | 'idle';

interface GraphBox {
  readonly id: string;
  readonly column: 'sources' | 'rules' | 'tables' | 'eni' | 'gateways';
  readonly family: 4 | 6 | null;
  readonly lines: readonly { readonly text: string; readonly mark: Mark }[];
}

/** Told apart without colour, too: by the line, and by the sign before the text. */
export const marks: Readonly<Record<Mark, { fill: string; stroke: string; sign: string; word: string }>> = {
  right: { fill: '#eef5fc', stroke: '#3b6ea5', sign: '', word: 'as it should be' },
  missing: { fill: '#fff3cd', stroke: '#b26a00', sign: '− ', word: 'missing' },
  foreign: { fill: '#fde2e1', stroke: '#b3261e', sign: '! ', word: "another program's" },
  idle: { fill: '#f1f1f1', stroke: '#777777', sign: '', word: 'left alone by enid' },
};

const columns = ['sources', 'rules', 'tables', 'eni', 'gateways'] as const;
const titles = ['sources', 'rules', 'tables', 'ENI', 'gateway'];

const lineHeight = 16;
/** Of the monospaced font at 12 px: 7.2, and some. */
const letterWidth = 7.3;
const longestLine = 54;
const gap = { column: 44, row: 10, lane: 14, side: 20, top: 86 };

interface Placed extends GraphBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function renderSvg(graph: GraphPicture, title: string): string {
  const widths = columns.map((column) => {
    const boxes = graph.lanes.flatMap(({ nodes }) => nodes.filter((node) => node.column === column));
    const letters = Math.max(0, ...boxes.flatMap(({ lines }) => lines.map((line) => textOf(line).length)));
    return letters === 0 ? 0 : letters * letterWidth + 20;
  });
  const lefts = widths.map((_width, index) =>
    widths.slice(0, index).reduce((sum, width) => sum + (width === 0 ? 0 : width + gap.column), gap.side),
  );
  const width = Math.max(640, (lefts.at(-1) ?? 0) + (widths.at(-1) ?? 0) + gap.side);
  let top = gap.top;
  const placed: Placed[] = [];
  const bands: string[] = [];
  for (const [index, { nodes }] of graph.lanes.entries()) {
    const start = top;
    for (const family of [4, 6, null] as const) {
      const row = nodes.filter((node) => node.family === family && (family !== null || node.column !== 'eni'));
      if (row.length === 0) continue;
      const height = Math.max(...row.map(heightOf));
      for (const node of row) placed.push(place(node, lefts, widths, top + (height - heightOf(node)) / 2));
      top += height + gap.row;
    }
    const eni = nodes.find(({ column }) => column === 'eni');
    if (eni !== undefined) {
      top = Math.max(top, start + heightOf(eni) + gap.row);
      placed.push(place(eni, lefts, widths, start + (top - gap.row - start - heightOf(eni)) / 2));
    }
    if (index % 2 === 0)
      bands.push(
        `<rect x="0" y="${start - gap.lane / 2}" width="${round(width)}" height="${round(top - start + gap.lane - gap.row)}" fill="#fafafa"/>`,
      );
    top += gap.lane;
  }
  const byId = new Map(placed.map((node) => [node.id, node]));
  const edges = [...graph.edges].sort((a, b) => Number(a.mark !== 'right') - Number(b.mark !== 'right'));
  const heads = columns.flatMap((_column, index) =>
    widths[index] === 0 ? [] : [`<text x="${round(lefts[index] ?? 0)}" y="70" class="head">${titles[index]}</text>`],
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${round(width)}" height="${round(top)}" viewBox="0 0 ${round(width)} ${round(top)}" role="img" aria-labelledby="title">
<title id="title">${escapeXml(title)}</title>
<style>text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1b1b1b; } .head { font-weight: bold; fill: #555555; } .title { font-size: 14px; font-weight: bold; }</style>
<defs>${Object.entries(marks)
    .map(
      ([mark, { stroke }]) =>
        `<marker id="${mark}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${stroke}"/></marker>`,
    )
    .join('')}</defs>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${gap.side}" y="24" class="title">${escapeXml(title)}</text>
${renderLegend()}
${heads.join('\n')}
${bands.join('\n')}
${edges.flatMap((edge) => renderEdge(byId.get(edge.from), byId.get(edge.to), edge.mark)).join('\n')}
${placed.map(renderBox).join('\n')}
</svg>
`;
}

function place(node: GraphBox, lefts: readonly number[], widths: readonly number[], y: number): Placed {
  const index = columns.indexOf(node.column);
  return { ...node, x: lefts[index] ?? 0, y, width: widths[index] ?? 0, height: heightOf(node) };
}

function heightOf({ lines }: GraphBox): number {
  return lines.length * lineHeight + 10;
}

function textOf({ text, mark }: GraphBox['lines'][number]): string {
  const whole = `${marks[mark].sign}${text}`;
  return whole.length > longestLine ? `${whole.slice(0, longestLine - 1)}…` : whole;
}

function renderBox({ lines, x, y, width, height }: Placed): string {
  const isAll = (mark: Mark) => lines.every((line) => line.mark === mark);
  const mark = (['missing', 'foreign', 'idle'] as const).find(isAll) ?? 'right';
  const { fill, stroke } = marks[mark];
  const dash = mark === 'missing' ? ' stroke-dasharray="5 3"' : '';
  const rows = lines.map((line, index) => {
    const top = y + 5 + index * lineHeight;
    const isOdd = line.mark !== mark;
    const behind = isOdd
      ? `<rect x="${round(x + 3)}" y="${round(top)}" width="${round(width - 6)}" height="${lineHeight}" fill="${marks[line.mark].fill}" stroke="${marks[line.mark].stroke}" stroke-width="0.5"/>`
      : '';
    return `${behind}<text x="${round(x + 10)}" y="${round(top + 12)}">${escapeXml(textOf(line))}</text>`;
  });
  const whole = lines.map(({ text }) => text).join('\n');
  return `<g><title>${escapeXml(whole)}</title><rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="5" fill="${fill}" stroke="${stroke}"${dash}/>${rows.join('')}</g>`;
}

function renderEdge(from: Placed | undefined, to: Placed | undefined, mark: Mark): string[] {
  if (from === undefined || to === undefined) return [];
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
  const [x2, y2] = [to.x, to.y + to.height / 2];
  const bend = Math.max(20, (x2 - x1) / 2);
  const dash = mark === 'missing' ? ' stroke-dasharray="5 3"' : '';
  const width = mark === 'right' || mark === 'idle' ? 1.2 : 2;
  return [
    `<path d="M${round(x1)} ${round(y1)}C${round(x1 + bend)} ${round(y1)} ${round(x2 - bend)} ${round(y2)} ${round(x2)} ${round(y2)}" fill="none" stroke="${marks[mark].stroke}" stroke-width="${width}"${dash} marker-end="url(#${mark})"/>`,
  ];
}

function renderLegend(): string {
  let x = gap.side;
  return Object.entries(marks)
    .map(([mark, { fill, stroke, sign, word }]) => {
      const text = `${sign}${word}`;
      const width = text.length * letterWidth + 16;
      const dash = mark === 'missing' ? ' stroke-dasharray="5 3"' : '';
      const box = `<rect x="${round(x)}" y="32" width="${round(width)}" height="18" rx="4" fill="${fill}" stroke="${stroke}"${dash}/><text x="${round(x + 8)}" y="45">${escapeXml(text)}</text>`;
      x += width + 10;
      return box;
    })
    .join('\n');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // XML 1.0 has no other control characters than these.
  return [...text].map((letter) => named[letter] ?? (letter < ' ' && letter !== '\n' ? '\ufffd' : letter)).join('');
}
