/** One HTTP request to the metadata service: bounded in time and size, by no proxy, whole or an error. */

import { Agent } from 'node:http';
import type { Got } from 'got';
import { ImdsError } from './errors.ts';

/** The longest real answer is a list of some hundred addresses. */
const largestAnswerBytes = 256 * 1024;
/** The service is one hop away. A lost SYN is sent again after 1 s: so long one may be lost. */
const longestConnectMs = 2_000;

export interface ImdsRequest {
  readonly method: 'GET' | 'PUT';
  /** Below `latest/`. */
  readonly path: string;
  /** Base URL. */
  readonly endpoint: string;
  /** Address of this host to send from; null: the kernel's choice. */
  readonly localAddress: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Ends the request early: it then throws `unreachable`. */
  readonly signal?: AbortSignal | undefined;
}

export interface ImdsResponse {
  readonly status: number;
  readonly text: string;
}

/** An own agent: node's global one may have been told to use a proxy (NODE_USE_ENV_PROXY, Node 24). */
const agent = new Agent({ keepAlive: false });

let loading: Promise<Got> | null = null;

/** Loaded with the first request: got takes longer to load than the rest of the program. */
function loadGot(): Promise<Got> {
  loading ??= import('got').then(({ got }) =>
    got.extend({
      agent: { http: agent },
      retry: { limit: 0 },
      throwHttpErrors: false,
      followRedirect: false,
      decompress: false,
    }),
  );
  return loading;
}

/** Sends one request; resolves with any status. Throws an ImdsError. */
export async function sendRequest(request: ImdsRequest): Promise<ImdsResponse> {
  const got = await loadGot();
  const { method, path, endpoint, localAddress, timeoutMs, signal } = request;
  let isTooLarge = false;
  try {
    const pending = got(`${endpoint}/latest/${path}`, {
      method,
      headers: { ...request.headers },
      timeout: { connect: Math.min(longestConnectMs, timeoutMs), request: timeoutMs },
      ...(localAddress === null ? {} : { localAddress }),
      ...(signal === undefined ? {} : { signal }),
    });
    pending
      .on('downloadProgress', ({ transferred }) => {
        if (transferred <= largestAnswerBytes) return;
        isTooLarge = true;
        pending.cancel();
      })
      .catch(() => undefined);
    const response = await pending;
    requireWhole(path, response.headers);
    return { status: response.statusCode, text: response.body };
  } catch (error) {
    if (error instanceof ImdsError) throw error;
    if (isTooLarge) throw new ImdsError('too-large', `${path}: expected at most ${largestAnswerBytes} bytes, got more`);
    const cause = error instanceof Error ? error : new Error(String(error));
    const code = cause.name === 'TimeoutError' ? 'timeout' : 'unreachable';
    throw new ImdsError(code, `${path}: ${cause.message}`, { cause });
  }
}

/**
 * A list that was cut off would read as a shorter one. With a length or chunks the end is known, and node and got
 * throw where it is missed; without either, a closed connection says nothing.
 */
function requireWhole(path: string, headers: Readonly<Record<string, unknown>>): void {
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return;
  throw new ImdsError('truncated', `${path}: expected an answer with a length, got one that may have been cut off`);
}
