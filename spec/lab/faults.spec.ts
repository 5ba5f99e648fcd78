/**
 * Promise P2 for the whole program: the file system, the bus daemon, networkd, the clock and the
 * kernel's event buffer fail while it runs. The network stays, nothing is lost, drift is repaired
 * meanwhile if possible, and afterwards the state is right without help.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, labConfig, runEnid } from '../../fixtures/enid-process.ts';
import { measureLoss } from '../../fixtures/loss.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { alone, primary, sharing } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';
import { watchLoss } from './watch-loss.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await openLab('faults', primary, labConfig.replace('interval: 5s', 'interval: 30s'));
  await lab.vpc.attach(alone);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

function shell(script: string): Promise<string> {
  return lab.vpc.guest.check(['sh', '-ec', script], { timeoutMs: 60_000 });
}

const altName = 'eni-00000000000000002';
const hasAltName = async () => (await shell('ip link show ens6')).includes(altName);

/**
 * Another program removes an object of ours that no packet needs: it is restored, whatever else is
 * broken.
 */
async function expectRepair(): Promise<void> {
  await shell(`ip link property del dev ens6 altname ${altName}`);
  await until('the alternative name', hasAltName, 5_000);
}

/** What the program logs from now on. */
function listen(): () => string {
  const start = lab.enid.lines.length;
  return () => lab.enid.lines.slice(start).join('\n');
}

async function expectLossless(action: () => Promise<unknown>): Promise<void> {
  expect([...(await watchLoss(lab.vpc, action))]).toEqual([]);
}

const folders = '/run/systemd/network /run/enid';

const remounts: [string, string, string, RegExp][] = [
  [
    'read-only',
    `for folder in ${folders}; do mount --bind $folder $folder; mount -o remount,ro,bind $folder; done`,
    // Lazily: the daemon may have a file open at that moment.
    `umount --lazy ${folders}`,
    /EROFS/,
  ],
  [
    'full',
    'mount -o remount,size=8m /run; cat /dev/zero > /run/filler 2>/dev/null || true',
    'rm /run/filler; mount -o remount,size=50% /run',
    /ENOSPC/,
  ],
];

it.each(remounts)(
  'a %s /run: reported; drift is still repaired, and delayed work is done when it is over',
  async (_what, breakIt, mendIt, told) => {
    const { vpc, enid } = lab;
    const said = listen();
    await expectLossless(async () => {
      await shell(breakIt);
      await expectRepair();
      await vpc.assign(alone.id, { ipv4: ['10.0.2.29'] });
      enid.signal('SIGHUP');
      await until('the address', async () => /10\.0\.2\.29/.test(await shell('ip -o address')));
      await vpc.attach(sharing);
      await until('the trouble', () => told.test(said()));
      await sleep(1_000);
      // Once for each object: a disk that stays full must not fill the journal, too.
      const lines = said().split('\n');
      expect(new Set(lines.map((line) => line.replace(/\d+/g, ''))).size).toBeGreaterThan(lines.length / 3);
      await shell(mendIt);
    });
    // Retried with a back-off of a minute at most.
    await until(
      'the ENI that was attached meanwhile',
      async () => (await vpc.reachesAll()).every((one) => one.isReached),
      60_000,
    );
    await enid.converged(60_000);
    await vpc.unassign(alone.id, { ipv4: ['10.0.2.29'] });
    await vpc.detach(sharing.id);
    enid.signal('SIGHUP');
    await until('the end of the address', async () => !/10\.0\.2\.29/.test(await shell('ip -o address')));
    await enid.converged();
  },
  testMs * 2,
);

it(
  'the bus daemon crashes and comes back: reported; drift is repaired meanwhile, and the next ENI is configured',
  async () => {
    const { vpc, enid } = lab;
    const said = listen();
    await expectLossless(async () => {
      await vpc.guest.killBus();
      await until('the trouble', () => /bus/.test(said()));
      await expectRepair();
      await vpc.guest.startBus();
    });
    // networkd does not connect to a bus that came back; `lossless` measures the cost of its
    // restart.
    await vpc.guest.networkd.restart();
    await vpc.attach(sharing);
    await awaitReach(vpc);
    await vpc.detach(sharing.id);
    await enid.converged();
  },
  testMs,
);

it(
  'networkd is stopped for long (masked): every ENI keeps working, addresses assigned meanwhile work, an ENI attached meanwhile works when it is back',
  async () => {
    const { vpc, enid } = lab;
    const said = listen();
    await vpc.guest.networkd.kill();
    await until('the trouble', () => /systemd-networkd is not running/.test(said()));
    await expectRepair();
    await vpc.assign(alone.id, { ipv4: ['10.0.2.28'] });
    await vpc.attach(sharing);
    enid.signal('SIGHUP');
    await until('the address', () => vpc.reaches('10.0.2.28'));
    await vpc.guest.networkd.start();
    await awaitReach(vpc);
    await enid.converged();
    await vpc.unassign(alone.id, { ipv4: ['10.0.2.28'] });
    await vpc.detach(sharing.id);
    enid.signal('SIGHUP');
    await until('the end of the address', async () => !/10\.0\.2\.28/.test(await shell('ip -o address')));
    await enid.converged();
  },
  testMs,
);

it(
  'stopped while the kernel has more events than its buffer holds: the missed changes are found when it continues',
  async () => {
    const { enid } = lab;
    const said = listen();
    await expectLossless(async () => {
      enid.signal('SIGSTOP');
      // In an ENI's table: the kernel filters out routes of main that do not concern enid.
      const routes = Array.from(
        { length: 60_000 },
        (_, index) => `100.64.${index >> 8}.${index & 255}/32 dev ens5 table 10001`,
      );
      for (const verb of ['add', 'del']) {
        const input = routes.map((route) => `route ${verb} ${route} proto 186\n`).join('');
        await lab.vpc.guest.check(['ip', '-batch', '-'], { input, timeoutMs: 60_000 });
      }
      await shell(`ip link property del dev ens6 altname ${altName}`);
      enid.signal('SIGCONT');
      await until('the alternative name', hasAltName, 20_000);
    });
    // The proof that events were missed, reported once and in one line.
    expect(said().match(/lost|missed|overflow/gi)).toHaveLength(1);
    await enid.converged();
  },
  testMs,
);

it(
  'networkd hangs: drift is repaired, and newly assigned addresses work',
  async () => {
    const { vpc, enid } = lab;
    const { processId } = vpc.guest.networkd;
    if (processId === null) throw new Error('networkd does not run');
    await expectLossless(async () => {
      process.kill(processId, 'SIGSTOP');
      await vpc.assign(alone.id, { ipv4: ['10.0.2.27'] });
      enid.signal('SIGHUP');
      await until('the address', async () => /10\.0\.2\.27/.test(await shell('ip -o address')), 10_000);
      await expectRepair();
      process.kill(processId, 'SIGCONT');
    });
    await vpc.unassign(alone.id, { ipv4: ['10.0.2.27'] });
    await until('a reload', async () => (await runEnid(vpc.guest, ['reload'])).code === 0, 40_000);
    await until('the end of the address', async () => !/10\.0\.2\.27/.test(await shell('ip -o address')));
    await enid.converged();
  },
  testMs,
);

it(
  'networkd drops the lease and DHCP is silent: every address of the ENI works on, and its renewal finds its place',
  async () => {
    const { vpc, enid } = lab;
    await vpc.setService(alone.id, false);
    await vpc.guest.check(['networkctl', 'reconfigure', 'ens6']);
    await sleep(1_500);
    await awaitReach(vpc);
    await vpc.setService(alone.id, true);
    await vpc.guest.check(['networkctl', 'reconfigure', 'ens6']);
    const readDefault = () => shell('ip route show default dev ens6');
    await until('the lease', async () => /^default via \S+ proto dhcp .*\n$/.test(await readDefault()), 60_000);
    await awaitReach(vpc);
    await enid.converged();
  },
  testMs,
);

it(
  'the clock jumps by years, forward and back: drift is repaired, the metadata is read',
  async () => {
    const { vpc } = lab;
    await lab.enid.stop();
    // libfaketime does not change the monotonic clock; neither does the kernel when the time is
    // set.
    const clock = '/run/faketime';
    await vpc.guest.writeFile(clock, '+0');
    const environment = {
      LD_PRELOAD: '/usr/$LIB/faketime/libfaketime.so.1',
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    lab.enid = EnidProcess.start(vpc.guest, [], environment);
    await lab.enid.converged();
    await expectLossless(async () => {
      for (const [jump, address] of [
        ['+3y', '10.0.2.26'],
        ['-3y', '10.0.2.27'],
      ] as const) {
        await vpc.guest.writeFile(clock, jump);
        const year = Number(await vpc.guest.check(['date', '+%Y'], { env: environment }));
        expect(Math.abs(year - new Date().getFullYear())).toBeGreaterThan(1);
        await vpc.assign(alone.id, { ipv4: [address] });
        lab.enid.signal('SIGHUP');
        await until(address, () => vpc.reaches(address));
        await expectRepair();
      }
    });
    await vpc.unassign(alone.id, { ipv4: ['10.0.2.26', '10.0.2.27'] });
    await lab.enid.stop();
    lab.enid = EnidProcess.start(vpc.guest);
    await until('their end', async () => !/10\.0\.2\.2[67]/.test(await shell('ip -o address')));
    await lab.enid.converged();
  },
  testMs,
);

it(
  'systemd is upgraded under it, 252 to 257: only what networkd itself drops is lost, the files are updated, the next ENI loses nothing',
  async () => {
    const { vpc, enid } = lab;
    const { lost, broken } = await measureLoss(vpc, () => vpc.guest.upgradeNetworkd(trixieNetworkd()));
    expect(broken).toEqual([]);
    // 252 drops its DHCPv6 addresses when it stops, and 257 drops IPv4 for 50 ms if it starts with
    // 252's file. enid restores both at the kernel's events: a second is long before its next poll.
    expect(Math.max(0, ...lost.values())).toBeLessThan(1_000 / 5);
    await enid.converged();
    await expectLossless(async () => {
      await vpc.attach(sharing);
      await awaitReach(vpc);
    });
    expect(await vpc.guest.readFile('/run/systemd/network/70-ens6.network')).toMatch(/^KeepConfiguration=yes$/m);
    await enid.converged();
  },
  testMs,
);
