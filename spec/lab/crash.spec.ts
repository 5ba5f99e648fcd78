/**
 * Crash consistency of the real program (promise P6): it is killed at its Nth netlink request, its
 * Nth file change, its Nth message to the bus; after a restart it configures everything, and
 * nothing foreign is lost. ENID_CRASH_EVERY=1 tries every N, which takes some minutes.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess } from '../../fixtures/enid-process.ts';
import { readState } from '../../fixtures/guest-state.ts';
import { alone, primary, sharing } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';

const isEvery = process.env['ENID_CRASH_EVERY'] === '1';

let lab: Lab;
let whole: string;

const foreign = `
ip rule add pref 20050 from 192.0.2.1 lookup 77
ip -6 rule add pref 20050 from 2001:db8:ffff::1 lookup 77
ip route add 203.0.113.0/24 dev ens6 table 10001 metric 99 proto static
ip address add 192.0.2.77/32 dev ens6
printf '[Match]\\nName=nothing\\n' > /run/systemd/network/70-other.network
`;

/**
 * All kinds of object that the program makes, and one file of an ENI with its drop-in: nearly
 * everything must be made again.
 */
const wipe = `
for family in -4 -6; do
  for pref in $(ip $family rule | sed -n 's/^\\(20[0-9]*\\|1[0-9]\\{4\\}\\):.*/\\1/p' | grep -v 20050); do
    ip $family rule del pref $pref
  done
  for table in 10001 10002; do ip $family route flush table $table proto 236; done
done
ip address del 10.0.2.21/32 dev ens6; ip address del 10.0.2.22/32 dev ens6
ip -6 address del 2001:db8:0:2::21/128 dev ens6; ip -6 address del 2001:db8:0:1::31/128 dev ens7
ip link property del dev ens6 altname eni-00000000000000002
rm -r /run/systemd/network/70-ens7.network /run/systemd/network/70-ens7.network.d
`;

function shell(script: string) {
  return lab.vpc.guest.run(['sh', '-c', script]);
}

const isWhole = async () => (await readState(lab.vpc)) === whole;

/**
 * Starts the program so that its `count`th such call kills it. False: it survived and everything is
 * configured.
 */
async function isKilledAt(calls: string, count: number): Promise<boolean> {
  const injection = ['-e', `trace=${calls}`, '-e', `inject=${calls}:signal=SIGKILL:when=${count}`];
  const wrapper = ['strace', '-D', '-f', '-qq', '-o', '/dev/null', ...injection, '--'];
  // strace counts calls per thread: with one file system thread, that is the program's count.
  lab.enid = EnidProcess.start(lab.vpc.guest, [], { UV_THREADPOOL_SIZE: '1' }, wrapper);
  let isKilled = false;
  const end = lab.enid.exited().then(() => {
    isKilled = true;
  });
  await Promise.race([end, until('the end, or all in order', isWhole)]);
  // The calls after that: the ledger, answers on the bus.
  if (!isKilled) await Promise.race([end, sleep(300)]);
  return isKilled;
}

beforeAll(async () => {
  lab = await openLab('crash', primary);
  for (const eni of [alone, sharing]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await lab.vpc.guest.check(['sh', '-ec', foreign]);
  await lab.enid.converged();
  whole = await readState(lab.vpc);
  await lab.enid.stop();
}, testMs);
afterAll(() => closeLab(lab));

it.each([
  ['netlink request', 'sendto,sendmsg', 5, 20],
  ['change of a file', 'rename,renameat,renameat2,fsync,unlink,unlinkat,ftruncate', 1, 2],
  ['word to the bus or the metadata service', 'write,writev', 12, 20],
])(
  'killed at any %s, it configures everything after a restart',
  async (_what, calls, usualStep, fewest) => {
    const step = isEvery ? 1 : usualStep;
    let last = 0;
    for (let count = 1; ; count += step) {
      await shell(wipe);
      expect(await isWhole()).toBe(false);
      const isKilled = await isKilledAt(calls, count);
      if (isKilled) lab.enid = EnidProcess.start(lab.vpc.guest);
      await until(`all in order after call ${count}`, isWhole).catch(() => undefined);
      expect({ count, state: await readState(lab.vpc) }).toEqual({ count, state: whole });
      await lab.enid.stop();
      if (!isKilled) break;
      last = count;
    }
    expect(last).toBeGreaterThanOrEqual(fewest);
    process.stderr.write(`crash: killed at up to the ${last}. call of ${calls}\n`);
    await awaitReach(lab.vpc);
    expect(await lab.vpc.guest.readFile('/run/systemd/network/70-other.network')).toMatch(/nothing/);
  },
  testMs * (isEvery ? 10 : 2),
);

/**
 * Makes writing impossible; `mend` undoes that. `restore`: also puts back the files that the killed
 * program left.
 */
const diskFaults: readonly (readonly [what: string, fault: string, mend: string, restore: string])[] = [
  [
    'is a directory',
    'mv /run/enid/metadata.json /run/enid/kept; mkdir /run/enid/metadata.json',
    'rmdir /run/enid/metadata.json',
    'mv /run/enid/kept /run/enid/metadata.json',
  ],
  ['is on a full disk', 'cat /dev/zero > /run/enid/fill 2>/dev/null; true', 'rm /run/enid/fill', 'true'],
  [
    'is on a disk that is read-only',
    // The lock file is open for writing, so the directory must be a mount of its own.
    'mount --bind /run/enid /run/enid && mount -o remount,bind,ro /run/enid',
    'umount /run/enid',
    'true',
  ],
];

it.each(diskFaults)(
  'addresses that EC2 assigns while metadata.json %s keep working after a crash without the metadata service, and are stored once possible',
  async (_what, fault, mend, restore) => {
    const { vpc } = lab;
    await shell('mount -t tmpfs -o size=256k tmpfs /run/enid');
    lab.enid = EnidProcess.start(vpc.guest);
    await until('the metadata', async () => (await shell('test -s /run/enid/metadata.json')).code === 0, 60_000);
    await awaitReach(vpc, 60_000);
    await lab.enid.converged(60_000);
    const isRemembered = async () => (await shell('grep -q 10.0.2.77 /run/enid/metadata.json')).code === 0;
    const isThere = async () => (await vpc.guest.check(['ip', '-br', 'address'])).includes('10.0.2.77/');
    await vpc.guest.check(['sh', '-c', fault]);
    await vpc.assign(alone.id, { ipv4: ['10.0.2.77'], ipv6: ['2001:db8:0:2::77'] });
    await awaitReach(vpc, 60_000);
    await lab.enid.stop('SIGKILL');
    const stood = await readState(vpc);
    expect(stood).toMatch(/10\.0\.2\.77/);
    await vpc.imds.setFaults([{ effect: { kind: 'status', status: 503 } }]);
    await vpc.guest.check(['sh', '-c', `${mend}; ${restore}`]);
    expect(await isRemembered()).toBe(false);
    lab.enid = EnidProcess.start(vpc.guest);
    // The service is asked after the first pass.
    await until('no metadata', () => lab.enid.lines.some((line) => /failed to read the metadata/.test(line)), 60_000);
    await sleep(3_000);
    expect(await readState(vpc)).toBe(stood);
    expect(lab.enid.lines.filter((line) => /CHANGE=remove-/.test(line))).toEqual([]);
    await awaitReach(vpc, 60_000);
    // The service answers, and the disk fails for a while longer.
    await vpc.guest.check(['sh', '-c', fault]);
    await vpc.imds.setFaults([]);
    await until('one trouble', () => lab.enid.lines.some((line) => /failed to write the metadata/.test(line)), 60_000);
    expect(await isThere()).toBe(true);
    await vpc.guest.check(['sh', '-c', mend]);
    await until('it is remembered', isRemembered, 60_000);
    await vpc.unassign(alone.id, { ipv4: ['10.0.2.77'], ipv6: ['2001:db8:0:2::77'] });
    await until('its end', async () => !(await isThere()), 60_000);
    await lab.enid.stop();
    await shell('umount /run/enid');
  },
  3 * testMs,
);
