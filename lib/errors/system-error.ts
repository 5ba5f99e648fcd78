/** Errors of system calls, as Node throws them. */

/** The errno name (`ENOENT`, `EACCES`, …) that an error carries; null where it carries none. */
export function errorCodeOf(error: unknown): string | null {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
  return typeof code === 'string' ? code : null;
}

/** Whether the error means that a file or directory does not exist. */
export function isMissing(error: unknown): boolean {
  return errorCodeOf(error) === 'ENOENT';
}
