/**
 * IMDSv2: session token, way to the service, single requests. Knows paths and status codes, not
 * their meaning. Invariant: `absent` only if the service itself said so; any other failure throws.
 */

import { ImdsError, type ImdsErrorCode } from './errors.ts';
import { findFirstSuccess } from './first-success.ts';
import { type ImdsRequest, type ImdsResponse, type ImdsSession, sendRequest } from './request.ts';
import { describeRoute, type ImdsRoute, listIpv4Endpoints, listRoutes } from './route.ts';

export { ImdsError } from './errors.ts';

/**
 * A leaf or a listing: there with its text, or not there (404). Everything else is an error:
 * unknown.
 */
export type ImdsAnswer = { readonly kind: 'value'; readonly text: string } | { readonly kind: 'absent' };

/**
 * The outcome of a request: with a value (200), absent (404), abandoned by its caller, or failed.
 */
export type ImdsOutcome = 'value' | 'absent' | 'given-up' | ImdsErrorCode;

export interface ImdsClientOptions {
  /** Base URLs in the order in which they are tried; the last one that answered goes first. */
  readonly endpoints: readonly string[];
  /** For each request. */
  readonly timeoutMs: number;
  readonly userAgent: string;
  /**
   * Addresses of this host to send from if no endpoint answers by the default route; called at each
   * search.
   */
  readonly localAddresses?: () => readonly string[];
  /** Called at each search: without IPv6 its endpoints are not tried. Default: it is available. */
  readonly hasIpv6?: () => boolean;
  /** Called with the outcome of each request, including those for tokens. */
  readonly onRequest?: (outcome: ImdsOutcome) => void;
  /** Milliseconds on a monotonic clock. */
  readonly nowMs?: () => number;
}

/** The longest TTL that the service grants (EC2 user guide, "Use IMDSv2"). */
const tokenTtlSeconds = 21_600;
const tokenTtlMs = tokenTtlSeconds * 1000;
/** Renewed after half its lifetime: hours remain for retries, and no read meets its end. */
const tokenRenewalMs = tokenTtlMs / 2;
/** A failed renewal is retried after this time; meanwhile the old token is used. */
const renewalRetryMs = 60_000;
/**
 * From another local address the service answers in milliseconds or not at all; there may be many
 * to try.
 */
const longestBoundTimeoutMs = 2_000;
/**
 * If a way does not answer within this time, the next one is tried: the service is one hop away and
 * answers in milliseconds. Ten ways (two endpoints, four ENIs of both families) are tried within 3
 * s.
 */
const silentWayMs = 250;
/** Failures after which another way to the service is tried. */
const routeFailures: ReadonlySet<string> = new Set(['unreachable', 'timeout']);

interface Token {
  readonly route: ImdsRoute;
  readonly text: string;
  /** Of the requests that it is sent with. */
  readonly session: ImdsSession;
  readonly renewAtMs: number;
  readonly endsAtMs: number;
}

export class ImdsClient {
  readonly #options: ImdsClientOptions;
  readonly #nowMs: () => number;
  #token: Token | null = null;
  #obtaining: Promise<Token> | null = null;
  #lastGood: ImdsRoute | null = null;
  #requestCount = 0;

  constructor(options: ImdsClientOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Requests sent so far, tokens included. */
  get requestCount(): number {
    return this.#requestCount;
  }

  /**
   * Reads a path below `latest/` such as `meta-data/mac`. Throws an ImdsError; `token-expired` if
   * the token expired during a sequence of reads: what was read before belongs to another session,
   * so a snapshot starts again, and the next request gets a new token. After a failed connection
   * the next request searches for a way to the service again.
   */
  async get(path: string, signal?: AbortSignal): Promise<ImdsAnswer> {
    const token = await this.#obtainToken();
    signal?.throwIfAborted();
    let response: ImdsResponse;
    try {
      response = await this.#send(token.session, { method: 'GET', path, signal });
    } catch (error) {
      // A request that the caller abandoned says nothing about the way.
      const isLost = error instanceof ImdsError && routeFailures.has(error.code) && signal?.aborted !== true;
      if (isLost) this.#dropToken(token);
      throw error;
    }
    const { status, text } = response;
    if (status === 200) return { kind: 'value', text };
    if (status === 404) return { kind: 'absent' };
    if (status === 401) {
      this.#dropToken(token);
      throw new ImdsError('token-expired', `${path}: the token was refused (401)`);
    }
    if (status === 403) throw new ImdsError('status', `${path}: 403 Forbidden; is the metadata service switched off?`);
    throw new ImdsError('status', `${path}: expected status 200 or 404, got ${status}`);
  }

  /** Another request may have fetched a newer one since. */
  #dropToken(token: Token): void {
    if (this.#token?.text === token.text) this.#token = null;
  }

  async #obtainToken(): Promise<Token> {
    const token = this.#token;
    const nowMs = this.#nowMs();
    if (token !== null && nowMs < token.renewAtMs) return token;
    const obtain = () => (token !== null && nowMs < token.endsAtMs ? this.#renewToken(token) : this.#findToken());
    this.#obtaining ??= obtain().finally(() => {
      this.#obtaining = null;
    });
    return this.#obtaining;
  }

  /** While the old token is valid, a service that grants no new one is not a problem yet. */
  async #renewToken(token: Token): Promise<Token> {
    try {
      return this.#keepToken(await this.#fetchToken(token.route));
    } catch {
      this.#token = { ...token, renewAtMs: Math.min(this.#nowMs() + renewalRetryMs, token.endsAtMs) };
      return this.#token;
    }
  }

  /** While one way does not answer, the others are tried. */
  async #findToken(): Promise<Token> {
    const { localAddresses, hasIpv6 } = this.#options;
    const endpoints = hasIpv6?.() === false ? listIpv4Endpoints(this.#options.endpoints) : this.#options.endpoints;
    if (endpoints.length === 0) {
      throw new ImdsError('unreachable', 'no token: every endpoint is IPv6, which this kernel does not have');
    }
    const routes = listRoutes(endpoints, localAddresses?.() ?? [], this.#lastGood);
    const found = await findFirstSuccess(routes, silentWayMs, (route, signal) => this.#fetchToken(route, signal));
    if (found.kind === 'found') return this.#keepToken(found.value);
    /** Failure → the ways on which it happened. */
    const failures = new Map<string, string[]>();
    for (const [index, route] of routes.entries()) {
      const error = found.errors[index];
      const message = error instanceof Error ? error.message : String(error);
      failures.set(message, [...(failures.get(message) ?? []), describeRoute(route)]);
    }
    throw new ImdsError('unreachable', `no token: ${[...failures].map(describeFailure).join('; ')}`);
  }

  #keepToken(token: Token): Token {
    this.#lastGood = token.route;
    this.#token = token;
    return token;
  }

  async #fetchToken(route: ImdsRoute, signal?: AbortSignal): Promise<Token> {
    // Its lifetime counts from before the request: the service's clock starts no earlier.
    const sinceMs = this.#nowMs();
    const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': String(tokenTtlSeconds) };
    const session = this.#makeSession(route, headers);
    const { status, text } = await this.#send(session, { method: 'PUT', path: 'api/token', signal });
    if (status === 403) throw new ImdsError('token', 'api/token: 403 Forbidden; is the metadata service switched off?');
    if (status !== 200 || !/^[\x21-\x7e]{1,1024}$/.test(text)) {
      throw new ImdsError('token', `api/token: expected a token, got status ${status} with ${text.length} bytes`);
    }
    const own = this.#makeSession(route, { 'X-aws-ec2-metadata-token': text });
    return { route, text, session: own, renewAtMs: sinceMs + tokenRenewalMs, endsAtMs: sinceMs + tokenTtlMs };
  }

  #makeSession({ endpoint, localAddress }: ImdsRoute, headers: Record<string, string>): ImdsSession {
    const { timeoutMs, userAgent } = this.#options;
    return {
      endpoint,
      localAddress,
      headers: { ...headers, 'User-Agent': userAgent },
      timeoutMs: localAddress === null ? timeoutMs : Math.min(timeoutMs, longestBoundTimeoutMs),
    };
  }

  async #send(session: ImdsSession, request: ImdsRequest): Promise<ImdsResponse> {
    this.#requestCount++;
    const { onRequest } = this.#options;
    try {
      const response = await sendRequest(session, request);
      onRequest?.(classifyStatus(response.status));
      return response;
    } catch (error) {
      const code = error instanceof ImdsError ? error.code : 'unreachable';
      onRequest?.(request.signal?.aborted === true ? 'given-up' : code);
      throw error;
    }
  }
}

/**
 * With many ENIs there are dozens of ways, most of which fail alike: the first two show which
 * endpoints were asked.
 */
function describeFailure([message, ways]: [string, string[]]): string {
  const others = ways.length > 3 ? [...ways.slice(0, 2), `${ways.length - 2} other ways`] : ways;
  return `${message} (${others.join(', ')})`;
}

function classifyStatus(status: number): ImdsOutcome {
  if (status === 200) return 'value';
  if (status === 404) return 'absent';
  return status === 401 ? 'token-expired' : 'status';
}
