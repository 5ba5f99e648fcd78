/**
 * Who calls, and whether polkit allows it: asked once for each connection within some seconds.
 * Invariant: a bounded number is remembered, for a short time. The bus is not watched for
 * disconnected callers: that would cost it three more calls for each new one, and a
 * bus never assigns a unique name twice.
 */

import * as z from 'zod';
import type { Bus } from '../../lib/dbus/bus.ts';
import type { IncomingCall } from '../../lib/dbus/object-tree.ts';
import { stringVariant } from '../../lib/dbus/variant.ts';

const mostCallers = 64;
/** Long enough for a person to enter a password. */
const authorisationMs = 120_000;
/** How long an answer of polkit counts: its rules may change. */
const lastingMs = 5_000;

interface Caller {
  readonly userId: Promise<number>;
  /** By action, and whether a person can be asked. */
  readonly permissions: Map<string, Promise<boolean>>;
  /** Calls to polkit in progress. */
  asking: number;
}

export class Callers {
  readonly #bus: Pick<Bus, 'call' | 'readUserId' | 'watchName'>;
  readonly #callers = new Map<string, Caller>();

  constructor(bus: Pick<Bus, 'call' | 'readUserId' | 'watchName'>) {
    this.#bus = bus;
    // Another bus counts its unique names from the beginning.
    bus.watchName('org.freedesktop.DBus', () => this.#callers.clear());
  }

  get count(): number {
    return this.#callers.size;
  }

  /** Rejects with a DbusError. */
  readUserId(sender: string): Promise<number> {
    return this.#find(sender).userId;
  }

  /**
   * Root and the daemon's own user always may; others if polkit allows it. No other user if polkit
   * does not answer.
   */
  async isAuthorised({ sender, isInteractive }: IncomingCall, action: string): Promise<boolean> {
    const caller = this.#find(sender);
    const userId = await caller.userId;
    if (userId === 0 || userId === process.getuid?.()) return true;
    const key = `${action} ${isInteractive}`;
    const known = caller.permissions.get(key);
    if (known !== undefined) return known;
    caller.asking += 1;
    const permission = this.#askPolkit(sender, isInteractive, action).finally(() => {
      caller.asking -= 1;
    });
    caller.permissions.set(key, permission);
    return permission;
  }

  #find(sender: string): Caller {
    const known = this.#callers.get(sender);
    if (known !== undefined) return known;
    const [oldest] = this.#callers.keys();
    if (oldest !== undefined && this.#callers.size >= mostCallers) this.#callers.delete(oldest);
    const caller: Caller = { userId: this.#bus.readUserId(sender), permissions: new Map(), asking: 0 };
    this.#callers.set(sender, caller);
    caller.userId.catch(() => this.#forget(sender, caller));
    this.#forgetLater(sender, caller);
    return caller;
  }

  #forgetLater(sender: string, caller: Caller): void {
    const forget = () => (caller.asking > 0 ? this.#forgetLater(sender, caller) : this.#forget(sender, caller));
    setTimeout(forget, lastingMs).unref();
  }

  #forget(sender: string, caller: Caller): void {
    if (this.#callers.get(sender) === caller) this.#callers.delete(sender);
  }

  /** Never rejects. */
  async #askPolkit(sender: string, isInteractive: boolean, action: string): Promise<boolean> {
    const subject = ['system-bus-name', { name: stringVariant(sender) }];
    const authority = 'org.freedesktop.PolicyKit1';
    try {
      const [[isAuthorised]] = await this.#bus.call(
        {
          destination: authority,
          path: `/org/freedesktop/PolicyKit1/Authority`,
          interface: `${authority}.Authority`,
          member: 'CheckAuthorization',
          signature: '(sa{sv})sa{ss}us',
          body: [subject, action, {}, isInteractive ? 1 : 0, ''],
          timeoutMs: authorisationMs,
        },
        z.tuple([z.tuple([z.boolean(), z.boolean(), z.record(z.string(), z.string())])]),
      );
      return isAuthorised;
    } catch {
      return false;
    }
  }
}
