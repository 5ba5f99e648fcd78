/** A finding of a check of `enid doctor`. */

export type Severity = 'ok' | 'info' | 'warning' | 'error';

export interface Finding {
  /** Stable name of the check. */
  readonly check: string;
  readonly severity: Severity;
  readonly message: string;
  /** The suggested fix; null if nothing is to be done. */
  readonly advice: string | null;
}

export function find(check: string, severity: Severity, message: string, advice: string | null = null): Finding {
  return { check, severity, message, advice };
}

/** `message` if there are no findings. */
export function orFine(check: string, message: string, findings: readonly Finding[]): Finding[] {
  return findings.length > 0 ? [...findings] : [find(check, 'ok', message)];
}
