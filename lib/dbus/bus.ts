/**
 * A message bus connection that recovers: connects in the background, retries with a back-off, and
 * restores the subscriptions after each connect. A bus that is absent or dies is a state here,
 * never an exception.
 */

import * as z from 'zod';
import { Connection, type MethodCall, type OutgoingSignal } from './connection.ts';
import { DbusError, describeCause } from './errors.ts';
import { formatMatchRule, isMatch, type Signal, type SignalMatch } from './match.ts';
import { NameOwners, type OwnerListener } from './name-owners.ts';
import type { CallReply, IncomingCall } from './object-tree.ts';
import { computeReconnectDelayMs } from './reconnect-delay.ts';

export interface BusOptions {
  /**
   * D-Bus address text; by default DBUS_SYSTEM_BUS_ADDRESS, else the system bus's well-known
   * socket.
   */
  readonly address?: string;
  /** For connect and hello together. */
  readonly connectTimeoutMs?: number;
  /** For a call without its own limit. */
  readonly callTimeoutMs?: number;
  /** Called for a subscription that the bus refused: its signals will be missing. */
  readonly onProblem?: (error: DbusError) => void;
  /** Returns a number in [0, 1), for the jitter. */
  readonly random?: () => number;
}

/** A method call whose time limit may be left to the bus. */
export type BusCall = Omit<MethodCall, 'timeoutMs'> & { readonly timeoutMs?: number };

export interface Subscription {
  /**
   * Takes effect at once on this side; the bus is notified in the background. Harmless when
   * repeated.
   */
  remove(): void;
}

/** Where the system bus listens (D-Bus specification, "Well-known Message Bus Instances"). */
const systemBusAddress = 'unix:path=/run/dbus/system_bus_socket';
const busName = 'org.freedesktop.DBus';
const busPath = '/org/freedesktop/DBus';

/** DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER (D-Bus specification). */
const isPrimaryOwner = 1;

interface Service {
  readonly name: string;
  readonly onCall: (call: IncomingCall) => Promise<CallReply | null>;
  readonly onProblem: (message: string) => void;
}

interface SignalSubscription {
  readonly match: SignalMatch;
  readonly listener: (signal: Signal) => void;
}

export class Bus {
  readonly #address: string;
  readonly #connectTimeoutMs: number;
  readonly #callTimeoutMs: number;
  readonly #random: () => number;
  readonly #onProblem: (error: DbusError) => void;
  readonly #names: NameOwners;
  readonly #signals = new Set<SignalSubscription>();
  /** Rules that the bus should have, with the number of subscriptions that need each. */
  readonly #rules = new Map<string, number>();
  #service: Service | null = null;
  #connection: Connection | null = null;
  #attempt: Promise<void> | null = null;
  #failures = 0;
  #lastFailure = 'not started';
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: BusOptions = {}) {
    this.#address = options.address || process.env['DBUS_SYSTEM_BUS_ADDRESS'] || systemBusAddress;
    // A healthy bus answers hello within a millisecond; at boot it may be busy with other clients.
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 5_000;
    // networkd answers Reload in 13 ms and is slow only while it configures thousands of links.
    this.#callTimeoutMs = options.callTimeoutMs ?? 10_000;
    this.#random = options.random ?? Math.random;
    this.#onProblem = options.onProblem ?? (() => {});
    this.#names = new NameOwners((name) => this.#askOwner(name));
  }

  get isConnected(): boolean {
    return this.#connection !== null;
  }

  /** Why there is no connection; null while there is one. */
  get failure(): string | null {
    return this.#connection === null ? this.#lastFailure : null;
  }

  /** Begins to connect. Returns when the first attempt has succeeded or failed; never rejects. */
  async start(): Promise<void> {
    if (this.#connection === null && this.#timer === null) await this.#connect();
  }

  /**
   * Calls a method and parses the body of its reply, an array of values. Waits for a connection
   * attempt in progress, but not for a later one. Never starts a service: an absent destination
   * fails with `no-owner`.
   */
  async call<T>(call: BusCall, schema: z.ZodType<T>): Promise<T> {
    if (this.#connection === null && this.#attempt !== null) await this.#attempt;
    const connection = this.#connection;
    if (connection === null) throw new DbusError('unreachable', `failed to reach the bus: ${this.#lastFailure}`);
    const body = await connection.call({ ...call, timeoutMs: call.timeoutMs ?? this.#callTimeoutMs });
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const place = issue === undefined ? 'reply' : `${issue.path.map(String).join('.')}: ${issue.message}`;
    const message = `failed to read the reply of ${call.interface}.${call.member}: ${place}`;
    throw new DbusError('bad-reply', message, { cause: parsed.error });
  }

  /**
   * Reports each change of a name's owner: `unknown` while the bus is away, the owner once the bus
   * has answered, then each NameOwnerChanged. Reports nothing before the first answer.
   */
  watchName(name: string, listener: OwnerListener): Subscription {
    const removeRule = this.#addRule(formatMatchRule(ownerMatch(name)));
    const remove = this.#names.add(name, listener);
    return { remove: once(() => [remove(), removeRule()]) };
  }

  /**
   * Calls the listener for each matching signal of the name's owner. Signals sent while the bus is
   * away are lost: read the state itself when `watchName` reports that the owner is back.
   * Exceptions of the listener are dropped.
   */
  watchSignal(match: SignalMatch, listener: (signal: Signal) => void): Subscription {
    // The owner first: signals are dropped until it is known.
    const owner = this.watchName(match.sender, () => {});
    const removeRule = this.#addRule(formatMatchRule(match));
    const subscription = { match, listener };
    this.#signals.add(subscription);
    return { remove: once(() => [this.#signals.delete(subscription), removeRule(), owner.remove()]) };
  }

  /**
   * Answers calls under a well-known name, which is requested after each connect: call it before
   * `start`. `onProblem` is called if the name is refused: by the bus's policy, or because it has
   * another owner, after which this program gets it. That owner may be this program's previous
   * connection, whose end the bus has not noticed yet.
   */
  serve(name: string, onCall: Service['onCall'], onProblem: Service['onProblem']): void {
    this.#service = { name, onCall, onProblem };
    this.#takeName();
  }

  /** Sends a signal; lost while the bus is away. */
  emit(signal: OutgoingSignal): void {
    this.#connection?.emit(signal);
  }

  /** The user who owns a connection. Rejects with a DbusError. */
  async readUserId(uniqueName: string): Promise<number> {
    const [userId] = await this.call(busCall('GetConnectionUnixUser', uniqueName), z.tuple([z.number()]));
    return userId;
  }

  /** The process that owns a name. Rejects with a DbusError. */
  async readProcessId(name: string): Promise<number> {
    const [processId] = await this.call(busCall('GetConnectionUnixProcessID', name), z.tuple([z.number()]));
    return processId;
  }

  /** Ends the connection and all attempts permanently. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#lastFailure = 'closed';
    this.#connection?.close();
  }

  #connect(): Promise<void> {
    this.#attempt ??= this.#tryConnect().finally(() => {
      this.#attempt = null;
    });
    return this.#attempt;
  }

  async #tryConnect(): Promise<void> {
    this.#timer = null;
    if (this.#isClosed) return;
    try {
      let isOver = false;
      const connection = await Connection.open(this.#address, this.#connectTimeoutMs, {
        isListenedTo: (sender) => this.#isListenedTo(sender),
        onSignal: (signal) => this.#dispatch(signal),
        onCall: async (call) => (await this.#service?.onCall(call)) ?? null,
        onClose: (reason) => {
          isOver = true;
          this.#lose(reason);
        },
      });
      if (this.#isClosed) connection.close();
      if (this.#isClosed || isOver) return;
      this.#connection = connection;
      this.#failures = 0;
      for (const rule of this.#rules.keys()) this.#sendRule('AddMatch', rule);
      this.#names.refresh();
      this.#takeName();
    } catch (cause) {
      this.#lose(describeCause(cause));
    }
  }

  #takeName(): void {
    const service = this.#service;
    const connection = this.#connection;
    if (service === null || connection === null) return;
    const request = { ...busCall('RequestName', service.name), signature: 'su', body: [service.name, 0] };
    connection.call({ ...request, timeoutMs: this.#callTimeoutMs }).then(
      ([reply]) => {
        if (reply !== isPrimaryOwner) service.onProblem(`another program has the bus name ${service.name}`);
      },
      (error: unknown) => {
        if (error instanceof DbusError && error.code === 'unreachable') return;
        service.onProblem(`the bus refuses the name ${service.name}: ${describeCause(error)}`);
      },
    );
  }

  #lose(reason: string): void {
    this.#connection = null;
    if (this.#isClosed) return;
    this.#lastFailure = reason;
    this.#names.forget();
    if (this.#timer !== null) return;
    const delayMs = computeReconnectDelayMs(this.#failures, this.#random());
    this.#failures += 1;
    // Does not keep the process alive: a program that waits for the bus has something else that
    // does.
    this.#timer = setTimeout(() => void this.#connect(), delayMs).unref();
  }

  /**
   * The owner may have changed by a message that is not dispatched yet: the bus announces a new
   * owner before its own signals, and the listeners read its state then.
   */
  #isListenedTo(sender: string): boolean {
    return sender === busName || [...this.#signals].some(({ match }) => this.#names.ownerOf(match.sender) === sender);
  }

  #dispatch(signal: Signal): void {
    if (isMatch({ ...ownerMatch(''), arg0: String(signal.body[0]) }, signal, busName)) this.#names.take(signal.body);
    for (const { match, listener } of [...this.#signals]) {
      if (isMatch(match, signal, this.#names.ownerOf(match.sender))) runQuietly(() => listener(signal));
    }
  }

  async #askOwner(name: string): Promise<string | null> {
    const connection = this.#connection;
    if (connection === null) throw new DbusError('unreachable', this.#lastFailure);
    const reply = await connection
      .call({ ...busCall('GetNameOwner', name), timeoutMs: this.#callTimeoutMs })
      .catch((error: unknown) => {
        if (error instanceof DbusError && error.code === 'no-owner') return [null];
        // A bus that does not answer is as good as gone: reconnect, or the owner would stay
        // unknown.
        if (error instanceof DbusError && error.code === 'timeout') connection.close();
        throw error;
      });
    return typeof reply[0] === 'string' ? reply[0] : null;
  }

  #addRule(rule: string): () => void {
    const count = this.#rules.get(rule) ?? 0;
    this.#rules.set(rule, count + 1);
    if (count === 0) this.#sendRule('AddMatch', rule);
    return () => {
      const left = (this.#rules.get(rule) ?? 0) - 1;
      if (left > 0) {
        this.#rules.set(rule, left);
        return;
      }
      this.#rules.delete(rule);
      this.#sendRule('RemoveMatch', rule);
    };
  }

  #sendRule(member: 'AddMatch' | 'RemoveMatch', rule: string): void {
    this.#connection?.call({ ...busCall(member, rule), timeoutMs: this.#callTimeoutMs }).catch((error: unknown) => {
      // A broken connection loses its rules; the next one gets all of them.
      if (error instanceof DbusError && error.code !== 'unreachable') runQuietly(() => this.#onProblem(error));
    });
  }
}

function ownerMatch(name: string): SignalMatch {
  return { sender: busName, interface: busName, member: 'NameOwnerChanged', path: busPath, arg0: name };
}

function busCall(member: string, argument: string): Omit<MethodCall, 'timeoutMs'> {
  return { destination: busName, path: busPath, interface: busName, member, signature: 's', body: [argument] };
}

function once(run: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    run();
  };
}

function runQuietly(run: () => void): void {
  try {
    run();
  } catch {
    // A failing listener must not stop the others; listeners report their own errors.
  }
}
