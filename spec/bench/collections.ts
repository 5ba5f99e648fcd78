/**
 * What V8 allocates in a running enid: what each collection (`node --trace-gc`) found above what
 * the one before had left.
 */

import { EnidProcess } from '../../fixtures/enid-process.ts';
import type { Guest } from '../../fixtures/vpc/guest.ts';

const trace = '/run/enid-bench-collections';

export interface TracedCollections {
  readonly enid: EnidProcess;
  /** Since the start, up to the last collection. */
  readAllocatedMb(): Promise<number>;
}

/** Starts enid so that it tells of each collection. */
export async function traceCollections(guest: Guest): Promise<TracedCollections> {
  await guest.removeFile(trace);
  const wrapper = ['sh', '-c', `exec "$0" --trace-gc "$@" > ${trace}`];
  const enid = EnidProcess.start(guest, [], {}, wrapper);
  return { enid, readAllocatedMb: async () => sumAllocated(await guest.readFile(trace)) };
}

/** Of lines like `… Scavenge 9.8 (12.1) -> 9.1 (12.3) MB, …`. */
function sumAllocated(text: string): number {
  let [allocatedMb, leftMb] = [0, 0];
  for (const [, found, left] of text.matchAll(/ms: [\w() -]+? ([\d.]+) \([\d.]+\) -> ([\d.]+) \(/g)) {
    allocatedMb += Number(found) - leftMb;
    leftMb = Number(left);
  }
  return allocatedMb;
}
