/** Points in time and how long ago they were, as people read them. Pure. */

/** `2026-01-02 03:04:05 UTC`, from ISO 8601; another text as it is. */
export function formatTime(iso: string): string {
  return iso.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/, '$1 $2 UTC');
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** `42s`, `2m`, `5h`, `3d`: the largest unit, rounded down, as kubectl and systemctl have it. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [unit, length] = units.find(([, length]) => seconds >= length) ?? (['s', 1] as const);
  return `${Math.floor(seconds / length)}${unit}`;
}
