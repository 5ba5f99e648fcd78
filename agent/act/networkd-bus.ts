/**
 * Calls systemd-networkd over the bus: reload, reconfigure a link, disable its DNS. Never starts
 * networkd (NO_AUTO_START).
 */

import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { Bus } from '../../lib/dbus/bus.ts';
import { DbusError, describeCause } from '../../lib/dbus/errors.ts';
import { NetworkdError } from '../errors.ts';
import { askReloadHelper } from './reload-helper.ts';

export interface NetworkdBusOptions {
  /** A reload of networkd itself takes 13 ms; with thousands of links, seconds. */
  readonly timeoutMs?: number;
  /** Between attempts while networkd answers that a reload is in progress. */
  readonly retryDelayMs?: number;
  /** If polkit does not let this user reload. */
  readonly askHelper?: () => Promise<void>;
}

/** About 5 s in all with the default delay: a reload that takes longer is stuck. */
const mostReloadAttempts = 50;
/**
 * The helper is a unit that is started for each request, and systemd closes its socket if requests
 * are too frequent.
 */
const helperDelayMs = 1_000;
const mostHelperAttempts = 5;
const nothing = z.tuple([]);

export class NetworkdBus {
  readonly #bus: Bus;
  readonly #timeoutMs: number;
  readonly #retryDelayMs: number;
  readonly #askHelper: () => Promise<void>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(bus: Bus, options: NetworkdBusOptions = {}) {
    this.#bus = bus;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#retryDelayMs = options.retryDelayMs ?? 100;
    this.#askHelper = options.askHelper ?? (() => askReloadHelper());
  }

  /**
   * Makes networkd read all its files; resolves when it has. One at a time: calls during a reload
   * share the next one, which begins after it and so sees every file written before those calls.
   * Rejects with a NetworkdError whose code is that of DbusError.
   */
  reload(): Promise<void> {
    if (this.#next !== null) return this.#next;
    if (this.#running === null) {
      this.#running = this.#reloadOnce().finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    const begin = (): Promise<void> => {
      this.#next = null;
      return this.reload();
    };
    this.#next = this.#running.then(begin, begin);
    return this.#next;
  }

  /**
   * Makes networkd configure a link again from its file. This drops its lease. Rejects with a
   * NetworkdError.
   */
  reconfigureLink(linkIndex: number): Promise<void> {
    return this.#call('ReconfigureLink', `reconfigure link ${linkIndex}`, [linkIndex]);
  }

  /**
   * Makes networkd renew a link's lease; nothing is dropped meanwhile. Rejects with a
   * NetworkdError.
   */
  renewLink(linkIndex: number): Promise<void> {
    return this.#call('RenewLink', `renew the lease of link ${linkIndex}`, [linkIndex]);
  }

  /**
   * Makes networkd pass no DNS of a link to resolved, or again what lease and file say. It holds
   * until networkd exits, also when the link is reconfigured. Rejects with a NetworkdError.
   */
  async setDns(linkIndex: number, isUsed: boolean): Promise<void> {
    const what = `set the DNS of link ${linkIndex}`;
    if (isUsed) return this.#call('RevertLinkDNS', what, [linkIndex]);
    await this.#call('SetLinkDNS', what, [linkIndex, []], 'ia(iay)');
    await this.#call('SetLinkDomains', what, [linkIndex, []], 'ia(sb)');
    await this.#call('SetLinkDefaultRoute', what, [linkIndex, false], 'ib');
  }

  async #reloadOnce(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#call('Reload', 'reload systemd-networkd', []);
        return;
      } catch (error) {
        if (error instanceof NetworkdError && error.code === 'denied') return await this.#reloadByHelper(error);
        // A reload by another program (networkctl, udev) is in progress, and may have begun before
        // our files were written.
        if (!isBusy(error) || attempt >= mostReloadAttempts) throw error;
        await sleep(this.#retryDelayMs);
      }
    }
  }

  /** polkit is not installed, does not answer or refuses. */
  async #reloadByHelper(refusal: NetworkdError): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#askHelper();
      } catch (cause) {
        if (isBusy(cause) && attempt < mostHelperAttempts) {
          await sleep(helperDelayMs);
          continue;
        }
        const reason = cause instanceof Error ? cause.message : String(cause);
        const message = `${refusal.message}, and neither does ${reason}. Run \`systemctl restart enid-reload.socket\`, or \`networkctl reload\` once as root`;
        throw new NetworkdError('denied', 'systemd-networkd', message, { cause });
      }
    }
  }

  async #call(
    member: string,
    what: string,
    body: readonly unknown[],
    signature: string = 'i'.repeat(body.length),
  ): Promise<void> {
    try {
      await this.#bus.call(
        {
          destination: 'org.freedesktop.network1',
          path: '/org/freedesktop/network1',
          interface: 'org.freedesktop.network1.Manager',
          member,
          signature,
          body,
          timeoutMs: this.#timeoutMs,
        },
        nothing,
      );
    } catch (cause) {
      const code = cause instanceof DbusError ? cause.code : 'failed';
      const hint = code === 'denied' ? ' (polkit: not installed, or it refuses)' : '';
      throw new NetworkdError(code, 'systemd-networkd', `failed to ${what}: ${describeCause(cause)}${hint}`, { cause });
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof NetworkdError && /already reloading/i.test(error.message);
}
