/**
 * The live copy of the kernel state that concerns this program. It listens first, then dumps, then
 * replays the events received meanwhile; after that, events keep it up to date, and kinds in doubt
 * are dumped again. A dump that fails leaves the old state, marked stale: unknown is never treated
 * as empty.
 */

import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import type { RouteFilter } from '../../lib/rtnetlink/route.ts';
import { isWantedRoute, makeRouteFilter, type RouteInterest } from '../../lib/rtnetlink/route-interest.ts';
import { RtnetlinkSubscription, type SubscriptionHandlers } from '../../lib/rtnetlink/subscription.ts';
import type { RtnetlinkEvent } from '../../lib/rtnetlink/types.ts';
import { KernelError } from '../errors.ts';
import type { KernelState } from '../model.ts';
import { DriverTable, type ReadDriver, readSysfsDriver } from './kernel-driver.ts';
import { type Effects, type KernelDump, type KernelKind, KernelStore, noEffects } from './kernel-store.ts';

const ALL_KINDS: readonly KernelKind[] = ['link', 'address', 'route', 'rule'];
/**
 * Dumps take at most a fifth of the time, however often events raise doubts (100 000 routes: 100 ms
 * per dump).
 */
const REST_FACTOR = 4;
const FIRST_RETRY_DELAY_MS = 50;
const LAST_RETRY_DELAY_MS = 10_000;

/** The part of RtnetlinkClient that the mirror needs. */
export type KernelReader = Pick<
  RtnetlinkClient,
  'dumpLinks' | 'dumpAddresses' | 'dumpRoutes' | 'dumpRules' | 'hasIpv6' | 'waitForLock' | 'close'
>;

/** The part of RtnetlinkSubscription that the mirror needs. */
export type KernelSubscription = Pick<RtnetlinkSubscription, 'narrowRoutes' | 'close'>;

export interface KernelMirrorOptions {
  /** Which routes to keep; the others cost neither memory nor decoding. Default: none. */
  readonly isRelevantRoute?: RouteFilter;
  readonly readDriver?: ReadDriver;
  readonly reader?: KernelReader;
  /** Starts to listen. */
  readonly subscribe?: (handlers: SubscriptionHandlers, isWantedRoute: RouteFilter) => KernelSubscription;
  /** Called with events before they take effect. */
  readonly onEvents?: (events: readonly RtnetlinkEvent[]) => void;
  /** Called for a loss or a failed dump, which the mirror handles itself: for the journal. */
  readonly onProblem?: (problem: KernelError) => void;
}

/** `links`: see Effects. */
export type ChangeListener = (changed: ReadonlySet<KernelKind>, links: ReadonlySet<number | null>) => void;

interface Waiter {
  resolve(): void;
  reject(error: KernelError): void;
}

export class KernelMirror {
  readonly #reader: KernelReader;
  readonly #subscription: KernelSubscription;
  readonly #drivers: DriverTable;
  readonly #reportProblem: (problem: KernelError) => void;
  readonly #onEvents: (events: readonly RtnetlinkEvent[]) => void;
  readonly #listeners = new Set<ChangeListener>();
  readonly #store = new KernelStore();
  #filter: RouteFilter;
  #state: KernelState | null = null;
  /** Kinds whose arrays in `#state` are out of date. */
  readonly #outdated = new Set<KernelKind>(ALL_KINDS);
  #inDoubt = new Set<KernelKind>();
  /** Callers waiting for a dump that begins after their call. */
  #waiters: Waiter[] = [];
  /** Callers waiting until no kind is in doubt. */
  #settling: Waiter[] = [];
  /** Events since the dump in progress began; null if there is none. */
  #replay: RtnetlinkEvent[] | null = null;
  #timer: NodeJS.Timeout | null = null;
  #restUntilMs = 0;
  #failureCount = 0;
  #dumpCount = 0;
  #hasIpv6 = true;
  #isClosed = false;

  private constructor(options: KernelMirrorOptions) {
    this.#filter = options.isRelevantRoute ?? (() => false);
    this.#drivers = new DriverTable(options.readDriver ?? ((link) => readSysfsDriver(link)));
    this.#reportProblem = options.onProblem ?? (() => undefined);
    this.#onEvents = options.onEvents ?? (() => undefined);
    this.#reader = options.reader ?? new RtnetlinkClient();
    const subscribe =
      options.subscribe ?? ((handlers, filter) => new RtnetlinkSubscription(handlers, { isWantedRoute: filter }));
    this.#subscription = subscribe(
      {
        onEvents: (events) => this.#receive(events),
        onLoss: (loss) => {
          const message = `kernel events lost (${loss.reason}): reading the whole state again`;
          this.#reportProblem(new KernelError('events-lost', 'kernel events', message, { cause: loss.cause }));
          this.#doubt(ALL_KINDS);
        },
      },
      (...route) => this.#filter(...route),
    );
  }

  /** Listens and reads the first whole state. Throws a KernelError if that fails. */
  static async open(options: KernelMirrorOptions = {}): Promise<KernelMirror> {
    let mirror: KernelMirror;
    try {
      mirror = new KernelMirror(options);
    } catch (error) {
      throw new KernelError('subscribe', 'kernel events', `failed to watch kernel events: ${error}`, { cause: error });
    }
    try {
      await mirror.resync();
    } catch (error) {
      mirror.close();
      throw error;
    }
    return mirror;
  }

  /**
   * True while the state may be incomplete: events were lost or are in doubt, and no dump has
   * replaced them yet.
   */
  get isStale(): boolean {
    return this.#inDoubt.size > 0 || this.#replay !== null;
  }

  /** Dumps so far, failed ones included. */
  get dumpCount(): number {
    return this.#dumpCount;
  }

  /** The same object, and the same arrays, until something changed. */
  state(): KernelState {
    const old = this.#state;
    if (old !== null && this.#outdated.size === 0) return old;
    const keep = <T>(kind: KernelKind, before: T | undefined, make: () => T): T =>
      before === undefined || this.#outdated.has(kind) ? make() : before;
    const links = keep('link', old?.links, () => this.#store.links());
    this.#state = {
      links,
      addresses: keep('address', old?.addresses, () => this.#store.addresses()),
      routes: keep('route', old?.routes, () => this.#store.routes()),
      rules: keep('rule', old?.rules, () => this.#store.rules()),
      drivers: keep('link', old?.drivers, () => this.#drivers.update(links)),
      ...(this.#hasIpv6 ? {} : { lacksIpv6: true }),
    };
    this.#outdated.clear();
    return this.#state;
  }

  /**
   * Calls `listener` once per batch of events that changed something; the returned function removes
   * the listener.
   */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Changes which routes are kept. Newly wanted routes may be missing until the promise settles.
   */
  setRouteInterest(interest: RouteInterest): Promise<void> {
    const filter = makeRouteFilter(interest);
    this.#filter = filter;
    // Before the dump: changes from here on are received.
    this.#subscription.narrowRoutes(interest);
    const effects = noEffects();
    this.#store.retainRoutes((route) => isWantedRoute(filter, route), effects);
    this.#announce(effects);
    return this.#settle(['route']);
  }

  /** Waits until nothing is in doubt. Throws a KernelError if the dump for that fails. */
  settled(): Promise<void> {
    if (!this.isStale) return Promise.resolve();
    return new Promise((resolve, reject) => this.#settling.push({ resolve, reject }));
  }

  /**
   * Reads the state again. Throws a KernelError if that fails; it is retried in the background. Ask
   * for `address` before an IPv6 address is considered missing: the kernel announces one under
   * duplicate address detection only when that ends, 1–2 s later (ipv6_ifa_notify from
   * addrconf_dad_completed; seen on 6.18).
   */
  resync(kinds: readonly KernelKind[] = ALL_KINDS): Promise<void> {
    return this.#settle(kinds);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#listeners.clear();
    this.#subscription.close();
    this.#reader.close();
    this.#rejectWaiters(new KernelError('closed', 'kernel state', 'the mirror is closed'), [
      ...this.#waiters.splice(0),
      ...this.#settling.splice(0),
    ]);
  }

  #receive(events: readonly RtnetlinkEvent[]): void {
    const effects = noEffects();
    this.#onEvents(events);
    for (const event of events) {
      this.#replay?.push(event);
      this.#store.apply(event, effects);
    }
    this.#announce(effects);
    if (effects.suspects.size > 0) this.#doubt([...effects.suspects]);
  }

  #announce({ changed, links }: Effects): void {
    if (changed.size === 0) return;
    for (const kind of changed) this.#outdated.add(kind);
    for (const listener of [...this.#listeners]) listener(changed, links);
  }

  #settle(kinds: readonly KernelKind[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      // A caller waits: neither the pause nor a back-off delays the dump.
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
      this.#restUntilMs = 0;
      this.#doubt(kinds);
    });
  }

  #doubt(kinds: readonly KernelKind[]): void {
    for (const kind of kinds) this.#inDoubt.add(kind);
    if (this.#isClosed || this.#replay !== null || this.#timer !== null) return;
    const delayMs = this.#restUntilMs - performance.now();
    if (delayMs <= 0) void this.#dump();
    else this.#schedule(delayMs);
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#dump();
    }, delayMs);
  }

  /** One dump of all kinds in doubt. Never throws. */
  async #dump(): Promise<void> {
    const kinds = this.#inDoubt;
    const waiters = this.#waiters;
    const filter = this.#filter;
    const replay: RtnetlinkEvent[] = [];
    const startMs = performance.now();
    this.#inDoubt = new Set();
    this.#waiters = [];
    this.#replay = replay;
    this.#dumpCount++;
    const effects = noEffects();
    let failure: KernelError | null = null;
    try {
      const dump = await this.#read(kinds, filter);
      if (this.#isClosed) throw new Error('closed');
      this.#store.load(dump, replay, effects);
      this.#failureCount = 0;
    } catch (error) {
      failure = new KernelError('dump', 'kernel state', `failed to read the kernel state: ${error}`, { cause: error });
      for (const kind of kinds) this.#inDoubt.add(kind);
    }
    this.#replay = null;
    const endMs = performance.now();
    this.#restUntilMs = endMs + REST_FACTOR * (endMs - startMs);
    if (failure === null) for (const waiter of waiters) waiter.resolve();
    else this.#rejectWaiters(failure, waiters.concat(this.#settling.splice(0)));
    if (!this.isStale) for (const waiter of this.#settling.splice(0)) waiter.resolve();
    if (this.#isClosed) return;
    if (failure !== null) {
      this.#reportProblem(failure);
      const delayMs = Math.min(FIRST_RETRY_DELAY_MS * 2 ** this.#failureCount++, LAST_RETRY_DELAY_MS);
      if (this.#waiters.length === 0) return this.#schedule(delayMs);
    }
    this.#announce(effects);
    if (this.#waiters.length > 0) this.#restUntilMs = 0;
    if (this.#inDoubt.size > 0) this.#doubt([]);
  }

  async #read(kinds: ReadonlySet<KernelKind>, filter: RouteFilter): Promise<KernelDump> {
    // The cause of the doubt may still be in progress in the kernel: the event of an address comes
    // before its routes are removed.
    await this.#reader.waitForLock();
    // Its module may be loaded later than this program starts.
    const hasIpv6 = await this.#reader.hasIpv6();
    if (hasIpv6 !== this.#hasIpv6) this.#state = null;
    this.#hasIpv6 = hasIpv6;
    const family = this.#hasIpv6 ? undefined : 4;
    const readRoutes = async () => [
      ...(await this.#reader.dumpRoutes(4, { filter })),
      ...(this.#hasIpv6 ? await this.#reader.dumpRoutes(6, { filter }) : []),
    ];
    return {
      ...(kinds.has('link') ? { link: await this.#reader.dumpLinks() } : {}),
      ...(kinds.has('address') ? { address: await this.#reader.dumpAddresses(family) } : {}),
      ...(kinds.has('route') ? { route: await readRoutes() } : {}),
      ...(kinds.has('rule') ? { rule: await this.#reader.dumpRules(family) } : {}),
    };
  }

  #rejectWaiters(error: KernelError, waiters: readonly Waiter[]): void {
    for (const waiter of waiters) waiter.reject(error);
  }
}
