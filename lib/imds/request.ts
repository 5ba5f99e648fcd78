/**
 * One HTTP request to the metadata service: limited in time and size, without a proxy, complete or
 * an error. got handles HTTP; this module adds what got lacks: a size limit, the refusal of answers
 * that may be cut off, and error codes.
 */

import type { IncomingHttpHeaders } from 'node:http';
import type { Got } from 'got';
import { ImdsError, type ImdsErrorCode } from './errors.ts';

/** The longest real answer is a list of some hundred addresses. */
const largestAnswerBytes = 256 * 1024;
/** The service is one hop away. A lost SYN is retransmitted after 1 s: this allows one loss. */
const longestConnectMs = 2_000;

/** Common options of requests. Each such object is prepared once: keep it for many requests. */
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
  /** Aborts the request, which then throws `unreachable`. */
  readonly signal?: AbortSignal | undefined;
}

export interface ImdsResponse {
  readonly status: number;
  readonly text: string;
}

/**
 * Loaded with the first request: READY does not wait for it, and most commands ask the daemon
 * instead. A separate agent, because node's global one may be configured to use a proxy
 * (NODE_USE_ENV_PROXY). The client decides about retries and about the meaning of a status. No
 * compressed answers: their length is not that of the text. No cookies and no cache by default.
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

/**
 * got validates each option that it is given: passed once, they make a request an eighth cheaper.
 */
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
    // If both limits are equal, the one of the whole request can expire first.
    const isConnecting = error.event === 'lookup' || error.event === 'connect' || error.timings?.connect === undefined;
    return isConnecting
      ? fail('timeout', `no connection within ${boundConnect(timeoutMs)} ms`)
      : fail('timeout', `no answer within ${timeoutMs} ms`);
  };
  return new Promise((resolve, reject) => {
    const fail = (code: ImdsErrorCode, text: string) => reject(new ImdsError(code, `${path}: ${text}`));
    // As a stream: the size limit is checked with each chunk.
    const stream = instance.stream(`${endpoint}/latest/${path}`, {
      method,
      ...(signal === undefined ? {} : { signal }),
    });
    // Without a body; not as an option: got would look for a FormData then, and node would load
    // undici (14 MB resident).
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
 * Why the text may be incomplete: a truncated one would read as a shorter list. With a length or
 * chunks the end is known, and node refuses answers that violate it; without either, or with any
 * other coding (RFC 9112, 6.3), the answer ends wherever the connection does. Null: it is complete.
 */
function findObstacle(headers: IncomingHttpHeaders): string | null {
  const { 'content-length': length, 'transfer-encoding': coding, 'content-encoding': compression } = headers;
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
    return `Transfer-Encoding ${JSON.stringify(coding.slice(0, 60))}`;
  }
  // Not requested, and got returns its bytes instead of text.
  if (compression !== undefined) return `Content-Encoding ${JSON.stringify(compression.slice(0, 60))}`;
  return length === undefined && coding === undefined ? 'one that may have been cut off' : null;
}
