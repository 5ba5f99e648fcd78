/** Durations as an operator writes them: `500ms`, `60s`, `5m`, `1h`. Pure. */

const unitsMs: readonly (readonly [string, number])[] = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

/**
 * Milliseconds; null where the text is no duration. A bare number is none: nobody can tell its
 * unit.
 */
export function parseDurationMs(text: string): number | null {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const factor = unitsMs.find(([name]) => name === unit)?.[1];
  return digits === undefined || factor === undefined ? null : Number(digits) * factor;
}

/** In the largest unit that gives a whole number. */
export function formatDuration(ms: number): string {
  const [name, factor] = unitsMs.find(([, factor]) => ms % factor === 0) ?? ['ms', 1];
  return `${ms / factor}${name}`;
}
