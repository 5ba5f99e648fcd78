/** A separate message bus for a test, on a socket in a temporary directory. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const configOf = (
  address: string,
  limits: Readonly<Record<string, number>>,
): string => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>${address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow receive_sender="*"/>
  </policy>
  ${Object.entries(limits)
    .map(([name, value]) => `<limit name="${name}">${value}</limit>`)
    .join('')}
</busconfig>
`;

export class PrivateBus {
  readonly directory: string;
  readonly address: string;
  #daemon: ChildProcess | null = null;

  /** `limits`: of dbus-daemon(1), others than those of a system bus. */
  static async make(limits: Readonly<Record<string, number>> = {}): Promise<PrivateBus> {
    const directory = await mkdtemp(join(tmpdir(), 'enid-bus-'));
    const bus = new PrivateBus(directory);
    await writeFile(join(directory, 'bus.conf'), configOf(bus.address, limits));
    return bus;
  }

  private constructor(directory: string) {
    this.directory = directory;
    this.address = `unix:path=${join(directory, 'socket')}`;
  }

  /** Resolves when the bus accepts connections. */
  async start(): Promise<void> {
    await rm(join(this.directory, 'socket'), { force: true });
    const daemon = spawn(
      'dbus-daemon',
      [`--config-file=${join(this.directory, 'bus.conf')}`, '--nofork', '--nopidfile', '--print-address=1'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    this.#daemon = daemon;
    const exit = once(daemon, 'exit').then(() => Promise.reject(new Error('dbus-daemon ended')));
    exit.catch(() => {});
    await Promise.race([once(daemon.stdout, 'data'), exit]);
  }

  /** Kills the bus, as a crash would. */
  async kill(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === null) return;
    this.#daemon = null;
    const exit = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await exit;
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}
