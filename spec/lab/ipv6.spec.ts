/**
 * IPv6 on EC2 beyond one address in one subnet: many prefixes, text in any form, ULA, NAT64, routes
 * with lifetimes.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { EnidProcess, installInto } from '../../fixtures/enid-process.ts';
import { readKernel } from '../../fixtures/guest-state.ts';
import type { EniSpec } from '../../fixtures/vpc/eni.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, ipv6Only, subnets, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, testMs, until } from './lab.ts';

/** Private addresses of the VPC (RFC 4193), which EC2 assigns from an IPAM pool like any other. */
const uniqueLocal: EniSpec = {
  ...alone,
  id: 'eni-00000000000000008',
  mac: '06:53:e1:00:00:08',
  linkName: 'ens12',
  deviceNumber: 7,
  subnetId: 'subnet-00000000000000008',
  ipv4: [],
  ipv6: ['fd12:3456:789a:8::80', 'fd12:3456:789a:8::81'],
};
/** Of the far host by NAT64 (RFC 6052, well-known prefix): 198.51.100.10. */
const translated = '64:ff9b::c633:640a';

let lab: Lab;

function check(...argv: string[]): Promise<string> {
  return lab.vpc.guest.check(argv);
}

async function wayTo(destination: string, source: string): Promise<string> {
  return await check('ip', '-6', 'route', 'get', destination, 'from', source);
}

beforeAll(async () => {
  const more = { id: uniqueLocal.subnetId, ipv4: null, ipv6: 'fd12:3456:789a:8::/64' };
  const vpc = await Vpc.create({ name: 'ipv6', subnets: [...subnets, more] });
  await installInto(vpc.guest);
  // The instance has no IPv4 at all: the first is the primary.
  await vpc.attach({ ...ipv6Only, deviceNumber: 0 });
  await vpc.guest.networkd.start();
  lab = { vpc, enid: EnidProcess.start(vpc.guest) };
  await awaitReach(vpc);
  for (const eni of [withPrefixes, uniqueLocal]) await vpc.attach(eni);
  await awaitReach(vpc);
  await awaitLeases(lab);
}, testMs);
afterAll(() => closeLab(lab));

it(
  'several delegated prefixes of one ENI: each leaves by it, and is removed when it is unassigned',
  async () => {
    const added = {
      ipv6Prefixes: ['2001:db8:0:3:2::/80', '2001:db8:0:3:3::/80', '2001:db8:0:3:6::/80', '2001:db8:0:3:7::/80'],
    };
    await lab.vpc.assign(withPrefixes.id, added);
    const sources = await awaitReach(lab.vpc);
    expect(sources).toEqual(expect.arrayContaining(['2001:db8:0:3:3:ffff:ffff:ffff', '2001:db8:0:3:7:ffff:ffff:ffff']));
    // Neighbours are one block: 2::/80 and 3::/80, 6::/80 and 7::/80.
    const rules = await check('ip', '-6', 'rule');
    expect(rules).toMatch(/from 2001:db8:0:3:2::\/79 lookup 10003/);
    expect(rules).toMatch(/from 2001:db8:0:3:6::\/79 lookup 10003/);
    await lab.vpc.unassign(withPrefixes.id, added);
    await until('their end', async () => !/0:3:2::|0:3:6::/.test(await check('ip', '-6', 'rule')));
    await awaitReach(lab.vpc);
  },
  testMs,
);

it(
  'metadata with addresses and prefixes in another form changes nothing',
  async () => {
    const { vpc, enid } = lab;
    await enid.converged();
    const [before, lines] = [await readKernel(vpc), enid.lines.length];
    const current = vpc.enis.find(({ id }) => id === withPrefixes.id);
    if (current === undefined) throw new Error('the ENI is not attached');
    await vpc.metadata.put({
      ...current,
      ipv6: ['2001:0DB8:0:3:0:0:0:0040'],
      ipv6Prefixes: ['2001:db8:0:3:1:0:0:0/80'],
    });
    enid.signal('SIGHUP');
    await enid.converged();
    await vpc.metadata.put(current);
    expect(enid.lines.slice(lines).filter((line) => / CHANGE=/.test(line))).toEqual([]);
    expect(await readKernel(vpc)).toBe(before);
  },
  testMs,
);

it(
  'unique local addresses: each leaves by its ENI, and none is chosen as source for a global destination',
  async () => {
    const { vpc } = lab;
    expect(await vpc.reaches('fd12:3456:789a:8::81')).toBe(true);
    const neighbour = 'fd12:3456:789a:8::99';
    await vpc.addNeighbour(uniqueLocal.subnetId, neighbour);
    expect(await check('ip', '-6', 'route', 'get', neighbour)).toMatch(/dev ens12 .*src fd12:3456:789a:8::80/);
    expect(await vpc.reaches('fd12:3456:789a:8::80', { destination: neighbour })).toBe(true);
    expect(await check('ip', '-6', 'route', 'get', '2001:db8:ffff::10')).toMatch(/dev ens9 .*src 2001:db8:0:6::50/);
  },
  testMs,
);

it(
  'an instance without IPv4: the metadata service by its IPv6 address, IPv4 hosts by NAT64; a link-local IPv4 address is left alone',
  async () => {
    const { vpc, enid } = lab;
    await vpc.addNeighbour(ipv6Only.subnetId, translated);
    for (const source of [...(ipv6Only.ipv6 ?? []), '2001:db8:0:3::40']) {
      expect([source, await vpc.reaches(source, { destination: translated })]).toEqual([source, true]);
    }
    expect(await wayTo(translated, '2001:db8:0:3::40')).toMatch(/dev ens8 table 10003/);
    expect(await wayTo('fd00:ec2::254', '2001:db8:0:6::50')).toMatch(/dev ens9 /);
    // The link-local address that EC2, or the operator, gives such a link for 169.254.169.123 and
    // 169.254.169.253.
    await check('ip', 'address', 'add', '169.254.7.7/16', 'dev', 'ens9', 'scope', 'link');
    const changes = enid.lines.length;
    enid.signal('SIGHUP');
    await enid.converged();
    expect(await check('ip', '-4', '-o', 'address', 'show', 'dev', 'ens9')).toMatch(/169\.254\.7\.7\/16/);
    expect(await check('ip', 'route', 'get', '169.254.169.123')).toMatch(/dev ens9 src 169\.254\.7\.7/);
    expect(await check('ip', 'rule')).not.toMatch(/169\.254/);
    expect(enid.lines.slice(changes).filter((line) => / CHANGE=/.test(line))).toEqual([]);
    await check('ip', 'address', 'del', '169.254.7.7/16', 'dev', 'ens9');
  },
  testMs,
);

it(
  'routes of a router advertisement lead by their ENI from every source, and are not restored after their lifetime',
  async () => {
    const { vpc, enid } = lab;
    const to = '2001:db8:77::/48';
    const isThere = async () => (await check('ip', '-6', 'route', 'show', to)) !== '';
    await vpc.advertise(withPrefixes.id, { routerLifetimeSeconds: 1800, routes: [{ to, lifetimeSeconds: 4 }] });
    await until('the advertised route', isThere);
    expect(await wayTo('2001:db8:77::1', '2001:db8:0:3::40')).toMatch(/dev ens8 /);
    const lines = enid.lines.length;
    await until('its end', async () => !(await isThere()));
    await enid.converged();
    // The object that is removed is the copy by which the primary's sources avoided the other ENI.
    const told = enid.lines.slice(lines).filter((line) => line.includes(to) && !line.includes('CHANGE=remove-route'));
    expect(told).toEqual([]);
    expect(await isThere()).toBe(false);
    await awaitReach(vpc);
  },
  testMs,
);
