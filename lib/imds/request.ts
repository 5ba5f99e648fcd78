/**
 * One HTTP request to the metadata service: bounded in time and size, by no proxy, whole or an
 * error. got does the HTTP; what it leaves open is here: a bound of the body, refusing an answer
 * that may be cut off, and the codes.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { Got } from 'got';
import { ImdsError, type ImdsErrorCode } from './errors.ts';

/** The longest real answer is a list of some hundred addresses. */
const largestAnswerBytes = 256 * 1024;
/** The service is one hop away. A lost SYN is sent again after 1 s: so long one may be lost. */
const longestConnectMs = 2_000;

/**
 * What requests have in common. Each such object is made ready once: to be kept where there are
 * many.
 */
export interface ImdsSession {
  /** Base URL. */
  readonly endpoint: string;
  /** Address of this host to send from; null: the kernel's choice. */
  readonly localAddress: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** For each request. */
  readonly timeoutMs: number;
}

export interface ImdsRequest {
  readonly method: 'GET' | 'PUT';
  /** Below `latest/`. */
  readonly path: string;
  /** Ends the request early: it then throws `unreachable`. */
  readonly signal?: AbortSignal | undefined;
}

export interface ImdsResponse {
  readonly status: number;
  readonly text: string;
}

/**
 * Loaded with the first request: READY does not wait for it, and most commands ask the daemon
 * instead. An own agent: node's global one may have been told to use a proxy (NODE_USE_ENV_PROXY).
 * When to try again, and what a status means, is the client's. Compressed answers are not asked
 * for: their length is not the text's. No cookie and no cache: none is given.
 */
async function loadGot() {
  const { Agent } = await import('node:http');
  const { default: got, AbortError, TimeoutError } = await import('got');
  const http = got.extend({
    agent: { http: new Agent({ keepAlive: false }) },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    decompress: false,
  });
  return { http, AbortError, TimeoutError };
}

let loaded: ReturnType<typeof loadGot> | null = null;

/** got checks each option that it is given: given once, they cost a request an eighth less. */
const instances = new WeakMap<ImdsSession, Got>();

function makeInstance(http: Got, { localAddress, headers, timeoutMs }: ImdsSession): Got {
  const connectMs = boundConnect(timeoutMs);
  return http.extend({
    headers,
    ...(localAddress === null ? {} : { localAddress }),
    timeout: { lookup: connectMs, connect: connectMs, response: timeoutMs, request: timeoutMs },
  });
}

function boundConnect(timeoutMs: number): number {
  return Math.min(longestConnectMs, timeoutMs);
}

/** Sends one request; resolves with any status, follows no redirect. Throws an ImdsError. */
export async function sendRequest(session: ImdsSession, { method, path, signal }: ImdsRequest): Promise<ImdsResponse> {
  const { endpoint, timeoutMs } = session;
  loaded ??= loadGot();
  const { http, AbortError, TimeoutError } = await loaded;
  const instance = instances.get(session) ?? makeInstance(http, session);
  instances.set(session, instance);
  const describe = (error: Error): ImdsError => {
    const fail = (code: ImdsErrorCode, text: string) => new ImdsError(code, `${path}: ${text}`, { cause: error });
    if (error instanceof AbortError) return fail('unreachable', 'ended by the caller');
    if (!(error instanceof TimeoutError)) return fail('unreachable', error.message);
    // Where both times are the same, the one of the whole request can be over first.
    const isConnecting = error.event === 'lookup' || error.event === 'connect' || error.timings?.connect === undefined;
    return isConnecting
      ? fail('timeout', `no connection within ${boundConnect(timeoutMs)} ms`)
      : fail('timeout', `no answer within ${timeoutMs} ms`);
  };
  return new Promise((resolve, reject) => {
    const fail = (code: ImdsErrorCode, text: string) => reject(new ImdsError(code, `${path}: ${text}`));
    // As a stream: the bound of the body is asked of each part of it.
    const stream = instance.stream(`${endpoint}/latest/${path}`, {
      method,
      ...(signal === undefined ? {} : { signal }),
    });
    // Without a body; not as an option: for that got looks for a FormData, and node loads undici
    // (14 MB resident).
    if (method === 'PUT') stream.end();
    let text = '';
    stream.setEncoding('utf8');
    stream.on('error', (error) => reject(describe(error)));
    stream.on('data', (part: string) => {
      text += part;
      if (text.length <= largestAnswerBytes) return;
      fail('too-large', `expected at most ${largestAnswerBytes} bytes, got more`);
      stream.destroy();
    });
    stream.on('end', () => {
      const { response } = stream;
      if (response === undefined) return fail('unreachable', 'no answer');
      const obstacle = findObstacle(response.headers);
      if (obstacle !== null) return fail('truncated', `expected an answer with a length, got ${obstacle}`);
      resolve({ status: response.statusCode, text });
    });
  });
}

/**
 * Why the text may not be whole: one that was cut off would read as a shorter list. With a length
 * or chunks the end is known, and node refuses what does not keep to it; without either, or with
 * any other coding (RFC 9112, 6.3), the answer ends wherever the connection does. Null: it is
 * whole.
 */
function findObstacle(headers: IncomingHttpHeaders): string | null {
  const { 'content-length': length, 'transfer-encoding': coding, 'content-encoding': compression } = headers;
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
    return `Transfer-Encoding ${JSON.stringify(coding.slice(0, 60))}`;
  }
  // Not asked for, and got gives its bytes instead of text.
  if (compression !== undefined) return `Content-Encoding ${JSON.stringify(compression.slice(0, 60))}`;
  return length === undefined && coding === undefined ? 'one that may have been cut off' : null;
}
