/** Changes of links, addresses, routes and rules as the kernel reports them, in order. */

import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_NETCONF,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
} from './constants.ts';
import { decodeEvent } from './event.ts';
import { visitMessages } from './message.ts';
import { openRawSocket, type RawSocket } from './raw-socket.ts';
import type { RouteFilter } from './route.ts';
import type { RouteInterest } from './route-interest.ts';
import { compileSocketFilter, type FilterInstruction, passAll } from './socket-filter.ts';
import type { RtnetlinkEvent } from './types.ts';

const GROUPS = [
  RTNLGRP_LINK,
  RTNLGRP_IPV4_NETCONF,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
];
/**
 * The kernel doubles it for its own book-keeping and charges only queued messages; an event costs
 * about 1 KiB.
 */
const DEFAULT_RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;
/** Between attempts to open a new socket after the old one died. */
const REOPEN_DELAY_MS = 100;

/**
 * Why there is a gap, so that only a new dump shows the state. `overrun`: the receive buffer was
 * full; `reopened`: the socket died and a new one listens now; `undecodable`: a message could not
 * be read.
 */
export interface RtnetlinkLoss {
  readonly reason: 'overrun' | 'reopened' | 'undecodable';
  readonly cause: unknown;
}

export interface SubscriptionHandlers {
  /** Called once for all that arrived in one turn of the event loop. */
  onEvents(events: readonly RtnetlinkEvent[]): void;
  onLoss(loss: RtnetlinkLoss): void;
}

export interface SubscriptionOptions {
  /**
   * Routes that are not wanted are not decoded. Called for every route event, so its answer may
   * change over time.
   */
  readonly isWantedRoute?: RouteFilter;
  readonly receiveBufferBytes?: number;
}

/** Listens from construction until `close()`. Throws if the socket cannot be opened. */
export class RtnetlinkSubscription {
  readonly #handlers: SubscriptionHandlers;
  readonly #filter: RouteFilter;
  readonly #receiveBufferBytes: number;
  #socket: RawSocket | null;
  #batch: RtnetlinkEvent[] = [];
  #reopenTimer: NodeJS.Timeout | null = null;
  #isClosed = false;
  #isStartingAfresh = false;
  #undecodableCount = 0;
  #program: readonly FilterInstruction[] | null = null;

  constructor(handlers: SubscriptionHandlers, options: SubscriptionOptions = {}) {
    this.#handlers = handlers;
    this.#filter = options.isWantedRoute ?? (() => true);
    this.#receiveBufferBytes = options.receiveBufferBytes ?? DEFAULT_RECEIVE_BUFFER_BYTES;
    this.#socket = this.#open();
  }

  /** Messages that could not be decoded so far. */
  get undecodableCount(): number {
    return this.#undecodableCount;
  }

  /**
   * From now on the kernel drops the events of all other routes, which then cost this process
   * nothing. Queued events still arrive, and so do others if there are too many links:
   * `isWantedRoute` decides.
   */
  narrowRoutes(interest: RouteInterest): void {
    const program = compileSocketFilter(interest);
    // If the interest cannot be compiled, pass everything rather than keep the old, narrower
    // filter.
    this.#program = program ?? passAll;
    this.#socket?.filter(this.#program);
  }

  close(): void {
    this.#isClosed = true;
    this.#batch = [];
    if (this.#reopenTimer !== null) clearTimeout(this.#reopenTimer);
    this.#socket?.close();
    this.#socket = null;
  }

  #open(): RawSocket {
    const socket = openRawSocket(
      // Peeking: with a fixed 64 KiB buffer each event would hold 64 KiB until it is collected.
      { groups: GROUPS, receiveBufferBytes: this.#receiveBufferBytes, readBufferBytes: null },
      {
        onDatagram: (datagram) => this.#decode(datagram),
        onLoss: (cause) => this.#startAfresh(cause),
        onFatal: (cause) => this.#reopen(cause),
        onBug: (cause) => this.#countUndecodable(cause),
      },
    );
    if (this.#program !== null) socket.filter(this.#program);
    return socket;
  }

  #decode(datagram: Buffer): void {
    visitMessages(datagram, (type, flags, _sequence, buffer, start, end) => {
      try {
        const event = decodeEvent(type, flags, buffer, start, end, this.#filter);
        if (event !== null) this.#push(event);
      } catch (error) {
        this.#countUndecodable(error);
      }
    });
  }

  #push(event: RtnetlinkEvent): void {
    this.#batch.push(event);
    // The addon reads up to 32 datagrams in a row; the check phase after them is the earliest
    // common point.
    if (this.#batch.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = [];
    if (!this.#isClosed && batch.length > 0) this.#handlers.onEvents(batch);
  }

  /**
   * The buffer has overflowed: its content is older than the dump that has to follow, and
   * processing tens of thousands of events would be useless. A new socket starts with an empty
   * buffer. Not in the addon's callback, which must not close its socket.
   */
  #startAfresh(cause: unknown): void {
    if (this.#isStartingAfresh) return;
    this.#isStartingAfresh = true;
    setImmediate(() => {
      this.#isStartingAfresh = false;
      if (this.#isClosed) return;
      try {
        const fresh = this.#open();
        this.#socket?.close();
        this.#socket = fresh;
        this.#batch = [];
      } catch {
        // Out of file descriptors or memory: keep the old one.
      }
      this.#handlers.onLoss({ reason: 'overrun', cause });
    });
  }

  #countUndecodable(cause: unknown): void {
    this.#undecodableCount++;
    this.#lose({ reason: 'undecodable', cause });
  }

  /** Outside the addon's callback, so that an exception in a handler is an ordinary one. */
  #lose(loss: RtnetlinkLoss): void {
    setImmediate(() => {
      if (!this.#isClosed) this.#handlers.onLoss(loss);
    });
  }

  #reopen(cause: unknown): void {
    this.#socket = null;
    if (this.#isClosed) return;
    try {
      this.#socket = this.#open();
      this.#lose({ reason: 'reopened', cause });
    } catch {
      // Out of file descriptors or memory: the gap stays open, and the loss is reported once a new
      // socket is open.
      this.#reopenTimer = setTimeout(() => this.#reopen(cause), REOPEN_DELAY_MS);
    }
  }
}
