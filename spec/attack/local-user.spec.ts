/**
 * What any local user can do to the installed unit, tried as the user nobody in the booted system.
 * docs/security.md, "Any local user", has a line for each.
 */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { attackBus, hostileProgram } from '../../fixtures/attack-bus.ts';
import type { Attack } from '../../fixtures/hostile-bus.ts';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, sleep, testMs, until } from '../lab/lab.ts';

/** Created by fixtures/machine/tree.sh; spec/service/run.sh passes it on. */
const tree = process.env['ENID_MACHINE_TREE'] ?? '';
const asNobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'];
const manager = { destination: 'org.enid1', interface: 'org.enid1.Manager' };
const managerWords = ['org.enid1', '/org/enid1', 'org.enid1.Manager'];
const limitsExceeded = 'org.freedesktop.DBus.Error.LimitsExceeded';
const accessDenied = 'org.freedesktop.DBus.Error.AccessDenied';
const answerMs = 1_000;
const floodedCalls: Readonly<Record<string, readonly string[]>> = {
  Explain: ['Explain', 'ss', '10.0.2.21', ''],
  Reconcile: ['Reconcile'],
};
const mostGrowthMb = 30;

let vpc: Vpc;
let machine: Machine;

beforeAll(async () => {
  if (tree === '') throw new Error('ENID_MACHINE_TREE is not set: run `npm run test:service`');
  vpc = await Vpc.create({ name: 'attack', subnets });
  for (const eni of [primary, alone]) await vpc.attach(eni);
  machine = await Machine.boot(vpc, tree);
  await awaitReach(vpc);
  await machine.writeFile('/opt/hostile-bus.ts', readFileSync(hostileProgram, 'utf8'));
}, testMs);
afterAll(async () => {
  await machine?.stop();
  await vpc?.destroy();
}, testMs);

function attack(one: Attack) {
  const node = '/usr/bin/node';
  return attackBus(one, (argv) => machine.run([...asNobody, ...argv], { timeoutMs: testMs }), {
    program: '/opt/hostile-bus.ts',
    node,
  });
}

function busctl(...words: string[]) {
  return machine.run([...asNobody, 'busctl', ...words]);
}

async function readResidentMb(): Promise<number> {
  const status = await machine.check(['cat', `/proc/${await machine.show('MainPID')}/status`]);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_000;
}

function readNetwork(): Promise<string> {
  return machine
    .check(['sh', '-c', 'ip -o address; ip rule; ip -6 rule; ip route show table all; ip -6 route show table all'])
    .then((text) => text.replace(/(valid_lft|preferred_lft|expires|hoplimit) \S+/g, ''));
}

interface Meanwhile {
  readonly worstMs: number;
  /** Limit for a call to dbus-daemon itself: as long as it checks one message. */
  readonly worstBusMs: number;
  readonly failures: readonly string[];
}

/**
 * How much longer than a service that is not attacked the daemon takes for root's calls meanwhile:
 * dbus-daemon itself is slow for all clients during a flood.
 */
async function callMeanwhile(under: Promise<unknown>): Promise<Meanwhile> {
  let isOver = false;
  const end = under.finally(() => {
    isOver = true;
  });
  // The worst of each: it is random which of the two calls waits for a message of 31 MB.
  let [worstMineMs, worstControlMs, worstBusMs] = [0, 0, 0];
  const failures: string[] = [];
  const call = async (...words: string[]) => {
    const startMs = performance.now();
    const { code, stderr } = await machine.run(['busctl', '--timeout=60', 'call', ...words]);
    if (code !== 0) failures.push(stderr);
    return performance.now() - startMs;
  };
  do {
    const peer = ['/org/freedesktop/network1', 'org.freedesktop.DBus.Peer', 'Ping'];
    const bus = ['org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus'];
    const [mineMs, controlMs, busMs] = await Promise.all([
      call(...managerWords, 'Describe'),
      call('org.freedesktop.network1', ...peer),
      call(...bus, 'GetId'),
    ]);
    worstMineMs = Math.max(worstMineMs, mineMs);
    worstControlMs = Math.max(worstControlMs, controlMs);
    worstBusMs = Math.max(worstBusMs, busMs);
    await sleep(20);
  } while (!isOver);
  await end;
  return { worstMs: worstMineMs - worstControlMs, worstBusMs, failures };
}

describe('on the bus', () => {
  it('no call reaches the daemon but those that the policy names', async () => {
    for (const member of ['ListInterfaces', 'Describe', 'DescribeConfiguration', 'Plan'])
      expect(await busctl('call', ...managerWords, member)).toMatchObject({ code: 0 });
    expect(await busctl('introspect', 'org.enid1', '/org/enid1')).toMatchObject({ code: 0 });
    const peer = ['org.enid1', '/org/enid1', 'org.freedesktop.DBus.Peer'];
    expect(await busctl('call', ...peer, 'Ping')).toMatchObject({ code: 0 });
    expect((await busctl('call', ...managerWords, 'Nonsense')).stderr).toMatch(/Access denied/);
    expect((await busctl('call', 'org.enid1', '/org/enid1', 'org.example', 'Describe')).stderr).toMatch(
      /Access denied/,
    );
    expect((await busctl('set-property', ...managerWords, 'Version', 's', 'x')).stderr).toMatch(/Access denied/);
    const others: Attack = { kind: 'call', ...manager, member: 'X', count: 20, wantsReply: true };
    expect((await attack(others)).errors).toEqual({ [accessDenied]: 20 });
    // Root sees the actual error.
    const asRoot = await machine.run(['busctl', 'call', ...managerWords, 'Nonsense']);
    expect(asRoot.stderr).toMatch(/no method Nonsense/);
  });

  it.each([
    ...(['av', 'as', 'a(y)'] as const).flatMap((type) =>
      [4, 31].map((mb): [string, Attack] => [
        `calls of ${mb} MB of ${type}`,
        {
          ...{ kind: 'call', ...manager, member: 'GetInterface', count: 3, wantsReply: true },
          bulk: { type, length: mb * 1_048_576 },
        },
      ]),
    ),
    [
      'signals of 4 MB of av',
      { kind: 'signal', ...manager, member: 'X', count: 3, bulk: { type: 'av', length: 4_194_304 } },
    ],
    ['60 000 signals', { kind: 'signal', ...manager, member: 'X', count: 60_000, text: ['x'] }],
    ['60 000 calls', { kind: 'call', ...manager, member: 'Describe', count: 60_000 }],
    [
      '60 000 calls by 60 connections',
      { kind: 'call', ...manager, member: 'Describe', count: 1_000, connections: 60, wantsReply: true },
    ],
    [
      '30 000 times Explain by 30 connections',
      { kind: 'call', ...manager, member: 'Explain', text: ['10.0.2.21', ''], count: 1_000, connections: 30 },
    ],
    // Without replies: of calls that wait for one, dbus-daemon itself passes at most 128 at a time.
    ['30 000 times Reconcile', { kind: 'call', ...manager, member: 'Reconcile', count: 30_000 }],
    [
      'Explain by 2 000 connections that come and go',
      {
        ...{ kind: 'call', ...manager, member: 'Explain', text: ['10.0.2.21', ''] },
        ...{ count: 400, connections: 10, renewAfter: 2 },
      },
    ],
  ] as [string, Attack][])(
    '%s: others get answers meanwhile, and no memory is retained',
    async (_, flood) => {
      const pid = await machine.show('MainPID');
      const beforeMb = await readResidentMb();
      const { worstMs, worstBusMs, failures } = await callMeanwhile(attack({ ...flood, patienceMs: 2_000 }));
      expect(failures).toEqual([]);
      // Messages from many connections to one wait in dbus-daemon, which reads 2 KiB of each in
      // turn. While it checks a message of 31 MB, for some seconds, an answer that came a moment
      // too late waits.
      const checkingMs = flood.bulk === undefined ? 0 : worstBusMs;
      // On a busy machine that moment is longer than a second; if the daemon decoded such a
      // message, it would take minutes.
      const mostMs = (flood.bulk?.length ?? 0) > 8_388_608 ? 5 * answerMs : answerMs;
      if (flood.connections === undefined) expect(worstMs - checkingMs).toBeLessThan(mostMs);
      // The calls of the flood do not delay others with the same call: 20 000 calls take
      // dbus-daemon a second.
      const startMs = performance.now();
      const asked = floodedCalls[flood.member] ?? ['Describe'];
      expect(await machine.run(['busctl', '--timeout=30', 'call', ...managerWords, ...asked])).toMatchObject({
        code: 0,
      });
      expect(performance.now() - startMs).toBeLessThan(5 * answerMs);
      await until('memory is back', async () => (await readResidentMb()) - beforeMb < mostGrowthMb, 60_000);
      expect([await machine.show('MainPID'), await machine.show('NRestarts')]).toEqual([pid, '0']);
    },
    testMs,
  );

  it('a call that is too large is refused by name, and one beyond 16 at a time, too', async () => {
    await sleep(1_100);
    const large: Attack = { kind: 'call', ...manager, member: 'GetInterface', count: 1, wantsReply: true };
    const got = await attack({ ...large, bulk: { type: 's', length: 10_000 } });
    expect(got).toMatchObject({ returns: 0, errors: { [limitsExceeded]: 1 } });
    const many = await attack({ kind: 'call', ...manager, member: 'Describe', count: 100, wantsReply: true });
    expect(many.returns + (many.errors[limitsExceeded] ?? 0)).toBe(100);
    expect(many.returns).toBeGreaterThanOrEqual(16);
  });

  it(
    'Explain sends no request to the metadata service, however often it is called',
    async () => {
      await machine.writeFile('/etc/enid/config.yaml', 'drivers: [veth]\nimds: { interval: 1h, timeout: 1s }\n');
      await machine.check(['systemctl', 'restart', 'enid']);
      await until('it runs', async () => (await machine.show('ActiveState')) === 'active');
      await sleep(4_000);
      await vpc.imds.resetRequests();
      const explain: Attack = { kind: 'call', ...manager, member: 'Explain', text: ['10.0.2.21', ''], count: 16 };
      for (let round = 0; round < 5; round += 1)
        expect(await attack({ ...explain, wantsReply: true })).toMatchObject({ returns: 16 });
      expect(await vpc.imds.requests()).toEqual([]);
    },
    testMs,
  );
});

describe('the unit', () => {
  it('has bounds of its own, and is far from them', async () => {
    const bounds = ['MemoryMax', 'TasksMax', 'LimitNOFILE'].map((name) => machine.show(name));
    expect(await Promise.all(bounds)).toEqual([String(512 * 1_048_576), '64', '512']);
    const pid = await machine.show('MainPID');
    expect(await machine.check(['cat', `/proc/${pid}/limits`])).toMatch(/^Max open files +512 +512 /m);
    const count = (what: string) => machine.check(['sh', '-c', `ls /proc/${pid}/${what} | wc -l`]);
    expect(await readResidentMb()).toBeLessThan(256);
    expect(Number(await count('task'))).toBeLessThan(24);
    expect(Number(await count('fd'))).toBeLessThan(100);
    expect(
      await Promise.all(['MemoryMax', 'TasksMax'].map((name) => machine.show(name, 'enid-restore.service'))),
    ).toEqual([String(64 * 1_048_576), '16']);
    expect(await machine.check(['journalctl', '-b', '-o', 'cat', '_PID=1'])).not.toMatch(/enid\S*\.service:\d+:/);
  });

  it(
    'the watchdog restarts a daemon whose event loop gets no time, and the network stays',
    async () => {
      expect(await machine.show('WatchdogUSec')).toMatch(/^\d+(min|s)$/);
      // The test cannot wait that long.
      await machine.writeFile('/run/systemd/system/enid.service.d/watchdog.conf', '[Service]\nWatchdogSec=3\n');
      await machine.check(['systemctl', 'daemon-reload']);
      await machine.check(['systemctl', 'restart', 'enid']);
      await until('it runs', async () => (await machine.show('ActiveState')) === 'active');
      await sleep(1_000);
      const before = await readNetwork();
      const starved = await machine.show('MainPID');
      // Alive, but without processor time: as during a flood that it cannot handle.
      await machine.check(['sh', '-c', `kill -STOP ${starved}`]);
      await until('another one', async () => !['0', starved].includes(await machine.show('MainPID')), 30_000);
      await until('it answers', async () => (await busctl('call', ...managerWords, 'Describe')).code === 0, 30_000);
      expect(await readNetwork()).toBe(before);
      await awaitReach(vpc);
      await machine.check(['rm', '-r', '/run/systemd/system/enid.service.d']);
      await machine.check(['systemctl', 'daemon-reload']);
    },
    testMs,
  );
});

describe('metrics on a port', () => {
  it(
    'answer while the user nobody holds 500 connections open: silent, with half a request, and unread',
    async () => {
      const config = 'drivers: [veth]\nimds: { interval: 5s, timeout: 1s }\nmetrics: { listen: "127.0.0.1:9469" }\n';
      await machine.writeFile('/etc/enid/config.yaml', config);
      await machine.check(['systemctl', 'restart', 'enid']);
      await until('it runs', async () => (await machine.show('ActiveState')) === 'active');
      const hold = `const net = require('net'); const half = 'GET /metrics HTTP/1.1\\r\\nHost: x\\r\\n';
        const words = ['', half, (half + '\\r\\n').repeat(100)];
        for (let n = 0; n < 500; n++) { const s = net.connect(9469, '127.0.0.1'); s.on('error', () => {}); s.pause();
          s.write(words[n % 3]); if (n % 3 === 1) setInterval(() => s.destroyed || s.write('a'), 500); }
        setTimeout(() => process.exit(0), 8000);`;
      const holding = machine.run([...asNobody, 'node', '-e', hold]);
      await sleep(2_000);
      const scrape = `const startMs = Date.now(); require('http').get('http://127.0.0.1:9469/metrics', (r) => { let t = '';
        r.on('data', (d) => { t += d; }); r.on('end', () => console.log(r.statusCode, t.includes('enid_changes_pending'), Date.now() - startMs < 1000)); });`;
      for (let round = 0; round < 5; round += 1)
        expect(await machine.check(['node', '-e', scrape])).toBe('200 true true\n');
      const sockets = await machine.check(['sh', '-c', `ls /proc/${await machine.show('MainPID')}/fd | wc -l`]);
      expect(Number(sockets)).toBeLessThan(100);
      await holding;
    },
    testMs,
  );
});
