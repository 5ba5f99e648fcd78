/**
 * Watches systemd-networkd on the bus and reads its state. Changes nothing, and never starts
 * networkd.
 */

import * as z from 'zod';
import type { Bus, Subscription } from '../../lib/dbus/bus.ts';
import { DbusError, describeCause } from '../../lib/dbus/errors.ts';
import type { Signal } from '../../lib/dbus/match.ts';
import type { NameOwner } from '../../lib/dbus/name-owners.ts';
import { propertiesInterface, readTextProperty } from '../../lib/dbus/properties.ts';
import { variantOf } from '../../lib/dbus/variant.ts';
import { NetworkdError } from '../errors.ts';
import type { NetworkdLink, NetworkdState } from '../model.ts';
import { type LinkDescription, parseLinkDescription, parseLinkPath, parseSystemdVersion } from './networkd-link.ts';
import { readUnitState } from './unit-states.ts';

/** `unreachable`: the bus is away, or has not answered yet; networkd may still be running. */
export type NetworkdPresence = 'present' | 'absent' | 'unreachable';

export type NetworkdEvent =
  | { readonly kind: 'appeared' }
  /** It left the bus: it stopped, or restarts (then `appeared` follows). */
  | { readonly kind: 'vanished' }
  /** The bus answers again, and networkd is not on it. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreachable' }
  /** The link's AdministrativeState, or another of its states, changed. */
  | { readonly kind: 'link-changed'; readonly linkIndex: number; readonly setupState: string | null };

export interface ListedLink {
  readonly linkIndex: number;
  readonly linkName: string;
}

const serviceName = 'org.freedesktop.network1';
const serviceUnit = 'systemd-networkd.service';
/** It takes its bus name within milliseconds of its start. */
export const startMs = 3_000;
/** States of its unit in which it runs, starts, or stops before a restart. */
const runningStates: ReadonlySet<string> = new Set(['active', 'activating', 'reloading', 'deactivating']);
const managerPath = '/org/freedesktop/network1';
const managerInterface = 'org.freedesktop.network1.Manager';
const linkInterface = 'org.freedesktop.network1.Link';
/** networkd borrows the name from resolved (bus-common-errors.h of systemd 252 to 257). */
const noSuchLink = 'org.freedesktop.resolve1.NoSuchLink';

const describeReply = z.tuple([z.string()]);
const listReply = z.tuple([z.array(z.tuple([z.number(), z.string(), z.string()]))]);
const linkChange = z.tuple([
  z.literal(linkInterface),
  z.object({ AdministrativeState: variantOf(z.string()).optional() }),
  z.array(z.string()),
]);

export class NetworkdWatcher {
  readonly #bus: Bus;
  readonly #listeners = new Set<(event: NetworkdEvent) => void>();
  #subscriptions: Subscription[] = [];
  #presence: NetworkdPresence = 'unreachable';
  /** Of the present networkd; undefined: not asked yet. */
  #version: number | null | undefined;
  #last: Pick<NetworkdState, 'version' | 'links'> = { version: null, links: [] };
  /** Its answers about links, valid until it announces a change. */
  #answers = new Map<number, NetworkdLink>();
  /** Questions in progress, by link; an announcement meanwhile may be newer than the answer. */
  #questions = new Map<number, object>();
  /** When it last began to configure each link, and when it appeared itself. */
  #unsettledMs = new Map<number, number>();
  #appearedMs: number | null = null;
  #absentSinceMs: number | null = null;
  readonly #startMs: number;

  /**
   * The caller starts, shares and closes the bus. `startMs`: how long its absence counts as
   * starting.
   */
  constructor(bus: Bus, options: { readonly startMs?: number } = {}) {
    this.#bus = bus;
    this.#startMs = options.startMs ?? startMs;
  }

  /** Begins to listen; idempotent. */
  start(): void {
    if (this.#subscriptions.length > 0) return;
    this.#subscriptions = [
      this.#bus.watchName(serviceName, (now, before) => this.#takeOwner(now, before)),
      this.#bus.watchSignal(
        {
          sender: serviceName,
          interface: propertiesInterface,
          member: 'PropertiesChanged',
          pathNamespace: `${managerPath}/link`,
          arg0: linkInterface,
        },
        (signal) => this.#takeLinkChange(signal),
      ),
    ];
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.remove();
    this.#subscriptions = [];
  }

  /** It may only be starting. */
  get isAbsenceFresh(): boolean {
    return this.#absentSinceMs !== null && performance.now() - this.#absentSinceMs < this.#startMs;
  }

  get presence(): NetworkdPresence {
    return this.#presence;
  }

  /** An event only wakes: the state is then read. Returns a function that removes the listener. */
  onEvent(listener: (event: NetworkdEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * networkd's state of these links, asked again if it has announced a change; a link that it does
   * not know (yet) is left out. `absent` only if the bus says that it is not there, with its last
   * answers. Throws NetworkdError if that cannot be determined (`unreachable`, `timeout`, …): then
   * the previous state still holds.
   */
  async readState(linkIndexes: readonly number[]): Promise<NetworkdState> {
    if (!(await this.#isOwned())) return await this.#absentState();
    try {
      const version = await this.readVersion();
      const links: NetworkdLink[] = [];
      for (const linkIndex of this.#answers.keys()) if (!linkIndexes.includes(linkIndex)) this.#forgetLink(linkIndex);
      // One after the other: networkd answers them in turn anyway, and this limits the size of
      // replies.
      for (const linkIndex of linkIndexes) {
        const link = this.#answers.get(linkIndex) ?? (await this.#askOf(linkIndex));
        if (link !== null) links.push(link);
      }
      this.#last = { version, links };
      return { kind: 'present', version, links };
    } catch (error) {
      // It left during the question.
      if (error instanceof NetworkdError && error.code === 'no-owner') return await this.#absentState();
      throw error;
    }
  }

  /** The next `readState` asks about every link. */
  forget(): void {
    this.#answers.clear();
    this.#questions.clear();
  }

  #forgetLink(linkIndex: number): void {
    this.#answers.delete(linkIndex);
    this.#questions.delete(linkIndex);
  }

  async #askOf(linkIndex: number): Promise<NetworkdLink | null> {
    const question = {};
    this.#questions.set(linkIndex, question);
    const description = await this.describeLink(linkIndex);
    if (description === null) return null;
    const { networkFile, setupState } = description;
    this.#noteState(linkIndex, setupState);
    const unsettledMs = Math.max(this.#unsettledMs.get(linkIndex) ?? 0, this.#appearedMs ?? 0);
    const link = { linkIndex, networkFile, setupState, ...(unsettledMs === 0 ? {} : { unsettledMs }) };
    // A link that it has not picked up yet is asked about again each time.
    const isSettled = setupState !== 'pending' && setupState !== 'initialized';
    if (isSettled && this.#questions.get(linkIndex) === question) this.#answers.set(linkIndex, link);
    return link;
  }

  /**
   * With the version of the next networkd, which an upgrade may have installed. networkd does not
   * connect to the bus again after a restart of the bus (sd_bus of 252 and 262): its unit stays
   * active. During its start it is absent for a moment, too.
   */
  async #absentState(): Promise<NetworkdState> {
    const { version, links } = this.#last;
    const unitState = await readUnitState(this.#bus, serviceUnit).catch(() => null);
    const state = { kind: 'absent', version: (await this.readVersion()) ?? version, links } as const;
    if (unitState === 'active' && !this.isAbsenceFresh) return { ...state, isCutOff: true };
    // After a restart of the bus systemd itself may connect to it later than this program.
    const isStarting = unitState === null ? this.isAbsenceFresh : runningStates.has(unitState);
    return isStarting ? { ...state, isStarting } : state;
  }

  /** Null: networkd has no such link (yet). Throws NetworkdError. */
  async describeLink(linkIndex: number): Promise<LinkDescription | null> {
    try {
      const [text] = await this.#call('DescribeLink', describeReply, { signature: 'i', body: [linkIndex] });
      return parseLinkDescription(text);
    } catch (error) {
      const cause = error instanceof NetworkdError ? error.cause : null;
      if (cause instanceof DbusError && cause.errorName === noSuchLink) return null;
      throw error;
    }
  }

  /** All links that networkd knows, managed or not. Throws NetworkdError. */
  async listLinks(): Promise<readonly ListedLink[]> {
    const [links] = await this.#call('ListLinks', listReply);
    return links.map(([linkIndex, linkName]) => ({ linkIndex, linkName }));
  }

  /**
   * systemd's major version. networkd does not report it, so PID 1 is asked, once per appearance of
   * networkd. Null if systemd is not PID 1 or does not answer.
   */
  async readVersion(): Promise<number | null> {
    if (this.#version !== undefined) return this.#version;
    try {
      const text = await readTextProperty(this.#bus, {
        destination: 'org.freedesktop.systemd1',
        path: '/org/freedesktop/systemd1',
        interface: 'org.freedesktop.systemd1.Manager',
        name: 'Version',
      });
      this.#version = parseSystemdVersion(text);
    } catch (error) {
      if (!(error instanceof DbusError)) throw error;
      // If the bus is slow or broken, it is asked again next time; a definite no is final.
      if (error.code === 'timeout' || error.code === 'unreachable') return null;
      this.#version = null;
    }
    return this.#version;
  }

  async #isOwned(): Promise<boolean> {
    if (this.#presence !== 'unreachable') return this.#presence === 'present';
    try {
      const [isOwned] = await this.#bus.call(
        {
          destination: 'org.freedesktop.DBus',
          path: '/org/freedesktop/DBus',
          interface: 'org.freedesktop.DBus',
          member: 'NameHasOwner',
          signature: 's',
          body: [serviceName],
        },
        z.tuple([z.boolean()]),
      );
      return isOwned;
    } catch (cause) {
      throw toNetworkdError('find systemd-networkd', cause);
    }
  }

  async #call<T>(
    member: string,
    schema: z.ZodType<T>,
    argument: { readonly signature?: string; readonly body?: readonly unknown[] } = {},
  ): Promise<T> {
    const call = { destination: serviceName, path: managerPath, interface: managerInterface, member, ...argument };
    try {
      return await this.#bus.call(call, schema);
    } catch (cause) {
      throw toNetworkdError(`ask systemd-networkd (${member})`, cause);
    }
  }

  #takeOwner(now: NameOwner, before: NameOwner): void {
    this.#version = undefined;
    // Also while the bus is away: a question in progress must not be taken for an answer.
    this.#absentSinceMs = now.kind === 'owned' ? null : performance.now();
    this.forget();
    this.#presence = now.kind === 'owned' ? 'present' : now.kind === 'unowned' ? 'absent' : 'unreachable';
    this.#unsettledMs.clear();
    // Not if this program has just started, or the bus is connected for the first time.
    const isNew = before.kind !== 'unknown' || this.#last.links.length > 0;
    if (now.kind === 'owned' && isNew) this.#appearedMs = performance.now();
    if (before.kind === 'owned' && now.kind !== 'unknown') this.#emit({ kind: 'vanished' });
    if (now.kind === 'owned') this.#emit({ kind: 'appeared' });
    else if (now.kind === 'unknown') this.#emit({ kind: 'unreachable' });
    else if (before.kind === 'unknown') this.#emit({ kind: 'absent' });
  }

  /**
   * Every lease or advertisement with news makes it `configuring` for a moment; only a new start is
   * `initialized`.
   */
  #noteState(linkIndex: number, setupState: string | null): void {
    if (setupState === null || setupState === 'configuring' || setupState === 'configured') return;
    this.#unsettledMs.set(linkIndex, performance.now());
  }

  #takeLinkChange(signal: Signal): void {
    const linkIndex = parseLinkPath(signal.path);
    const change = linkChange.safeParse(signal.body);
    if (linkIndex === null || !change.success) return;
    const setupState = change.data[1].AdministrativeState ?? null;
    // The answer is its state a few milliseconds later, when all may be over.
    this.#noteState(linkIndex, setupState);
    this.#forgetLink(linkIndex);
    this.#emit({ kind: 'link-changed', linkIndex, setupState });
  }

  #emit(event: NetworkdEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

function toNetworkdError(what: string, cause: unknown): NetworkdError {
  const code = cause instanceof DbusError ? cause.code : 'failed';
  return new NetworkdError(code, 'systemd-networkd', `failed to ${what}: ${describeCause(cause)}`, { cause });
}
