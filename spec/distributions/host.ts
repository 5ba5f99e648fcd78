/**
 * A host of the matrix: two ENIs that the distribution's own networkd has by DHCP, and the built
 * package at hand.
 */

import { isIPv4 } from 'node:net';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { chooseTool, type Row } from './rows.ts';

export interface HostParts {
  /** The tree that the row names. */
  readonly tree: string;
  /** Directory with one .deb, one .rpm and, for dnf, the stand-ins of what the .rpm asks for. */
  readonly packages: string;
}

/** As dpkg removes it: nothing of it is left but its configuration's directory. */
const removePolkit = `for name in polkitd policykit-1 pkexec; do
  ! chroot "$1" dpkg --status $name > /dev/null 2>&1 || set -- "$@" $name
done
root=$1 && shift && chroot "$root" dpkg --purge "$@" > /dev/null 2>&1`;

export class MatrixHost {
  readonly vpc: Vpc;
  readonly machine: Machine;
  readonly row: Row;

  private constructor(vpc: Vpc, machine: Machine, row: Row) {
    this.vpc = vpc;
    this.machine = machine;
    this.row = row;
  }

  static async boot(row: Row, { tree, packages }: HostParts): Promise<MatrixHost> {
    const vpc = await Vpc.create({ name: 'matrix', subnets });
    try {
      if (row.ipv6 === 'off')
        for (const scope of ['all', 'default'])
          await vpc.guest.check(['sysctl', '-qw', `net.ipv6.conf.${scope}.disable_ipv6=1`]);
      for (const eni of [primary, alone]) await vpc.attach(eni);
      const switchBus = row.bus === 'dbus-broker' ? 'enable' : 'disable';
      const prepare = [
        `systemctl --root="$1" --quiet ${switchBus} dbus-broker.service`,
        ...(row.polkit === 'no' ? [removePolkit] : []),
      ].join('\n');
      return new MatrixHost(vpc, await Machine.boot(vpc, tree, { packages, prepare }), row);
    } catch (error) {
      await vpc.destroy();
      throw error;
    }
  }

  /** The shell inside, as root; throws where the last command fails. */
  async shell(text: string, timeoutMs = 60_000): Promise<string> {
    return await this.machine.check(['sh', '-c', text], { timeoutMs });
  }

  /** Until every source that the row can have reaches out by its own ENI. */
  async awaitReach(timeoutMs = 30_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const reached = await this.vpc.reachesAll({ timeoutMs: 300 });
      const lost = reached.filter(({ source, isReached }) => !isReached && this.#isExpected(source));
      if (lost.length === 0) return;
      if (performance.now() > end) throw new Error(`not reached: ${lost.map(({ source }) => source).join(', ')}`);
    }
  }

  /** Waits for a command of the shell to succeed. */
  async until(what: string, text: string, timeoutMs = 30_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    while ((await this.machine.run(['sh', '-c', text])).code !== 0) {
      if (performance.now() > end) throw new Error(`never came: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  get tool(): 'apt' | 'dnf' {
    return chooseTool(this.row.tree);
  }

  async stop(): Promise<void> {
    await this.machine.stop();
    await this.vpc.destroy();
  }

  #isExpected(source: string): boolean {
    return this.row.ipv6 === 'on' || isIPv4(source.replace(/\/\d+$/, ''));
  }
}
