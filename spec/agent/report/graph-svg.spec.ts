/** The picture is whole and well-formed whatever the names of links and texts are. */

import { expect, it } from '@jest/globals';
import { renderMermaid } from '../../../agent/report/graph-mermaid.ts';
import { type GraphPicture, renderSvg } from '../../../agent/report/graph-svg.ts';

const evil = '</text><script>"&\u001b[31m`;#';
const graph: GraphPicture = {
  lanes: [
    {
      title: evil,
      nodes: [
        { id: 'a', column: 'sources', family: 4, lines: [{ text: evil, mark: 'foreign' }] },
        { id: 'b', column: 'eni', family: null, lines: [{ text: 'x'.repeat(200), mark: 'right' }] },
      ],
    },
  ],
  edges: [
    { from: 'a', to: 'b', mark: 'missing' },
    { from: 'a', to: 'nowhere', mark: 'right' },
  ],
};

it('escapes what stands in it, and cuts what is too long', () => {
  const svg = renderSvg(graph, evil);
  expect(svg).not.toMatch(/<script/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  expect(svg).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect(svg).toContain(`${'x'.repeat(53)}…</text>`);
  // Every tag that is opened is closed.
  const open: string[] = [];
  for (const [, slash, name = '', self] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (slash === '/') expect(open.pop()).toBe(name);
    else if (self !== '/') open.push(name);
  }
  expect(open).toEqual([]);
});

it('draws an arrow only between boxes that there are', () => {
  expect(renderSvg(graph, 't').match(/marker-end/g)).toHaveLength(1);
});

it('a host without ENIs is a picture, too', () => {
  expect(renderSvg({ lanes: [], edges: [] }, 't')).toMatch(/^<svg [^>]*width="640"/);
  expect(renderMermaid({ lanes: [], edges: [] })).toMatch(/^flowchart LR\n {2}classDef/);
});

it('a label of a flowchart has no quote of its own', () => {
  expect(renderMermaid(graph)).toMatch(/subgraph lane0\["#60;\/text#62;#60;script#62;#34;#38;.\[31m#96;#59;#35;"\]/);
});
