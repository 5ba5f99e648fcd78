/** IMDSv2 over HTTP: session token, endpoints, one request at a time. Knows paths and status codes, not their meaning. */

import type { Got } from 'got';

/** A leaf or a listing: there with its text, or not there (404). Everything else is an error: unknown. */
export type ImdsAnswer = { readonly kind: 'value'; readonly text: string } | { readonly kind: 'absent' };

/** `unreachable`, `timeout`, `status`, `too-large`, `token`, `token-expired`. */
export class ImdsError extends Error {
  override readonly name = 'ImdsError';
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export interface ImdsClientOptions {
  /** Base URLs in the order they are tried; the one that answered last goes first. */
  readonly endpoints: readonly string[];
  /** For each request. */
  readonly timeoutMs: number;
  readonly userAgent: string;
}

/** The longest TTL that the service grants (EC2 user guide, "Use IMDSv2"). */
const tokenTtlSeconds = 21_600;
/** Renewed well before it ends, so that no read meets its end. */
const tokenRenewalMs = (tokenTtlSeconds * 1000) / 2;
/** The longest real answer is a list of some hundred addresses. */
const largestAnswerBytes = 256 * 1024;

interface Token {
  readonly endpoint: string;
  readonly text: string;
  readonly fetchedMs: number;
}

export class ImdsClient {
  readonly #options: ImdsClientOptions;
  #http: Promise<Got> | null = null;
  #token: Token | null = null;
  #fetching: Promise<Token> | null = null;
  #endpoints: readonly string[];
  #requestCount = 0;

  constructor(options: ImdsClientOptions) {
    this.#options = options;
    this.#endpoints = options.endpoints;
  }

  /** Requests sent so far, tokens included. */
  get requestCount(): number {
    return this.#requestCount;
  }

  /**
   * Reads a path below `latest/` such as `meta-data/mac`. Throws an ImdsError; `token-expired` where the token ended
   * under way: what was read before belongs to another session, so a snapshot begins anew.
   */
  async get(path: string): Promise<ImdsAnswer> {
    const token = await this.#obtainToken();
    const { status, text } = await this.#request('GET', token.endpoint, path, {
      'X-aws-ec2-metadata-token': token.text,
    });
    if (status === 200) return { kind: 'value', text };
    if (status === 404) return { kind: 'absent' };
    if (status === 401) {
      if (this.#token === token) this.#token = null;
      throw new ImdsError('token-expired', `${path}: the token was refused (401)`);
    }
    if (status === 403) throw new ImdsError('status', `${path}: 403 Forbidden; is the metadata service switched off?`);
    throw new ImdsError('status', `${path}: expected status 200 or 404, got ${status}`);
  }

  async #obtainToken(): Promise<Token> {
    if (this.#token !== null && performance.now() - this.#token.fetchedMs < tokenRenewalMs) return this.#token;
    this.#fetching ??= this.#fetchToken().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  async #fetchToken(): Promise<Token> {
    const failures: string[] = [];
    for (const endpoint of this.#endpoints) {
      try {
        const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': String(tokenTtlSeconds) };
        const { status, text } = await this.#request('PUT', endpoint, 'api/token', headers);
        if (status !== 200 || !/^[\x21-\x7e]{1,1024}$/.test(text)) {
          throw new ImdsError('token', `expected a token, got status ${status} with ${text.length} bytes`);
        }
        this.#endpoints = [endpoint, ...this.#endpoints.filter((other) => other !== endpoint)];
        this.#token = { endpoint, text, fetchedMs: performance.now() };
        return this.#token;
      } catch (error) {
        failures.push(`${endpoint}: ${error instanceof Error ? error.message : error}`);
      }
    }
    throw new ImdsError('unreachable', `no token from ${failures.join('; ')}`);
  }

  async #request(
    method: 'GET' | 'PUT',
    endpoint: string,
    path: string,
    headers: Record<string, string>,
  ): Promise<{ status: number; text: string }> {
    const http = await this.#load();
    this.#requestCount++;
    try {
      const request = http(`${endpoint}/latest/${path}`, { method, headers });
      request
        .on('downloadProgress', ({ transferred }) => {
          if (transferred > largestAnswerBytes) request.cancel();
        })
        .catch(() => undefined);
      const response = await request;
      return { status: response.statusCode, text: response.body };
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      const code = cause.name === 'TimeoutError' ? 'timeout' : 'unreachable';
      throw new ImdsError(code, `${path}: ${cause.message}`, { cause });
    }
  }

  /** Loaded with the first request: got takes longer to load than the rest of the program. */
  #load(): Promise<Got> {
    this.#http ??= import('got').then(({ got }) =>
      got.extend({
        // No proxy: got takes none from the environment by itself, and the agent is node's own.
        retry: { limit: 0 },
        throwHttpErrors: false,
        followRedirect: false,
        decompress: false,
        timeout: { request: this.#options.timeoutMs },
        headers: { 'User-Agent': this.#options.userAgent },
      }),
    );
    return this.#http;
  }
}
