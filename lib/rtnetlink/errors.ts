/** What can go wrong between this process and the kernel's rtnetlink. */

import { getSystemErrorName } from 'node:util';

/** The kernel refused a request, or did not answer it in a usable way. */
export class RtnetlinkError extends Error {
  override readonly name = 'RtnetlinkError';
  /**
   * The kernel's errno name (`EEXIST`, `ENOENT`, `ESRCH`, `EPERM`, …) or, from this side:
   * `ETIMEDOUT` (no answer), `EINTR` (a dump that kept changing), `ENOBUFS` (answers lost, the
   * outcome is unknown), `EBADMSG` (undecodable), `ECANCELED` (closed).
   */
  readonly errno: string;
  /** What was asked, in the syntax of ip(8): `add rule from 10.0.1.5 lookup 10001`. */
  readonly request: string;

  /** The kernel's own words, null where it has none. */
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

/** A message that does not have the shape that the kernel's headers promise. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** `17` → `EEXIST`. */
export function errnoName(errno: number): string {
  try {
    return getSystemErrorName(-errno);
  } catch {
    // Not in libuv's table, such as EDQUOT on some versions: the number still tells.
    return `E${errno}`;
  }
}

/**
 * What the kernel says of a family that it does not have. EOPNOTSUPP is called ENOTSUP by libuv:
 * one number on Linux.
 */
export const missingFamily: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EOPNOTSUPP', 'ENOTSUP']);
