/** What the kernel counts of a process: processor time, context switches, memory. Thread by thread, summed. */

import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessCounters {
  /** Time on a processor, from schedstat's nanoseconds: /proc/PID/stat counts in ticks of 10 ms. */
  readonly cpuMs: number;
  /** Times that a thread went to sleep: each is one wake-up later. */
  readonly sleeps: number;
}

export function readCounters(pid: number): ProcessCounters {
  let [cpuMs, sleeps] = [0, 0];
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const path = `/proc/${pid}/task/${task}`;
    cpuMs += Number(readFileSync(`${path}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    sleeps += readField(`${path}/status`, 'voluntary_ctxt_switches');
  }
  return { cpuMs, sleeps };
}

/** Resident memory now, in MB (10^6 bytes). */
export function readResidentMb(pid: number): number {
  return (readField(`/proc/${pid}/status`, 'VmRSS') * 1024) / 1e6;
}

function readField(path: string, name: string): number {
  const value = new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(readFileSync(path, 'utf8'))?.[1];
  if (value === undefined) throw new Error(`${path} has no ${name}`);
  return Number(value);
}
