/**
 * What a benchmark yields: samples with the bar they are held to, and the figure of a peer beside
 * them. Pure.
 */

/** `median` and `p99` are the largest values that meet the bar. */
export interface Bar {
  readonly median?: number;
  readonly p99?: number;
  /** What it is a multiple of, where it is one: measured in the same run. */
  readonly of?: string;
}

/** A figure of a peer for the same: of this run, or of the table in docs/proof/performance.md. */
export interface PeerFigure {
  readonly name: string;
  readonly value: number;
}

/** How many ways a program loses on one instance. */
export interface WaysCount {
  readonly shape: string;
  readonly who: string;
  /** Assigned addresses that are not on the host: their ways are not tried. */
  readonly missing: number;
  readonly lost: number;
  readonly all: number;
}

export interface Measurement {
  /** What is measured, where and how often, in few words. */
  readonly what: string;
  readonly unit: 'ms' | 'MB' | 'µs' | '';
  readonly samples: readonly number[];
  readonly bar?: Bar;
  readonly peer?: PeerFigure;
  /** A cell of the table of ways. */
  readonly ways?: WaysCount;
  /** A point of a growth curve: what grows, and with how many addresses of all ENIs together. */
  readonly point?: { readonly curve: string; readonly addressCount: number };
}

export interface Summary extends Omit<Measurement, 'samples'> {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  /** The peer's figure divided by the median; null where there is no peer or the median is 0. */
  readonly ratio: number | null;
  /** Null where no bar is set. */
  readonly isMet: boolean | null;
}

/** A benchmark: it makes what it needs and takes it away again. */
export interface Benchmark {
  readonly name: string;
  run(): Promise<readonly Measurement[]>;
}

/**
 * The smallest sample that so large a part of all does not exceed (nearest rank). NaN without
 * samples.
 */
export function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

export function summarise({ samples, ...rest }: Measurement): Summary {
  const median = quantile(samples, 0.5);
  const p99 = quantile(samples, 0.99);
  const { bar, peer } = rest;
  // Written so that a measurement without samples meets no bar.
  const isMet =
    bar === undefined
      ? null
      : median <= (bar.median ?? Number.POSITIVE_INFINITY) && p99 <= (bar.p99 ?? Number.POSITIVE_INFINITY);
  const ratio = peer === undefined || median === 0 ? null : peer.value / median;
  return { ...rest, count: samples.length, median, p99, ratio, isMet };
}
