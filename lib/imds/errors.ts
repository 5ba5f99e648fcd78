/** What can go wrong with a request to the metadata service. */

/**
 * - `unreachable`: no connection, or it broke; `timeout`: no whole answer in time
 * - `status`: any status other than 200 and 404; `token`: no token was granted;
 *   `token-expired`: 401
 * - `too-large`: more than any real answer
 * - `truncated`: the answer's end cannot be told from a broken
 *   connection, or it is encoded
 */
export type ImdsErrorCode =
  | 'unreachable'
  | 'timeout'
  | 'status'
  | 'token'
  | 'token-expired'
  | 'too-large'
  | 'truncated';

/** The metadata service did not answer as it should: nothing is known. */
export class ImdsError extends Error {
  override readonly name = 'ImdsError';
  readonly code: ImdsErrorCode;

  constructor(code: ImdsErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
