/**
 * `imds.wakeOnTraffic`: an address works with its first packet, long before the next poll. The
 * poll's interval is the shipped minute; packets come from a neighbour and from the internet.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, runEnid } from '../../fixtures/enid-process.ts';
import { farAddresses } from '../../fixtures/vpc/addresses.ts';
import type { Sources } from '../../fixtures/vpc/eni.ts';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';

const configOf = (isOn: boolean) => `drivers: [veth]\nimds: { interval: 1m, timeout: 1s, wakeOnTraffic: ${isOn} }\n`;
const neighbours = { 4: '10.0.2.200', 6: '2001:db8:0:2::200' } as const;
let lab: Lab;

beforeAll(async () => {
  lab = await openLab('arrivals', primary, configOf(false));
  // The simulated instance forwards by default, for its containers.
  await forward(0);
  await lab.vpc.attach(alone);
  for (const address of Object.values(neighbours)) await lab.vpc.addNeighbour(alone.subnetId, address);
  await until('it works', () => lab.vpc.reaches(alone.ipv4?.[1] ?? ''));
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

const forward = (value: 0 | 1) =>
  lab.vpc.guest.namespace.setSysctls({ 'net.ipv4.ip_forward': value, 'net.ipv6.conf.all.forwarding': value });

/** A packet each 100 ms, until one is answered or the time is over; ms until then, or null. */
async function ping(source: string, address: string, seconds: number): Promise<number | null> {
  const beginMs = performance.now();
  const argv = ['ping', '-q', '-c', '1', '-i', '0.1', '-w', String(seconds), '-I', source, address];
  const { code } = await lab.vpc.far.run(argv, { timeoutMs: 60_000 });
  return code === 0 ? performance.now() - beginMs : null;
}

/** When the metadata was read, by its first request. */
async function listReads(): Promise<number[]> {
  const requests = await lab.vpc.imds.requests();
  return requests.filter(({ path }) => path.endsWith('/macs/')).map(({ arrivedMs }) => arrivedMs);
}

async function reload(isOn: boolean): Promise<void> {
  await lab.vpc.guest.writeFile('/etc/enid/config.yaml', configOf(isOn));
  expect((await runEnid(lab.vpc.guest, ['reload'])).code).toBe(0);
  // Twice where something was not confirmed.
  await lab.enid.converged();
  await lab.vpc.imds.resetRequests();
}

const tables = async () => await lab.vpc.guest.check(['nft', 'list', 'tables']);
/** Between two attempts to listen. */
const retryMs = 10_000;
/** No read because of a packet follows another one within this time. */
const restMs = 10_000;

it(
  'waits for the next poll where it is not asked for',
  async () => {
    await lab.vpc.imds.resetRequests();
    await lab.vpc.assign(alone.id, { ipv4: ['10.0.2.70'] });
    expect(await ping(neighbours[4], '10.0.2.70', 2)).toBeNull();
    expect(await listReads()).toEqual([]);
    expect(await tables()).not.toContain('enid_arrivals');
  },
  testMs,
);

it.each<[string, Sources, string, string]>([
  ['IPv4 from a neighbour', { ipv4: ['10.0.2.71'] }, neighbours[4], '10.0.2.71'],
  ['IPv4 from the internet', { ipv4: ['10.0.2.72'] }, farAddresses.ipv4, '10.0.2.72'],
  ['IPv6 from a neighbour', { ipv6: ['2001:db8:0:2::71'] }, neighbours[6], '2001:db8:0:2::71'],
  ['IPv6 from the internet', { ipv6: ['2001:db8:0:2::72'] }, farAddresses.ipv6, '2001:db8:0:2::72'],
  ['a prefix from the internet', { ipv4Prefixes: ['10.0.2.96/28'] }, farAddresses.ipv4, '10.0.2.97'],
])(
  '%s: the metadata is read with the first packet',
  async (_name, sources, from, address) => {
    await reload(true);
    await lab.vpc.assign(alone.id, sources);
    const isPrefix = sources.ipv4Prefixes !== undefined;
    const ms = await ping(from, address, isPrefix ? 2 : 20);
    // Nobody on the host has an address of the prefix; its read is what counts.
    if (!isPrefix) expect(ms).not.toBeNull();
    expect(await listReads()).toHaveLength(1);
    await lab.enid.converged();
  },
  testMs,
);

it(
  'reads at most six times a minute, whatever arrives, and what is published then works',
  async () => {
    await reload(true);
    const many = Array.from({ length: 20 }, (_, index) => `10.0.2.${120 + index}`);
    await lab.vpc.assign(alone.id, { ipv4: many }, { metadata: 'manual' });
    const flood = `for i in $(seq 300); do for address in "$@"; do ping -q -c 1 -W 1 -I ${neighbours[4]} $address >/dev/null & done; sleep 0.05; done & sleep 12; kill $!`;
    await lab.vpc.far.run(['sh', '-c', flood, 'flood', ...many.slice(0, 5)], { timeoutMs: 60_000 });
    const reads = await listReads();
    expect(reads.length).toBeGreaterThanOrEqual(2);
    for (const [index, ms] of reads.slice(1).entries())
      expect(ms - (reads[index] ?? 0)).toBeGreaterThanOrEqual(restMs - 100);
    await lab.vpc.publish(alone.id);
    expect(await ping(neighbours[4], many[19] ?? '', 30)).not.toBeNull();
    expect((await listReads()).length).toBe(reads.length + 1);
    await lab.enid.converged();
  },
  2 * testMs,
);

it(
  'leaves to others what a forwarding host has not itself',
  async () => {
    await reload(true);
    await forward(1);
    await lab.vpc.assign(alone.id, { ipv4: ['10.0.2.73'] });
    expect(await ping(neighbours[4], '10.0.2.73', 2)).toBeNull();
    expect(await listReads()).toEqual([]);
    await forward(0);
    expect(await ping(neighbours[4], '10.0.2.73', 20)).not.toBeNull();
  },
  testMs,
);

it(
  'is not taken away by a flush of the ruleset, and ends with the process or its key',
  async () => {
    await reload(true);
    await lab.vpc.guest.check(['nft', 'flush', 'ruleset']);
    expect(await tables()).toContain('enid_arrivals');
    expect(await lab.vpc.guest.check(['nft', '-a', 'list', 'ruleset'])).toMatch(
      /iifgroup 236 fib daddr type unicast limit rate 1\/second burst 1 packets log group 236 snaplen 40 queue-threshold 1 comment "not on the host"/,
    );
    await reload(false);
    expect(await tables()).not.toContain('enid_arrivals');
    await reload(true);
    await lab.enid.stop('SIGKILL');
    expect(await tables()).not.toContain('enid_arrivals');
    lab.enid = EnidProcess.start(lab.vpc.guest);
    await until('it listens again', async () => (await tables()).includes('enid_arrivals'));
  },
  testMs,
);

it(
  'says so where another program has its table, and retries',
  async () => {
    await lab.enid.stop();
    await lab.vpc.guest.check(['nft', 'add', 'table', 'inet', 'enid_arrivals']);
    lab.enid = EnidProcess.start(lab.vpc.guest);
    await until('it is said', async () =>
      lab.enid.lines.some((line) => /imds\.wakeOnTraffic does not work, will retry: .*inet enid_arrivals/.test(line)),
    );
    // Its key ends that, too.
    await reload(false);
    await lab.vpc.guest.check(['nft', 'delete', 'table', 'inet', 'enid_arrivals']);
    await sleep(retryMs + 1_000);
    expect(await tables()).not.toContain('enid_arrivals');

    await lab.vpc.guest.check(['nft', 'add', 'table', 'inet', 'enid_arrivals']);
    await reload(true);
    await lab.vpc.guest.check(['nft', 'delete', 'table', 'inet', 'enid_arrivals']);
    await until('it listens', async () => (await tables()).includes('enid_arrivals'));
  },
  testMs,
);
