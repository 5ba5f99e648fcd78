/**
 * `npm run bench:packages`: what the npm packages cost, as Markdown – bytes of the bundle, and what
 * got and winston take beside the same without them. `-- --docs`: puts it into docs/packages.md,
 * and into the README's table from there. In a network namespace of its own.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import { runChecked } from '../../fixtures/vpc/run-program.ts';
import { quantile } from './measurement.ts';
import type { PackageCost } from './package-cost.ts';
import { replaceCosts } from './package-table.ts';
import { replacePart } from './page-part.ts';

const rounds = 11;
/** Processor time is longer beside other work. */
const [load = 0] = loadavg();
const entryPoint = 'agent/main.ts';

/** With and without. */
const pairs = [
  { name: 'got', without: 'node-http', call: 'request' },
  { name: 'winston', without: 'no-log', call: 'line' },
];

const metafileSchema = z.object({
  inputs: z.record(z.string(), z.object({ imports: z.array(z.object({ path: z.string() })) })),
  outputs: z.record(z.string(), z.object({ inputs: z.record(z.string(), z.object({ bytesInOutput: z.number() })) })),
});

/** Path in the bundle → bytes, and → what it imports. */
interface Bundle {
  readonly bytes: ReadonlyMap<string, number>;
  readonly imports: ReadonlyMap<string, readonly string[]>;
}

const costSchema: z.ZodType<PackageCost> = z.strictObject({
  ...{ onceMs: z.number(), firstUs: z.number(), laterUs: z.number(), rssMb: z.number(), pssMb: z.number() },
});

async function bundle(entry: string, directory: string): Promise<Bundle> {
  await runChecked([process.execPath, 'build.mjs', entry, directory], { timeoutMs: 120_000 });
  const metafile = metafileSchema.parse(JSON.parse(await readFile(join(directory, 'enid.meta.json'), 'utf8')));
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  return {
    bytes: new Map(inputs.map(([path, { bytesInOutput }]) => [path, bytesInOutput])),
    imports: new Map(
      Object.entries(metafile.inputs).map(([path, { imports }]) => [path, imports.map((each) => each.path)]),
    ),
  };
}

/** The package that a path of the bundle belongs to; null: enid's own. */
function packageOf(path: string): string | null {
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? null;
}

/** Bytes of what is reached from the program without `left`, a package. */
function countReached({ bytes, imports }: Bundle, left: string | null): number {
  const reached = new Set([entryPoint]);
  // A set that grows while it is walked is walked to its new end.
  for (const path of reached)
    for (const next of imports.get(path) ?? []) if (left === null || packageOf(next) !== left) reached.add(next);
  return [...reached].reduce((sum, path) => sum + (bytes.get(path) ?? 0), 0);
}

const kb = (bytes: number) => (bytes / 1_000).toFixed(1);

/** Each package with bytes in the program: its own, and all that is there because of it alone. */
function formatModules(program: Bundle): string {
  const own = new Map<string, number>();
  for (const [path, bytes] of program.bytes) {
    const name = packageOf(path) ?? 'enid itself';
    if (bytes > 0) own.set(name, (own.get(name) ?? 0) + bytes);
  }
  const whole = countReached(program, null);
  const rows = [...own]
    .sort(([, left], [, right]) => right - left)
    .map(([name, bytes]) => `| ${name} | ${kb(bytes)} | ${kb(whole - countReached(program, name))} |`);
  return ['| module | KB | with what it alone brings |', '|---|---|---|', ...rows].join('\n');
}

async function measure(script: string, argument: string): Promise<PackageCost> {
  // With nothing of the caller's environment: certificates that it names would be read at the
  // start.
  const child = spawn(process.execPath, ['--expose-gc', script, argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  });
  return costSchema.parse(JSON.parse(await text(child.stdout)));
}

/** Of both in turn, the median of the differences. */
async function formatPair({ name, without, call }: (typeof pairs)[number], argument: string): Promise<string> {
  const scripts = [name, without].map((each) => join(work, each));
  for (const [index, each] of [name, without].entries())
    await bundle(`spec/bench/package-${each}-main.ts`, scripts[index] ?? '');
  const [costs, floors]: [PackageCost[], PackageCost[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    costs.push(await measure(join(work, name, 'enid.js'), argument));
    floors.push(await measure(join(work, without, 'enid.js'), argument));
  }
  const median = (list: readonly PackageCost[], key: keyof PackageCost) =>
    quantile(
      list.map((each) => each[key]),
      0.5,
    );
  const cell = (key: keyof PackageCost, digits: number) =>
    `${median(floors, key).toFixed(digits)} + ${(median(costs, key) - median(floors, key)).toFixed(digits)}`;
  return `| ${name} | ${cell('onceMs', 0)} ms | ${cell('firstUs', 0)} µs a ${call} | ${cell('laterUs', 0)} µs a ${call} | ${cell('rssMb', 1)} MB | ${cell('pssMb', 1)} MB |`;
}

async function formatCosts(): Promise<string> {
  const server = createServer((_, response) => {
    response.shouldKeepAlive = false;
    response.end('06:53:e1:00:00:01');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : null;
  const rows = [];
  for (const pair of pairs)
    rows.push(await formatPair(pair, pair.name === 'got' ? `http://127.0.0.1:${port}` : '/dev/null'));
  server.close();
  return [
    `Processor time and memory without + by the package (Node.js ${process.version}, medians of ${rounds}, at a load of ${load.toFixed(1)}):\n`,
    '| | once | of the first 32 | of later ones | RSS | PSS |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

async function writeDocs(text: string): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  const page = join(root, 'docs/packages.md');
  const now = replacePart(await readFile(page, 'utf8'), 'npm run bench:packages -- --docs', text);
  await writeFile(page, now);
  const readme = join(root, 'README.md');
  await writeFile(readme, replaceCosts(await readFile(readme, 'utf8'), now));
}

const work = await mkdtemp(join(tmpdir(), 'enid-packages-'));
try {
  const program = await bundle(entryPoint, join(work, 'program'));
  const text = `${formatModules(program)}\n\n${await formatCosts()}\n`;
  process.stdout.write(text);
  if (process.argv.includes('--docs')) await writeDocs(text);
} finally {
  await rm(work, { recursive: true, force: true });
}
