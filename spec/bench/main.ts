/**
 * `npm run bench`: runs the benchmarks one after the other and prints what they measured beside the
 * bars and the peers. `--json`: JSON only; `--only NAME,…`: some of them; `--shapes NAME,…`: `ways`
 * for some instances; `--svg FILE`: draws the main results, too; `--docs`: writes what was measured
 * into the pages: the table and the drawing of docs/proof/performance.md with a whole run, README's
 * table of ways with `ways`. Ends with 1 where a bar is missed.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runChecked } from '../../fixtures/vpc/run-program.ts';
import { arrivals } from './arrivals.ts';
import { assign } from './assign.ts';
import { attach } from './attach.ts';
import { drift } from './drift.ts';
import { firstConfiguration } from './first-configuration.ts';
import { flood } from './flood.ts';
import { growth } from './growth.ts';
import { idle } from './idle.ts';
import { type Benchmark, type Summary, summarise } from './measurement.ts';
import { memory } from './memory.ts';
import { peer } from './peer.ts';
import { replaceResults } from './performance-page.ts';
import { drawPlot } from './plot.ts';
import { replies } from './replies.ts';
import { rules } from './rules.ts';
import { scale } from './scale.ts';
import { size } from './size.ts';
import { startUp } from './start-up.ts';
import { steady } from './steady.ts';
import { formatTable } from './table.ts';
import { chooseShapes, ways } from './ways.ts';
import { replaceWays } from './ways-table.ts';

const benchmarks: readonly Benchmark[] = [
  ...[
    steady,
    peer,
    ways,
    idle,
    firstConfiguration,
    startUp,
    assign,
    arrivals,
    attach,
    drift,
    rules,
    replies,
    memory,
    flood,
    growth,
    scale,
    size,
  ],
];

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    shapes: { type: 'string' },
    svg: { type: 'string' },
    docs: { type: 'boolean', default: false },
  },
});
const wanted = values.only?.split(',') ?? benchmarks.map(({ name }) => name);
const chosen = benchmarks.filter(({ name }) => wanted.includes(name));
if (chosen.length < wanted.length) {
  process.stderr.write(`no benchmark ${values.only}: ${benchmarks.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}
if (values.shapes !== undefined) chooseShapes(values.shapes.split(','));
const summaries: Summary[] = [];
const failed: string[] = [];
const [load = 0] = loadavg();
const beginMs = performance.now();
for (const { name, run } of chosen) {
  process.stderr.write(`${name} … (${formatMinutes()} min so far)\n`);
  try {
    summaries.push(...(await run()).map(summarise));
  } catch (error) {
    // What it made is gone already. An `ip -batch` error repeats its input, all 100 000 lines of
    // it.
    process.stderr.write(`${name} failed: ${String(error).slice(0, 1_000)}\n`);
    failed.push(name);
  }
}
if (values.docs) await (values.only === undefined ? writeDocs() : writeWays());
if (values.svg !== undefined) await writeFile(values.svg, drawPlot(summaries));
process.stdout.write(values.json ? `${JSON.stringify(summaries, null, 2)}\n` : formatTable(summaries));
process.exit(failed.length > 0 || summaries.some(({ isMet }) => isMet === false) ? 1 : 0);

function formatMinutes(): string {
  return ((performance.now() - beginMs) / 60_000).toFixed(1);
}

/** Of the instances of this run; the rows of others stay. */
async function writeWays(): Promise<void> {
  const page = join(import.meta.dirname, '../../README.md');
  const counts = summaries.flatMap(({ ways: count }) => count ?? []);
  if (counts.length > 0) await writeFile(page, replaceWays(await readFile(page, 'utf8'), counts));
}

async function writeDocs(): Promise<void> {
  await writeWays();
  const docs = join(import.meta.dirname, '../../docs/proof');
  const page = join(docs, 'performance.md');
  const facts = {
    node: process.version.slice(1),
    kernel: release(),
    systemd: /^systemd (\d+)/.exec(await runChecked(['systemctl', '--version']))?.[1] ?? 'unknown',
    processor: `${cpus().length} cores (${cpus()[0]?.model.trim()})`,
    minutes: Number(formatMinutes()),
    load,
    failed,
  };
  await writeFile(page, replaceResults(await readFile(page, 'utf8'), summaries, facts));
  await writeFile(join(docs, 'performance.svg'), drawPlot(summaries));
}
