/** Failures of a call on the bus, sorted by what a caller can do about them. */

import { errorCodeOf } from '../errors/system-error.ts';

/**
 * - `unreachable`: no connection to the bus, or it broke while the call was under way (it may have
 *   been carried out).
 * - `no-owner`: nobody owns the destination's name (this program never asks the bus to start
 *   anybody).
 * - `timeout`: no reply in time (the call may still be carried out).
 * - `denied`: the bus's or polkit's policy forbids it.
 * - `refused`: any other error reply; `errorName` tells which.
 * - `bad-reply`: the reply has another shape than expected.
 */
export type DbusFailure = 'unreachable' | 'no-owner' | 'timeout' | 'denied' | 'refused' | 'bad-reply';

export class DbusError extends Error {
  readonly code: DbusFailure;
  /** The error's name on the bus; null where the failure is on this side. */
  readonly errorName: string | null;

  constructor(
    code: DbusFailure,
    message: string,
    options: { readonly cause?: unknown; readonly errorName?: string } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'DbusError';
    this.code = code;
    this.errorName = options.errorName ?? null;
  }
}

const standard = 'org.freedesktop.DBus.Error.';
const failureByErrorName: ReadonlyMap<string, DbusFailure> = new Map([
  [`${standard}ServiceUnknown`, 'no-owner'],
  [`${standard}NameHasNoOwner`, 'no-owner'],
  [`${standard}NoReply`, 'timeout'],
  [`${standard}Timeout`, 'timeout'],
  [`${standard}TimedOut`, 'timeout'],
  [`${standard}AccessDenied`, 'denied'],
  [`${standard}AuthFailed`, 'denied'],
  [`${standard}InteractiveAuthorizationRequired`, 'denied'],
]);

/** The failure that an error reply means. */
export function classifyErrorName(errorName: string): DbusFailure {
  return failureByErrorName.get(errorName) ?? 'refused';
}

/** The text of anything that was thrown; never empty. */
export function describeCause(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = errorCodeOf(cause) ?? '';
  return cause.message || code || cause.name;
}
