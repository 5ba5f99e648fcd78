/**
 * One connection to a message bus, from hello to its end. Invariant: nothing that the bus, a peer
 * on it or dbus-next does leaves this module as an uncaught exception, an unhandled rejection or an
 * `error` event without a listener.
 */

import { DBusError, Message, type MessageBus, sessionBus } from 'dbus-next';
import { CallLimits } from './call-limits.ts';
import { classifyErrorName, DbusError, describeCause } from './errors.ts';
import { flagNoReply, messageType } from './frame.ts';
import { guardConnection } from './gate.ts';
import type { Signal } from './match.ts';
import type { CallReply, IncomingCall } from './object-tree.ts';

export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** Of the body, such as `su`; none and no body by default. */
  readonly signature?: string;
  readonly body?: readonly unknown[];
  readonly timeoutMs: number;
}

/** A signal of this program's own. */
export interface OutgoingSignal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature: string;
  readonly body: readonly unknown[];
}

export interface ConnectionHandlers {
  /** Whether signals of this unique name can matter; signals of others are not even decoded. */
  readonly isListenedTo: (sender: string) => boolean;
  readonly onSignal: (signal: Signal) => void;
  /** Null: there is no such object. */
  readonly onCall?: (call: IncomingCall) => Promise<CallReply | null>;
  /** Called once when the connection has ended, whichever side ended it. */
  readonly onClose: (reason: string) => void;
}

/** A service that its operator has stopped stays stopped. */
const flagNoAutoStart = 2;
const flagAllowInteractive = 4;

export class Connection {
  readonly #bus: MessageBus;
  readonly #limits: CallLimits;
  readonly #pending = new Set<(error: DbusError) => void>();
  #isClosed = false;

  /** Rejects with a DbusError (`unreachable`) if the bus does not answer hello in time. */
  static open(address: string, timeoutMs: number, handlers: ConnectionHandlers): Promise<Connection> {
    return new Promise((resolve, reject) => {
      let bus: MessageBus;
      try {
        // Only EXTERNAL: dbus-next 0.11.4 throws outside of any promise when it goes on to
        // DBUS_COOKIE_SHA1.
        bus = sessionBus({ busAddress: address, authMethods: ['EXTERNAL'] });
      } catch (cause) {
        const message = `failed to connect to the bus at ${address}: ${describeCause(cause)}`;
        reject(new DbusError('unreachable', message, { cause }));
        return;
      }
      const { stream } = bus._connection;
      const limits = new CallLimits();
      guardConnection(bus, limits, handlers.isListenedTo);
      const fail = (cause: unknown): void => {
        clearTimeout(timer);
        stream.destroy();
        const message = `failed to connect to the bus at ${address}: ${describeCause(cause)}`;
        reject(new DbusError('unreachable', message, { cause }));
      };
      const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
      // These listeners stay for ever: late errors of a dying socket end here and are dropped.
      bus.on('error', fail);
      stream.once('close', () => fail('the bus closed the connection'));
      bus.once('connect', () => {
        clearTimeout(timer);
        resolve(new Connection(bus, limits, handlers));
      });
    });
  }

  private constructor(bus: MessageBus, limits: CallLimits, handlers: ConnectionHandlers) {
    this.#bus = bus;
    this.#limits = limits;
    const { stream } = bus._connection;
    let lastError: unknown = 'the bus closed the connection';
    bus.removeAllListeners('error');
    // Errors that end the connection are followed by `close`; any other error is one undecodable
    // message.
    bus.on('error', (error: unknown) => {
      lastError = error;
    });
    guardReadable(stream, () => limits.arrived());
    bus.on('message', (message: Message) => {
      const { type, sender, path, interface: iface, member, body } = message;
      if (type !== messageType.signal || this.#isClosed) return;
      if (sender === undefined || path === undefined || iface === undefined || member === undefined) return;
      handlers.onSignal({ sender, path, interface: iface, member, body });
    });
    const { onCall } = handlers;
    if (onCall !== undefined) bus.addMethodHandler((message) => this.#take(message, onCall));
    const finish = (): void => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      const reason = describeCause(lastError);
      for (const abort of this.#pending)
        abort(new DbusError('unreachable', `the connection to the bus broke: ${reason}`));
      this.#pending.clear();
      handlers.onClose(reason);
    };
    stream.once('close', finish);
    if (stream.destroyed) queueMicrotask(finish);
  }

  get uniqueName(): string {
    return this.#bus.name ?? '';
  }

  /**
   * The body of the reply. Rejects with a DbusError; a call that timed out may still be carried
   * out.
   */
  call(call: MethodCall): Promise<readonly unknown[]> {
    const { timeoutMs, ...fields } = call;
    const name = `${call.interface}.${call.member} of ${call.destination}`;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new DbusError('unreachable', `failed to call ${name}: the connection to the bus is closed`));
        return;
      }
      const message = new Message({ ...fields, flags: flagNoAutoStart });
      const settle = (error: DbusError | null, body: readonly unknown[] = []): void => {
        clearTimeout(timer);
        this.#pending.delete(settle);
        // dbus-next keeps pending replies for ever.
        if (message.serial !== null) delete this.#bus._methodReturnHandlers[message.serial];
        if (error === null) resolve(body);
        else reject(error);
      };
      const timer = setTimeout(() => {
        settle(new DbusError('timeout', `failed to call ${name}: no reply within ${timeoutMs} ms`));
        // Perhaps the bus has not even read the call: then it reads nothing from this connection
        // any more.
        if (this.#bus._connection.stream.writableLength > 0) this.close();
      }, timeoutMs);
      this.#pending.add(settle);
      this.#bus.call(message).then(
        (reply) => settle(null, reply?.body ?? []),
        (cause: unknown) => settle(toDbusError(name, cause)),
      );
    });
  }

  /**
   * Sends a signal to all listeners. Does nothing if the connection has ended, which may happen
   * before its `close` event.
   */
  emit({ path, interface: iface, member, signature, body }: OutgoingSignal): void {
    if (!this.#isClosed && this.#bus._connection.stream.writable)
      this.#bus.send(Message.newSignal(path, iface, member, signature, [...body]));
  }

  /** Answers in its own time; always takes the call. */
  #take(message: Message, onCall: NonNullable<ConnectionHandlers['onCall']>): boolean {
    const { sender, path, member, interface: iface, signature = '', body, flags = 0 } = message;
    if (sender === undefined || path === undefined || member === undefined) return false;
    const isInteractive = (flags & flagAllowInteractive) !== 0;
    const call = { sender, path, interface: iface ?? null, member, signature, body, isInteractive };
    const done = this.#limits.begin(sender);
    void onCall(call)
      .catch((error): CallReply => ({ kind: 'error', name: failedName, text: describeCause(error) }))
      .then((reply) => {
        if (this.#isClosed || (flags & flagNoReply) !== 0) return;
        this.#bus.send(encodeReply(message, reply));
      })
      // A reply that cannot be encoded: the caller runs into its own time limit.
      .catch(() => undefined)
      .finally(done);
    return true;
  }

  /**
   * Ends the connection. Pending calls are rejected, then `onClose` is called. Harmless if it has
   * already ended.
   */
  close(): void {
    this.#bus._connection.stream.destroy();
  }
}

const failedName = 'org.freedesktop.DBus.Error.Failed';

function encodeReply(message: Message, reply: CallReply | null): Message {
  if (reply === null) {
    return Message.newError(message, 'org.freedesktop.DBus.Error.UnknownObject', `no object at ${message.path}`);
  }
  if (reply.kind === 'error') return Message.newError(message, reply.name, reply.text);
  return Message.newMethodReturn(message, reply.signature, [...reply.body]);
}

function toDbusError(name: string, cause: unknown): DbusError {
  if (cause instanceof DBusError) {
    const text = cause.text === '' ? cause.type : cause.text;
    const message = `failed to call ${name}: ${text}`;
    return new DbusError(classifyErrorName(cause.type), message, { cause, errorName: cause.type });
  }
  return new DbusError('unreachable', `failed to call ${name}: ${describeCause(cause)}`, { cause });
}

/**
 * dbus-next 0.11.4 decodes messages in a bare `readable` listener: a message that it cannot decode
 * (a file descriptor that was not passed, …) would end the process, and any local user can send
 * one. Its bytes are consumed by then, so the next message is read normally.
 */
function guardReadable(stream: MessageBus['_connection']['stream'], onRead: () => void): void {
  for (const listener of stream.listeners('readable')) {
    stream.removeListener('readable', listener as () => void);
    stream.on('readable', () => {
      while (!tryRead(() => listener.call(stream)));
      onRead();
    });
  }
}

/** False when a message could not be decoded. */
function tryRead(read: () => void): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}
