/** What a package costs a process: each of spec/bench/package-*-main.ts is such a process. */

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { readMemory } from '../../fixtures/process-counters.ts';

export interface PackageCost {
  /** Processor time from the start of the process to the end of the first call. */
  readonly onceMs: number;
  /** Of a call: of the next ones, as many as a poll of 15 ENIs has, and when all is compiled. */
  readonly firstUs: number;
  readonly laterUs: number;
  /**
   * Resident after the first calls. Of `pssMb` each page is counted in parts, one for each process
   * that has it.
   */
  readonly rssMb: number;
  readonly pssMb: number;
}

const firstCount = 32;
const laterCount = 2_000;
/** As enid does. */
const concurrency = 8;
const settleMs = 500;

/** Measures what `load` brings and what it loads, writes it to stdout and ends the process. */
export async function reportCost(load: () => Promise<() => Promise<void> | void>): Promise<void> {
  const call = await load();
  await call();
  const onceMs = readProcessorMs();
  const firstUs = await measureCalls(call, firstCount);
  await sleep(settleMs);
  globalThis.gc?.();
  const { rssMb, pssMb } = readMemory(process.pid);
  await measureCalls(call, laterCount);
  const laterUs = await measureCalls(call, laterCount);
  const cost: PackageCost = { onceMs, firstUs, laterUs, rssMb, pssMb };
  if (!process.stdout.write(JSON.stringify(cost))) await once(process.stdout, 'drain');
  process.exit(0);
}

async function measureCalls(call: () => Promise<void> | void, count: number): Promise<number> {
  const sinceMs = readProcessorMs();
  let left = count;
  const work = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return ((readProcessorMs() - sinceMs) * 1_000) / count;
}

function readProcessorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
