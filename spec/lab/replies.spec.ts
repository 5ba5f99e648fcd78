/**
 * Replies follow their connection: ports that a container publishes (DNAT by nftables, as Docker
 * makes it) answer on every address of every ENI, by TCP and UDP, in both families, to the far host
 * and to hosts in each subnet. The oracle is EC2's source check of the simulated VPC: a reply that
 * leaves by another ENI never arrives.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, labConfig, runEnid } from '../../fixtures/enid-process.ts';
import { farAddresses } from '../../fixtures/vpc/addresses.ts';
import { PublishedPorts } from '../../fixtures/vpc/published.ts';
import { alone, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';

const config = (replies: string) => `${labConfig}replies: ${replies}\n`;
/**
 * Out of the prefix of the last ENI: the source of a container's replies may have a rule of its
 * own.
 */
const delegated = '10.0.3.70';
/** As Docker's for `--publish 8080:80/tcp`, `8080:80/udp`; and port 8081 of another container. */
const tables = ['ip', 'ip6'].map((family) => {
  const [container, network] = family === 'ip' ? ['172.17.0.2', '172.17.0.0/16'] : ['[fd17::2]', 'fd17::/64'];
  const other = family === 'ip' ? delegated : container;
  const publish = ['8080', '8081']
    .map(
      (port) =>
        `fib daddr type local meta l4proto { tcp, udp } th dport ${port} dnat to ${port === '8080' ? container : other}:80`,
    )
    .join('; ');
  return `table ${family} nat {
  chain prerouting { type nat hook prerouting priority dstnat; ${publish}; }
  chain output { type nat hook output priority -100; ${publish}; }
  chain postrouting { type nat hook postrouting priority srcnat; ${family} saddr ${network} oifname != "ctr0" masquerade; }
}`;
});
const network = `
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip address add 172.17.0.1/16 dev ctr0
ip address add fd17::1/64 dev ctr0 nodad
`;
const server = `
require('net').createServer((socket) => socket.pipe(socket)).listen(80, '::');
const udp = require('dgram').createSocket('udp6').bind(80, '::');
udp.on('message', (text, { port, address }) => udp.send(text, port, address));
`;

let lab: Lab;
let published: PublishedPorts;

function shell(text: string): Promise<string> {
  return lab.vpc.guest.check(['bash', '-ec', text]);
}

const listLost = (port = 8080) => published.listLost(port);

async function configure(replies: string): Promise<void> {
  await lab.vpc.guest.writeFile('/etc/enid/config.yaml', config(replies));
  lab.enid.signal('SIGHUP');
}

async function hasTable(): Promise<boolean> {
  return (await lab.vpc.guest.run(['nft', 'list', 'table', 'inet', 'enid'])).code === 0;
}

/** All of it, in both families, so that nothing of ours can be left elsewhere. */
async function listMarkRules(): Promise<string[]> {
  return (await shell('ip rule; ip -6 rule')).split('\n').filter((line) => line.includes('fwmark'));
}

async function publish(): Promise<void> {
  await lab.vpc.guest.check(['nft', '-f', '-'], { input: tables.join('\n') });
}

beforeAll(async () => {
  lab = await openLab('replies', primary, config('off'));
  for (const eni of [alone, sharing, { ...withPrefixes, deviceNumber: 3 }]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  published = await PublishedPorts.open(lab.vpc);
  const container = await lab.vpc.container();
  const { namespace } = container;
  await container.hold([delegated]);
  await shell(network);
  await publish();
  await namespace.ip(['addr add 172.17.0.2/16 dev eth0', 'addr add fd17::2/64 dev eth0 nodad']);
  namespace.spawn([process.execPath, '-e', server]);
  await until('the server', async () => {
    const answers = await Promise.all(
      ['172.17.0.2', 'fd17::2'].map((address) => lab.vpc.guest.run(['bash', '-c', `exec 3<>/dev/tcp/${address}/80`])),
    );
    return answers.every(({ code }) => code === 0);
  });
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

it(
  'off: published ports answer on the primary alone, and there not to hosts in other ENIs’ subnets',
  async () => {
    expect(await hasTable()).toBe(false);
    const lost = await listLost();
    const isLost = (source: string, address: string) => lost.includes(`tcp ${source} ${address} 8080`);
    expect(isLost(farAddresses.ipv4, '10.0.1.10')).toBe(false);
    for (const address of [...(alone.ipv4 ?? []), ...(sharing.ipv4 ?? [])])
      expect(isLost(farAddresses.ipv4, address)).toBe(true);
    for (const address of alone.ipv6 ?? []) expect(isLost(farAddresses.ipv6, address)).toBe(true);
    expect(isLost('10.0.2.200', '10.0.1.10')).toBe(true);
    // The container's address has a rule: by its own ENI.
    const explained = await runEnid(lab.vpc.guest, ['explain', '10.0.2.20', farAddresses.ipv4, '--reply']);
    expect(explained.stdout).toMatch(/not marked\)[\s\S]*by ens5[\s\S]*RESULT: wrong way/);
    expect(explained.code).toBe(2);
    expect(await listLost(8081)).toContain(`tcp ${farAddresses.ipv4} 10.0.1.10 8081`);
  },
  testMs,
);

it(
  'auto: every address of every ENI answers, by TCP and UDP, in both families, to everybody',
  async () => {
    await configure('auto');
    await until('the table', hasTable);
    await lab.enid.converged();
    expect(await listLost()).toEqual([]);
    expect(await listLost(8081)).toEqual([]);
    await awaitReach(lab.vpc);
  },
  testMs,
);

it(
  'explain --reply tells the way of an answer; doctor names the strict filter that drops what comes',
  async () => {
    const explain = () => runEnid(lab.vpc.guest, ['explain', '10.0.2.20', farAddresses.ipv4, '--reply']);
    const right = await explain();
    expect(right.stdout).toMatch(/reply of a published port, mark 0x1002\)[\s\S]*by ens6[\s\S]*RESULT: right way/);
    expect(right.code).toBe(0);
    await shell('sysctl -qw net.ipv4.conf.ens6.rp_filter=1');
    const isLost = async () => (await listLost()).includes(`tcp ${farAddresses.ipv4} 10.0.2.20 8080`);
    expect(await isLost()).toBe(true);
    const doctor = await runEnid(lab.vpc.guest, ['doctor']);
    expect(doctor.stdout).toMatch(/warning +replies .*ens6.*rp_filter is strict/);
    await shell('sysctl -qw net.ipv4.conf.ens6.rp_filter=2');
    expect(await isLost()).toBe(false);
  },
  testMs,
);

it(
  'nothing is written while nothing changes, and after a restart',
  async () => {
    const [before, lines] = [await shell('nft -a list table inet enid'), lab.enid.lines.length];
    lab.enid.signal('SIGHUP');
    await lab.enid.converged();
    await lab.enid.stop();
    expect(lab.enid.lines.slice(lines).filter((line) => /changed|repaired/.test(line))).toEqual([]);
    lab.enid = EnidProcess.start(lab.vpc.guest);
    await lab.enid.converged();
    expect(await shell('nft -a list table inet enid')).toBe(before);
    expect(lab.enid.lines.filter((line) => /changed|repaired/.test(line))).toEqual([]);
  },
  testMs,
);

it(
  'another program’s `flush ruleset`, and what it takes out of the table, is repaired',
  async () => {
    const whole = await shell('nft list table inet enid');
    const takings = [
      'nft flush ruleset',
      'nft delete table inet enid',
      'nft flush map inet enid source4',
      'nft flush chain inet enid replies',
      'nft flush table inet enid',
      "nft 'add chain inet enid strange; add rule inet enid strange accept'",
    ];
    for (const taking of takings) {
      await shell(taking);
      await until(
        `the repair of: ${taking}`,
        async () => (await lab.vpc.guest.run(['nft', 'list', 'table', 'inet', 'enid'])).stdout === whole,
      );
    }
    expect(lab.enid.lines.some((line) => /host repaired: .*table/.test(line))).toBe(true);
    await publish();
    expect(await listLost()).toEqual([]);
  },
  testMs,
);

it(
  'an address that EC2 assigns answers, and a detached ENI leaves nothing in the table',
  async () => {
    await lab.vpc.assign(alone.id, { ipv4: ['10.0.2.99'], ipv6: ['2001:db8:0:2::99'] });
    await until('the address', async () => /10\.0\.2\.99/.test(await shell('nft list table inet enid')));
    await until('the other one', async () => /2001:db8:0:2::99/.test(await shell('nft list table inet enid')));
    await lab.enid.converged();
    expect(await listLost()).toEqual([]);
    await lab.vpc.detach(sharing.id);
    await until('its end', async () => !/10\.0\.1\.3[01]/.test(await shell('nft list table inet enid')));
    await lab.enid.converged();
    expect(await shell('nft list table inet enid')).not.toContain('eni10002');
    expect((await listMarkRules()).some((line) => line.includes('lookup 10002'))).toBe(false);
    expect(await listLost()).toEqual([]);
  },
  testMs,
);

it(
  'no other program’s table is touched; off, and `manage: none`, leave nothing',
  async () => {
    const others = 'nft -a list table ip nat; nft -a list table ip6 nat';
    const before = await shell(others);
    await configure('off');
    await until('the end of the table', async () => !(await hasTable()));
    await lab.enid.converged();
    expect(await listMarkRules()).toEqual([]);
    await configure('on');
    await until('the table', hasTable);
    await lab.enid.converged();
    expect(await listMarkRules()).not.toEqual([]);
    await lab.vpc.guest.writeFile(
      '/etc/enid/config.yaml',
      'drivers: [veth]\nimds: { interval: 5s }\ninterfaces: [{ match: {}, manage: none }]\n',
    );
    lab.enid.signal('SIGHUP');
    await until('the end of the table', async () => !(await hasTable()));
    await until('the end of the rules', async () => (await listMarkRules()).length === 0);
    expect(await shell(others)).toBe(before);
  },
  testMs,
);

it(
  'a table inet enid of another program stays as it is',
  async () => {
    await shell("nft 'add table inet enid; add chain inet enid input; add rule inet enid input accept'");
    const before = await shell('nft -a list table inet enid');
    await configure('on');
    await until('the conflict', () =>
      lab.enid.lines.some((line) => line.includes('another program has a table inet enid')),
    );
    expect(await shell('nft -a list table inet enid')).toBe(before);
  },
  testMs,
);
