/** Points in time, as people read them. Pure. */

/** `2026-01-02 03:04:05 UTC`, from ISO 8601; another text as it is. */
export function formatTime(iso: string): string {
  return iso.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/, '$1 $2 UTC');
}
