/** `enid graph`: which boxes and arrows a host has. docs/graph.svg is drawn from one of them. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { toRule } from '../../../../agent/act/netlink.ts';
import { computeGraph, type Graph } from '../../../../agent/decide/explain/graph.ts';
import type { Rule } from '../../../../agent/model.ts';
import { renderMermaid } from '../../../../agent/report/graph-mermaid.ts';
import { renderSvg } from '../../../../agent/report/graph-svg.ts';
import { makeRoute } from '../../../../fixtures/model/records.ts';
import type { ModelWorld } from '../../../../fixtures/model/world.ts';
import { openModel } from '../../../bench/model-instance.ts';

function draw(world: ModelWorld): Graph {
  const { desired, difference } = world.decide();
  return computeGraph({ kernel: world.kernel(), desired, ...difference });
}

/** `− 20001: …`: the lines of one kind. */
const linesOf = ({ lanes }: Graph, mark: string) =>
  lanes
    .flatMap(({ nodes }) => nodes.flatMap(({ lines }) => lines.filter((line) => line.mark === mark)))
    .map(({ text }) => text);

const foreign = (priority: number, source: string, table: number): Rule => ({
  ...toRule(
    {
      ...{ family: 4, priority, source, destination: null, mark: null, users: null, inputInterface: null, table },
      ...{ suppressPrefixLength: null, suppressGroup: null },
    },
    4,
  ),
});

it('of one ENI is a single lane by main, without a rule', () => {
  const { lanes, edges } = draw(openModel({ eniCount: 1, addressCount: 1 }, 'separate'));
  expect(lanes.map(({ title }) => title)).toEqual(['ens5']);
  expect(lanes[0]?.nodes.map(({ column, lines }) => [column, lines.map(({ text }) => text)])).toEqual([
    ['eni', ['ens5', 'eni-00000000000000000', 'configured, primary']],
    ['sources', ['10.0.0.16', '10.0.0.17']],
    ['tables', ['main', 'default via 10.0.0.1', '1 more route']],
    ['gateways', ['10.0.0.1']],
  ]);
  expect(edges.map(({ from, to, mark }) => `${from} > ${to} ${mark}`)).toEqual([
    'ens5 sources4 > ens5 tables4 right',
    'ens5 tables4 > ens5 eni right',
    'ens5 eni > ens5 gateways4 right',
  ]);
});

it('of fifteen ENIs has a lane for each, none of more than five lines, and nothing marked', () => {
  const graph = draw(openModel({ eniCount: 15, addressCount: 40 }, 'separate'));
  expect(graph.lanes).toHaveLength(15);
  expect(Math.max(...graph.lanes.flatMap(({ nodes }) => nodes.map(({ lines }) => lines.length)))).toBe(5);
  expect([...linesOf(graph, 'missing'), ...linesOf(graph, 'foreign')]).toEqual([]);
  // 14 of 4 arrows, and the primary's.
  expect(graph.edges.map(({ mark }) => mark)).toEqual(Array(60).fill('right'));
});

describe('what is wrong is marked', () => {
  const world = openModel({ eniCount: 4, addressCount: 2 }, 'separate');
  const { state } = world;
  state.rules = state.rules.filter(({ priority }) => priority !== 20_002);
  state.addresses = state.addresses.filter(({ address }) => address !== '10.3.0.17');
  state.rules.push(foreign(100, '10.1.0.17/32', 10_003), foreign(90, '172.17.0.0/16', 10_001));
  state.routes.push({
    ...makeRoute({
      table: 10_003,
      destination: '192.168.0.0/16',
      type: 'unicast',
      gateway: '10.3.0.9',
      linkIndex: 13,
      metric: 0,
    }),
    protocol: 4,
  });
  const graph = draw(world);

  it('with what is missing', () => {
    expect(linesOf(graph, 'missing')).toEqual(['degraded', '20002: 10.2.0.0/20 → 10002', 'degraded', '10.3.0.17']);
    expect(graph.edges.filter(({ mark }) => mark === 'missing').map(({ from, to }) => [from, to])).toEqual([
      ['ens7 rules4', 'ens7 tables4'],
      ['ens8 sources4', 'ens8 rules4'],
    ]);
  });

  it('and what another program has put there, with an arrow to the table that it leads to', () => {
    expect(linesOf(graph, 'foreign')).toEqual([
      '100: 10.1.0.17/32 → 10003',
      '192.168.0.0/16 via 10.3.0.9',
      '90: 172.17.0.0/16 → 10001',
    ]);
    expect(graph.edges.filter(({ mark }) => mark === 'foreign').map(({ from, to }) => [from, to])).toEqual([
      ['ens6 rules4', 'ens8 tables4'],
      ['others rules', 'ens6 tables4'],
    ]);
  });

  it('and drawn in docs/graph.svg', () => {
    const picture = join(import.meta.dirname, '../../../../docs/graph.svg');
    const svg = renderSvg(graph, 'The ways of i-0123456789abcdef0');
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(picture, svg);
    expect(readFileSync(picture, 'utf8')).toBe(svg);
  });

  it('and in a flowchart, whose every arrow has both ends', () => {
    const text = renderMermaid(graph);
    const nodes = new Set([...text.matchAll(/^ {4}(n\d+)\[/gm)].map(([, id]) => id));
    const arrows = [...text.matchAll(/^ {2}(n\d+) (?:-->|-\.->|==>) (n\d+)$/gm)];
    expect(arrows).toHaveLength(graph.edges.length);
    expect(arrows.flatMap(([, from, to]) => [from, to]).filter((id) => !nodes.has(id))).toEqual([]);
    expect(text).toMatch(/^flowchart LR\n {2}subgraph lane0\["ens5"\]\n/);
    expect(text).toContain('− 20002: 10.2.0.0/20 → 10002');
  });
});

it('an ENI that enid leaves alone is idle', () => {
  const world = openModel({ eniCount: 2, addressCount: 0 }, 'separate');
  const mac = world.state.links[1]?.mac ?? '';
  const other = { ...world.state.config, interfaces: [{ match: { mac }, policy: { manage: 'none' as const } }] };
  world.state.config = other;
  expect(linesOf(draw(world), 'idle')).toEqual(['ens6', 'eni-00000000000000001', 'ignored', '10.1.0.16']);
});
