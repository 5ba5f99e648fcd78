/**
 * What the specs of the machine tier share: a machine of the simulated VPC with the built package
 * at hand.
 */

import { VirtualMachine } from '../../fixtures/machine/virtual-machine.ts';
import type { EniSpec } from '../../fixtures/vpc/eni.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { primary, subnets } from '../../fixtures/vpc-shapes.ts';

/** Minutes: without KVM, a boot takes half a minute, and so does an installation. */
export const machineMs = 900_000;

const sessionScript = `use IO::Socket::INET;
sub now { open(my $uptime, '<', '/proc/uptime'); (split ' ', <$uptime>)[0] }
my $socket = IO::Socket::INET->new(PeerAddr => '198.51.100.10:7', LocalAddr => $ARGV[0], Timeout => 20) or die $!;
my ($answers, $longest, $last) = (0, 0, now());
while (1) {
  syswrite($socket, 'x') && sysread($socket, my $answer, 1) or die $!;
  my $now = now();
  $longest = $now - $last if $now - $last > $longest;
  $longest = 0 if unlink('/run/session.read');
  $last = $now;
  $answers++;
  open(my $log, '>', '/run/session.new');
  printf $log "%d %.2f", $answers, $longest;
  close $log;
  rename('/run/session.new', '/run/session.log');
  select(undef, undef, undef, 0.05);
}
`;

export interface HostOptions {
  /** Of another machine, with enid and its configuration; else Debian's alone. */
  readonly image?: string;
  readonly eni?: EniSpec;
  readonly instanceId?: string;
  readonly kernelOptions?: string;
}

export class MachineHost {
  readonly vpc: Vpc;
  readonly machine: VirtualMachine;

  private constructor(vpc: Vpc, machine: VirtualMachine) {
    this.vpc = vpc;
    this.machine = machine;
  }

  /**
   * Booted with the primary plugged in and nobody to configure it; its cards take the place of
   * ENA's.
   */
  static async boot({
    image: baked,
    eni = primary,
    instanceId,
    kernelOptions = '',
  }: HostOptions = {}): Promise<MachineHost> {
    const { ENID_MACHINE_IMAGE: debian, ENID_MACHINE_PACKAGES: packages } = process.env;
    const image = baked ?? debian;
    if (!image || !packages) throw new Error('ENID_MACHINE_IMAGE is not set: run `npm run test:machine`');
    const instance = instanceId === undefined ? {} : { instanceId };
    const vpc = await Vpc.create({ name: 'machine', subnets, ...instance });
    let machine: VirtualMachine | null = null;
    try {
      machine = await VirtualMachine.create(vpc, { image, packages, kernelOptions, ...instance });
      const host = new MachineHost(vpc, machine);
      await machine.attach(eni);
      await machine.boot();
      if (baked !== undefined) return host;
      await machine.writeFile('/etc/enid/config.yaml', 'drivers: [virtio_net]\nimds: { interval: 5s, timeout: 3s }\n');
      for (const file of ['80-ec2', '81-ec2-all'])
        await machine.writeFile(`/etc/systemd/network/${file}.network.d/driver.conf`, '[Match]\nDriver=virtio_net\n');
      await machine.writeFile('/root/session.pl', sessionScript);
      return host;
    } catch (error) {
      await machine?.destroy();
      await vpc.destroy();
      throw error;
    }
  }

  /** `release` 2 is there to upgrade to. */
  async install(release: 1 | 2 = 1): Promise<string> {
    const options = '-y -o Dpkg::Options::=--force-confold';
    return await this.machine.check(`apt-get install ${options} /packages/enid_*-${release}_*.deb 2>&1`, machineMs);
  }

  /**
   * A TCP session from the primary address to the far host and back every 50 ms, as of whoever is
   * logged in.
   */
  async startSession(): Promise<void> {
    await this.machine.check('systemd-run --collect --unit=session perl /root/session.pl 10.0.1.10');
    await this.until('the session answers', '[ -s /run/session.log ]');
  }

  /**
   * Answers so far, and the longest time between two since it was last read. Throws where the
   * session broke.
   */
  async readSession(): Promise<{ answers: number; longestGapSeconds: number }> {
    const before = await this.machine.check('systemctl is-active session > /dev/null && cat /run/session.log');
    await this.until(
      'the session still answers',
      `[ "$(cut -d" " -f1 /run/session.log)" -gt ${Number(before.split(' ')[0])} ]`,
    );
    const after = await this.machine.check('cat /run/session.log; touch /run/session.read');
    const [answers = 0, longestGapSeconds = 0] = after.split(' ').map(Number);
    return { answers, longestGapSeconds };
  }

  /** Waits inside the machine until the command of the shell succeeds. */
  async until(what: string, command: string, seconds = 90): Promise<void> {
    // By the clock: `enid status` alone takes a second or more, and what is asked below has to wait
    // for this to end.
    const loop = `while [ $SECONDS -lt ${seconds} ]; do ${command} > /dev/null 2>&1 && exit 0; sleep 0.5; done; exit 1`;
    const { code } = await this.machine.run(loop, (seconds + 60) * 1000);
    if (code === 0) return;
    const { stdout } = await this.machine.run('enid status 2>&1; networkctl; ip -br a; journalctl -n 40 --no-pager');
    throw new Error(`not within ${seconds} s: ${what} (${command})\n${stdout}`);
  }

  /** Until enid has configured this many ENIs. */
  async configured(count: number): Promise<void> {
    await this.until(`${count} ENIs are configured`, `[ "$(enid status | grep -c ' configured ')" = ${count} ]`);
  }

  async destroy(): Promise<void> {
    await this.machine.destroy();
    await this.vpc.destroy();
  }
}
