/** One HTTP request to the metadata service: bounded in time and size, by no proxy, whole or an error. */

import { Agent, type IncomingMessage, request as openRequest } from 'node:http';
import { ImdsError, type ImdsErrorCode } from './errors.ts';

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

/** Sends one request; resolves with any status, follows no redirect. Throws an ImdsError. */
export async function sendRequest(request: ImdsRequest): Promise<ImdsResponse> {
  const { method, path, endpoint, localAddress, timeoutMs, signal } = request;
  const startMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let abort = () => {};
  try {
    return await new Promise<ImdsResponse>((resolve, reject) => {
      const outgoing = openRequest(`${endpoint}/latest/${path}`, {
        ...{ agent, method, headers: { ...request.headers } },
        ...(localAddress === null ? {} : { localAddress }),
      });
      const fail = (code: ImdsErrorCode, text: string, cause?: Error) => {
        reject(new ImdsError(code, `${path}: ${text}`, { cause }));
        outgoing.destroy();
      };
      // Not node's `signal` option: that listens until the socket is closed, long after the answer, and many requests of
      // one read share a signal (MaxListenersExceededWarning).
      abort = () => fail('unreachable', 'ended by the caller');
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort);
      const expireAfter = (ms: number, what: string) => {
        clearTimeout(timer);
        const expire = () => fail('timeout', `no ${what} within ${Math.round(ms)} ms`);
        const own = setTimeout(() => {
          // Where this process itself was held up, timers come before what has arrived meanwhile.
          setImmediate(() => {
            if (timer === own) expire();
          });
        }, ms);
        timer = own;
      };
      expireAfter(Math.min(longestConnectMs, timeoutMs), 'connection');
      outgoing.once('socket', (socket) =>
        socket.once('connect', () => expireAfter(Math.max(0, timeoutMs - (performance.now() - startMs)), 'answer')),
      );
      outgoing.on('error', (cause) => fail('unreachable', cause.message, cause));
      outgoing.once('response', (response) => {
        readText(response)
          .then((text) => {
            requireWhole(response.headers);
            resolve({ status: response.statusCode ?? 0, text });
          })
          .catch((cause: Error) => {
            if (cause instanceof ImdsError) fail(cause.code, cause.message);
            else fail('unreachable', cause.message, cause);
          });
      });
      outgoing.end();
    });
  } finally {
    clearTimeout(timer);
    timer = undefined;
    signal?.removeEventListener('abort', abort);
  }
}

/** Rejects where the connection ends before the answer does, and where the answer is longer than any real one. */
async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > largestAnswerBytes)
      throw new ImdsError('too-large', `expected at most ${largestAnswerBytes} bytes, got more`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * A list that was cut off would read as a shorter one. With a length or chunks the end is known, and node
 * throws where it is missed; without either, a closed connection says nothing.
 */
function requireWhole(headers: Readonly<Record<string, unknown>>): void {
  if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return;
  throw new ImdsError('truncated', `expected an answer with a length, got one that may have been cut off`);
}
