/** Requests to the kernel and their answers, matched by sequence number. */

import { errorCodeOf } from '../errors/system-error.ts';
import { readAcknowledgement } from './acknowledgement.ts';
import {
  NETLINK_ROUTE,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './constants.ts';
import { errnoName, RtnetlinkError } from './errors.ts';
import { encodeMessage, visitMessages } from './message.ts';
import { openRawSocket, type RawSocket } from './raw-socket.ts';

/**
 * Acknowledgements wait in the receive buffer: this many fit even into a small one (208 KiB, about
 * 1 KiB each).
 */
const MAX_IN_FLIGHT = 64;
const RECEIVE_BUFFER_BYTES = 1024 * 1024;
/**
 * The kernel puts at most 32 KiB of a dump into a datagram, and only if the reader has offered that
 * much.
 */
const READ_BUFFER_BYTES = 32 * 1024;
/**
 * EBUSY: the kernel still runs the previous dump, which timed out; EINTR: the objects changed
 * meanwhile.
 */
const DUMP_ATTEMPTS = 5;
const DUMP_RETRY_DELAY_MS = 20;

/** Decodes one answer; called for each message of a dump. */
export type AnswerVisitor = (type: number, buffer: Buffer, start: number, end: number) => void;

interface Pending {
  readonly description: string;
  readonly visit: AnswerVisitor | null;
  readonly isDump: boolean;
  readonly timer: NodeJS.Timeout;
  isInterrupted: boolean;
  resolve(): void;
  reject(error: RtnetlinkError): void;
}

/** One socket for requests. Opened with the first request, and again after it died. */
export class RequestSocket {
  readonly #timeoutMs: number;
  readonly #protocol: number;
  readonly #pending = new Map<number, Pending>();
  readonly #waiting: (() => void)[] = [];
  #socket: RawSocket | null = null;
  #sequence = 0;
  #isClosed = false;
  /** The kernel runs one dump per socket at a time (EBUSY otherwise). */
  #lastDump: Promise<void> = Promise.resolve();

  /** `protocol`: NETLINK_*; by default NETLINK_ROUTE. */
  constructor(timeoutMs: number, protocol: number = NETLINK_ROUTE) {
    this.#timeoutMs = timeoutMs;
    this.#protocol = protocol;
  }

  /** Sends a request and waits for its acknowledgement. Throws an RtnetlinkError. */
  async request(description: string, type: number, flags: number, body: readonly Buffer[]): Promise<void> {
    await this.#send(description, encoder(type, flags | NLM_F_ACK, body), null, false);
  }

  /**
   * Sends a request that is answered with one object, then its acknowledgement. Throws an
   * RtnetlinkError.
   */
  async query(description: string, type: number, body: readonly Buffer[], visit: AnswerVisitor): Promise<void> {
    await this.#send(description, encoder(type, NLM_F_ACK, body), visit, false);
  }

  /**
   * Sends several messages as one datagram, all with the sequence number that `encode` is given, of
   * which the last one asks for an acknowledgement. Throws an RtnetlinkError for the first refusal.
   */
  async batch(description: string, encode: (sequence: number) => Buffer): Promise<void> {
    await this.#send(description, encode, null, false);
  }

  /**
   * Dumps; `begin` is called before each attempt and returns the visitor, because an attempt that
   * the kernel marks as inconsistent (NLM_F_DUMP_INTR) is discarded and repeated. Throws an
   * RtnetlinkError.
   */
  async dump(description: string, type: number, body: readonly Buffer[], begin: () => AnswerVisitor): Promise<void> {
    const run = async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#send(description, encoder(type, NLM_F_DUMP, body), begin(), true);
        } catch (error) {
          const isRetriable = error instanceof RtnetlinkError && (error.errno === 'EINTR' || error.errno === 'EBUSY');
          if (!isRetriable || attempt >= DUMP_ATTEMPTS || this.#isClosed) throw error;
          await new Promise((resolve) => setTimeout(resolve, DUMP_RETRY_DELAY_MS * attempt));
        }
      }
    };
    const result = this.#lastDump.then(run);
    this.#lastDump = result.catch(() => undefined);
    return result;
  }

  /** Fails requests in progress with ECANCELED. */
  close(): void {
    this.#isClosed = true;
    this.#socket?.close();
    this.#socket = null;
    this.#failAll('ECANCELED', undefined);
    for (const proceed of this.#waiting.splice(0)) proceed();
  }

  async #send(
    description: string,
    encode: (sequence: number) => Buffer,
    visit: AnswerVisitor | null,
    isDump: boolean,
  ): Promise<void> {
    while (this.#pending.size >= MAX_IN_FLIGHT) await new Promise<void>((proceed) => this.#waiting.push(proceed));
    if (this.#isClosed) throw new RtnetlinkError('ECANCELED', description);
    // 0 is what events carry; stay within 31 bits.
    this.#sequence = (this.#sequence % 0x7fffffff) + 1;
    const sequence = this.#sequence;
    const message = encode(sequence);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(sequence, 'ETIMEDOUT', undefined), this.#timeoutMs);
      this.#pending.set(sequence, { description, visit, isDump, timer, isInterrupted: false, resolve, reject });
      try {
        this.#socket ??= this.#open();
        this.#socket.send(message, (cause) => this.#fail(sequence, errorCodeOf(cause) ?? 'EIO', cause));
      } catch (error) {
        this.#fail(sequence, errorCodeOf(error) ?? 'EIO', error);
      }
    });
  }

  #open(): RawSocket {
    return openRawSocket(
      {
        protocol: this.#protocol,
        groups: [],
        receiveBufferBytes: RECEIVE_BUFFER_BYTES,
        readBufferBytes: READ_BUFFER_BYTES,
      },
      {
        onDatagram: (datagram) => this.#receive(datagram),
        // Which answers were lost cannot be determined.
        onLoss: (cause) => this.#failAll('ENOBUFS', cause),
        onFatal: (cause) => {
          this.#socket = null;
          this.#failAll(errorCodeOf(cause) ?? 'EIO', cause);
        },
        onBug: (cause) => this.#failAll('EBADMSG', cause),
      },
    );
  }

  #receive(datagram: Buffer): void {
    visitMessages(datagram, (type, flags, sequence, buffer, start, end) => {
      // No longer ours: it timed out, or failed before.
      const pending = this.#pending.get(sequence);
      if (pending === undefined) return;
      if ((flags & NLM_F_DUMP_INTR) !== 0) pending.isInterrupted = true;
      if (type === NLMSG_ERROR || type === NLMSG_DONE) {
        const { errno, text } = readAcknowledgement(type, flags, buffer, start, end);
        if (errno !== 0) this.#fail(sequence, errnoName(errno), undefined, text);
        else if (pending.isInterrupted) this.#fail(sequence, 'EINTR', undefined);
        else this.#settle(sequence)?.resolve();
        return;
      }
      pending.timer.refresh();
      try {
        pending.visit?.(type, buffer, start, end);
      } catch (error) {
        this.#fail(sequence, 'EBADMSG', error);
      }
    });
  }

  #settle(sequence: number): Pending | undefined {
    const pending = this.#pending.get(sequence);
    if (pending === undefined) return undefined;
    clearTimeout(pending.timer);
    this.#pending.delete(sequence);
    this.#waiting.shift()?.();
    return pending;
  }

  #fail(sequence: number, errno: string, cause: unknown, text: string | null = null): void {
    const pending = this.#settle(sequence);
    pending?.reject(new RtnetlinkError(errno, pending.description, { cause, text }));
  }

  #failAll(errno: string, cause: unknown): void {
    for (const sequence of [...this.#pending.keys()]) this.#fail(sequence, errno, cause);
  }
}

function encoder(type: number, flags: number, body: readonly Buffer[]): (sequence: number) => Buffer {
  return (sequence) => encodeMessage(type, flags | NLM_F_REQUEST, sequence, body);
}
