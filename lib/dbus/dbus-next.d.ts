/**
 * The part of `dbus-next` (npm alias of @particle/dbus-next 0.11.4) that this program uses. Its own
 * types declare a module of another name, number the message types wrongly and are full of `any`.
 */
declare module 'dbus-next' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  export interface MessageFields {
    /** 1 method call (default), 2 return, 3 error, 4 signal. */
    readonly type?: number;
    readonly destination?: string;
    readonly path?: string;
    readonly interface?: string;
    readonly member?: string;
    readonly signature?: string;
    readonly body?: readonly unknown[];
    /** 1 no reply expected, 2 no auto-start. */
    readonly flags?: number;
  }

  export class Message {
    constructor(fields: MessageFields);
    readonly type: number;
    readonly serial: number | null;
    readonly sender: string | undefined;
    readonly destination: string | undefined;
    readonly path: string | undefined;
    readonly interface: string | undefined;
    readonly member: string | undefined;
    readonly signature: string | undefined;
    readonly flags: number | undefined;
    readonly body: readonly unknown[];
    static newMethodReturn(call: Message, signature?: string, body?: readonly unknown[]): Message;
    static newError(call: Message, errorName: string, errorText?: string): Message;
    static newSignal(path: string, iface: string, name: string, signature?: string, body?: readonly unknown[]): Message;
  }

  export class Variant {
    constructor(signature: string, value: unknown);
    readonly signature: string;
    readonly value: unknown;
  }

  export class DBusError extends Error {
    /** The error's name on the bus, such as `org.freedesktop.DBus.Error.AccessDenied`. */
    readonly type: string;
    readonly text: string;
  }

  /** The parts of a reply that are used. */
  export interface ReplyFields {
    readonly type: number;
    readonly errorName: string;
    readonly body: readonly unknown[];
    readonly sender: string;
  }

  export class MessageBus extends EventEmitter {
    /** The unique name; null until `connect`. */
    readonly name: string | null;
    /** Not public, and the only place that reports the end of the connection. */
    readonly _connection: { readonly stream: Socket };
    /** Not public; pending replies by serial. */
    readonly _methodReturnHandlers: Record<number, (reply: ReplyFields) => void>;
    call(message: Message): Promise<Message | null>;
    send(message: Message): void;
    requestName(name: string, flags?: number): Promise<number>;
    releaseName(name: string): Promise<number>;
    addMethodHandler(handler: (message: Message) => boolean): void;
    disconnect(): void;
  }

  /** Connects to any bus, despite its name. Throws on an address that it cannot read. */
  export function sessionBus(options: {
    readonly busAddress: string;
    readonly authMethods?: readonly string[];
  }): MessageBus;
}
