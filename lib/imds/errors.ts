/** What can go wrong with a request to the metadata service. */

/**
 * - `unreachable`: no connection, or it broke; `timeout`: no complete answer in time
 * - `status`: any status other than 200 and 404; `token`: no token was granted;
 *   `token-expired`: 401
 * - `too-large`: more than any real answer
 * - `truncated`: the end of the answer cannot be distinguished from a broken connection, or the
 *   answer is encoded
 */
export type ImdsErrorCode =
  | 'unreachable'
  | 'timeout'
  | 'status'
  | 'token'
  | 'token-expired'
  | 'too-large'
  | 'truncated';

/** The metadata service did not answer as expected: nothing is known. */
export class ImdsError extends Error {
  override readonly name = 'ImdsError';
  readonly code: ImdsErrorCode;

  constructor(code: ImdsErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
