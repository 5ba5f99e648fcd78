/** Times and spans in messages for people. Pure. */

/** `2026-01-02 03:04:05 UTC`. */
export function formatUtc(time: Date): string {
  return time.toISOString().replace(/T(.*)\..*$/, ' $1 UTC');
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** The two largest units: `1 h 5 min`, `42 s`. Below a second: `0 s`. */
export function formatSpan(ms: number): string {
  let rest = Math.floor(ms / 1000);
  const parts = units.flatMap(([name, seconds]) => {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    return count === 0 ? [] : [`${count} ${name}`];
  });
  return parts.length === 0 ? '0 s' : parts.slice(0, 2).join(' ');
}
