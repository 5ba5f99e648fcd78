/**
 * Counts the ways that EC2 would drop, for the metrics: every way out of the host is looked up in
 * the kernel now and then. Invariant: it takes at most a hundredth of the time of one processor.
 */

import type { KnownHost } from '../decide/explain/explain.ts';
import type { WayCounts } from '../report/metrics.ts';
import { askWays } from './ways.ts';

/** As often as Prometheus evaluates rules in most places. */
const intervalMs = 60_000;
/** The first time: leases and networkd's work of a start are over by then. */
const firstMs = 10_000;
const restFactor = 100;

export interface WaysMetricOptions {
  /** Null: no pass is done yet. */
  readonly host: () => KnownHost | null;
  readonly report: (counts: WayCounts) => void;
  readonly onProblem: (error: unknown) => void;
  /** For tests. */
  readonly ask?: typeof askWays;
}

/** Counts until the returned function is called. */
export function countWays({ host, report, onProblem, ask = askWays }: WaysMetricOptions): () => void {
  let timer: NodeJS.Timeout;
  let isStopped = false;
  const count = async (): Promise<void> => {
    const startMs = performance.now();
    try {
      const known = host();
      if (known !== null) report(summarise((await ask(known)).judged));
    } catch (error) {
      onProblem(error);
    }
    const tookMs = performance.now() - startMs;
    if (!isStopped) timer = setTimeout(() => void count(), Math.max(intervalMs, tookMs * restFactor)).unref();
  };
  timer = setTimeout(() => void count(), firstMs).unref();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

function summarise(judged: Awaited<ReturnType<typeof askWays>>['judged']): WayCounts {
  const countOf = (ways: typeof judged) => ways.reduce((sum, { question }) => sum + question.sourceCount, 0);
  return { checked: countOf(judged), dropped: countOf(judged.filter(({ isLost }) => isLost)) };
}
