/** A graph of ways as a Mermaid flowchart, for documents and bug reports. Pure. */

import { type GraphPicture, marks } from './graph-svg.ts';

export function renderMermaid(graph: GraphPicture): string {
  const numbers = new Map(graph.lanes.flatMap(({ nodes }) => nodes).map(({ id }, index) => [id, `n${index}`]));
  const lanes = graph.lanes.flatMap(({ title, nodes }, index) => [
    `  subgraph lane${index}["${escapeLabel(title)}"]`,
    ...nodes.map(({ id, lines }) => {
      const label = lines.map(({ text, mark }) => escapeLabel(`${marks[mark].sign}${text}`)).join('<br/>');
      const kinds = new Set(lines.map(({ mark }) => mark));
      const kind = (['missing', 'foreign', 'idle'] as const).find((mark) => kinds.has(mark)) ?? 'right';
      return `    ${numbers.get(id)}["${label}"]:::${kind}`;
    }),
    '  end',
  ]);
  const arrows = { right: '-->', idle: '-->', missing: '-.->', foreign: '==>' } as const;
  const edges = graph.edges.map(({ from, to, mark }) => `  ${numbers.get(from)} ${arrows[mark]} ${numbers.get(to)}`);
  const classes = Object.entries(marks).map(([mark, { fill, stroke }]) => {
    const dash = mark === 'missing' ? ',stroke-dasharray:5 3' : '';
    return `  classDef ${mark} fill:${fill},stroke:${stroke},color:#1b1b1b,text-align:left${dash}`;
  });
  return `${['flowchart LR', ...lanes, ...edges, ...classes].join('\n')}\n`;
}

/** Entity codes of Mermaid: a label in quotes may hold anything else. */
function escapeLabel(text: string): string {
  return text.replaceAll(/["<>#&;`]/g, (letter) => `#${letter.codePointAt(0)};`);
}
