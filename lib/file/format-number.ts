/**
 * The number of a file's format, for files that outlive the version that wrote them: a key may come
 * without another number, and readers pass over those that they do not know; what changes a
 * meaning is another number. Pure.
 */

/** Files without the key `format` are of format 1. */
const firstFormat = 1;

/** Whether a reader of `newest` and all before it can read what was parsed as JSON. */
export function isKnownFormat(value: unknown, newest: number): boolean {
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : firstFormat;
  return typeof format === 'number' && Number.isInteger(format) && format >= firstFormat && format <= newest;
}
