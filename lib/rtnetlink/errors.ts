/** What can go wrong between this process and the kernel's rtnetlink. */

import { getSystemErrorName } from 'node:util';

/** The kernel refused a request, or its answer is unusable. */
export class RtnetlinkError extends Error {
  override readonly name = 'RtnetlinkError';
  /**
   * The kernel's errno name (`EEXIST`, `ENOENT`, `ESRCH`, `EPERM`, …) or, from this side:
   * `ETIMEDOUT` (no answer), `EINTR` (a dump that kept changing), `ENOBUFS` (answers lost, the
   * outcome is unknown), `EBADMSG` (undecodable), `ECANCELED` (closed).
   */
  readonly errno: string;
  /** The request, in the syntax of ip(8): `add rule from 10.0.1.5 lookup 10001`. */
  readonly request: string;

  /** The kernel's own text; null if there is none. */
  readonly text: string | null;

  constructor(errno: string, request: string, options: { cause?: unknown; text?: string | null } = {}) {
    const text = options.text ?? null;
    const message = `failed to ${request}: ${errno}${text === null ? '' : ` (${text})`}`;
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.errno = errno;
    this.request = request;
    this.text = text;
  }
}

/** A message that does not have the layout of the kernel's headers. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** `17` → `EEXIST`. */
export function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    // Not in libuv's table, such as EDQUOT on some versions: then the number is used.
    return `E${errno}`;
  }
}

/**
 * The kernel's errors for a family that it does not have. libuv calls EOPNOTSUPP ENOTSUP: they are
 * one number on Linux.
 */
export const missingFamily: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EOPNOTSUPP', 'ENOTSUP']);
