/**
 * `hostname: true`: sets the transient host name from the metadata if none is configured. The
 * metadata is asked until the name is known.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { Bus } from '../../lib/dbus/bus.ts';
import { readTextProperty } from '../../lib/dbus/properties.ts';
import { computeBackoffMs } from '../../lib/imds/backoff.ts';
import { ImdsClient } from '../../lib/imds/client.ts';
import type { Config } from '../config/types.ts';
import { chooseHostname } from '../decide/desired/hostname.ts';
import type { Journal } from '../report/journal.ts';
import { version } from '../version.ts';

const hostnamed = 'org.freedesktop.hostname1';
const hostnamedPath = '/org/freedesktop/hostname1';

export class HostnameSetter {
  readonly #bus: Bus;
  readonly #journal: Journal;
  readonly #end = new AbortController();
  #isDone = false;

  constructor(bus: Bus, journal: Journal) {
    this.#bus = bus;
    this.#journal = journal;
  }

  /**
   * Continues in the background until the metadata service and systemd-hostnamed have answered, or
   * until `stop`.
   */
  start(config: Config): void {
    if (!config.hostname || this.#isDone) return;
    this.#isDone = true;
    void this.#keepTrying(config).catch(() => undefined);
  }

  stop(): void {
    this.#end.abort();
  }

  async #keepTrying({ imds }: Config): Promise<void> {
    const client = new ImdsClient({ ...imds, userAgent: `enid/${version}` });
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#setName(client);
        return;
      } catch (error) {
        if (attempt === 1) this.#journal.warning(`failed to set the host name; will retry: ${error}`);
      }
      await sleep(computeBackoffMs(attempt, Math.random()), undefined, { signal: this.#end.signal });
    }
  }

  async #setName(client: ImdsClient): Promise<void> {
    const answer = await client.get('meta-data/local-hostname', this.#end.signal);
    await this.#bus.call(
      {
        destination: 'org.freedesktop.DBus',
        path: '/org/freedesktop/DBus',
        interface: 'org.freedesktop.DBus',
        member: 'StartServiceByName',
        signature: 'su',
        body: [hostnamed, 0],
      },
      z.tuple([z.number()]),
    );
    const names = ['StaticHostname', 'Hostname', 'DefaultHostname'].map((name) => this.#read(name));
    const [configured = '', current = '', fallback = ''] = await Promise.all(names);
    const offered = answer.kind === 'value' ? answer.text : null;
    const name = chooseHostname({ configured, current, fallback, offered });
    if (name === null) return;
    // Not interactive: no one is there to enter a password.
    await this.#bus.call(
      {
        destination: hostnamed,
        path: hostnamedPath,
        interface: hostnamed,
        member: 'SetHostname',
        signature: 'sb',
        body: [name, false],
      },
      z.tuple([]),
    );
    this.#journal.info(`host name ${name}, from the metadata (none is configured)`);
  }

  #read(name: string): Promise<string> {
    return readTextProperty(this.#bus, { destination: hostnamed, path: hostnamedPath, interface: hostnamed, name });
  }
}
