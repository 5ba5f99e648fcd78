/**
 * `npm run fuzz -- --seed N --count N`: inputs in all, spread over the readers. Exit code 1: one
 * broke.
 */

import { parseArgs } from 'node:util';
import { argvTarget } from './argv-target.ts';
import { targets as readers } from './targets.ts';

const targets = [...readers, argvTarget];

const { values } = parseArgs({ options: { seed: { type: 'string' }, count: { type: 'string', default: '100000' } } });
const seed = Number(values.seed ?? Date.now() % 0x7fffffff);
const count = Math.ceil(Number(values.count) / targets.length);
/** Of each reader, after all of its inputs. */
const mostRetainedBytes = 10 * 1024 * 1024;

function measureHeap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

if (globalThis.gc === undefined) throw new Error('expected node --expose-gc: without it nothing is known of the heap');
process.stdout.write(`seed ${seed}, ${count} inputs for each of ${targets.length} readers\n`);
for (const target of targets) {
  const startMs = performance.now();
  // Code and tables that are made once are no growth.
  let failure = await run(target, Math.min(count, 200));
  const before = measureHeap();
  failure ??= await run(target, count);
  const retained = measureHeap() - before;
  if (failure === null && retained > mostRetainedBytes) failure = `${retained} bytes of heap are kept`;
  if (failure !== null) process.exitCode = 1;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(
    `${failure === null ? 'ok    ' : 'BROKEN'} ${target.name} (${seconds} s)\n${failure === null ? '' : `${failure}\n`}`,
  );
}

async function run(target: (typeof targets)[number], inputs: number): Promise<string | null> {
  return await target.run({ seed, count: inputs }).then(
    () => null,
    (error: unknown) =>
      error instanceof Error
        ? `${error.message}\n${error.cause instanceof Error ? error.cause.stack : ''}`
        : String(error),
  );
}
