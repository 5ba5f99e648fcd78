/** A request to the kernel, and which of its refusals are not errors. */

import type { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { RtnetlinkError } from '../../lib/rtnetlink/errors.ts';
import { KernelError } from '../errors.ts';

export interface NetlinkActOptions {
  readonly client: RtnetlinkClient;
  /** Marks routes, rules and addresses as this program's. */
  readonly protocol: number;
}

/**
 * True: done. False: refused with an expected error, because nothing had to be done. Rejects with a
 * KernelError otherwise.
 */
export async function accept(expected: readonly string[], request: Promise<void>): Promise<boolean> {
  return acceptAnswer(
    request.then(() => true),
    expected,
  );
}

/** The same of a request that says itself whether there was something to do. */
export async function acceptAnswer(request: Promise<boolean>, expected: readonly string[] = []): Promise<boolean> {
  try {
    return await request;
  } catch (error) {
    if (!(error instanceof RtnetlinkError)) throw error;
    if (expected.includes(error.errno)) return false;
    const advice = error.errno === 'EPERM' ? '; CAP_NET_ADMIN is needed' : '';
    throw new KernelError(error.errno, error.request, `${error.message}${advice}`, { cause: error });
  }
}
