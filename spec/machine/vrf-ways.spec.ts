/**
 * Promise P10 with VRFs, on a kernel that has them: every way of ENIs in main and in VRFs beside
 * each other. One of these is an ENI of another VPC that has the primary's own address, which only
 * a VRF can tell apart.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makeMachineHost } from '../../fixtures/machine/machine-host.ts';
import type { EniSpec } from '../../fixtures/vpc/eni.ts';
import { OtherVpc } from '../../fixtures/vpc/other-vpc.ts';
import { lastAddress } from '../../fixtures/vpc/reachability.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, strangers, strangeSubnets, subnets, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import type { Host } from '../../fixtures/ways/host.ts';
import { Matrix } from '../../fixtures/ways/matrix.ts';
import type { Place } from '../../fixtures/ways/places.ts';
import { formatLost } from '../../fixtures/ways/table.ts';
import { isLost, type Source } from '../../fixtures/ways/way.ts';
import { MachineHost, machineMs } from './host.ts';

const [stranger] = strangers;
const config = `drivers: [virtio_net]
imds: { interval: 5s, timeout: 3s }
interfaces:
  - match: { eni: ${withPrefixes.id} }
    vrf: wan1
    prefixes: local
    dns: false
  - match: { eni: ${stranger.id} }
    vrf: wan2
    dns: false
`;

let host: MachineHost;
let other: OtherVpc;
let ways: Host;

/** With a network behind the router of the lease (option 121). */
function withClasslessRoute(eni: EniSpec, to: string, via: string): EniSpec {
  return {
    ...eni,
    classlessRoutes: [
      { to: '0.0.0.0/0', via },
      { to, via },
    ],
  };
}

beforeAll(async () => {
  host = await MachineHost.boot();
  await host.machine.check('systemctl -q enable systemd-networkd systemd-resolved');
  await host.install();
  other = await OtherVpc.create(host.vpc, strangeSubnets);
  await host.machine.attach(withClasslessRoute(alone, '10.121.2.0/24', '10.0.2.1'));
  await host.machine.attach(withClasslessRoute(withPrefixes, '10.121.3.0/24', '10.0.3.1'));
  await host.machine.attach(stranger, { from: other });
  await host.machine.writeFile('/etc/enid/config.yaml', config);
  await host.machine.reboot();
  ways = makeMachineHost(host.machine, { [withPrefixes.linkName]: 'wan1', [stranger.linkName]: 'wan2' });
}, machineMs);
afterAll(async () => {
  await host?.destroy();
}, machineMs);

it(
  'all are configured, the one with the primary’s address too',
  async () => {
    await host.configured(4);
    await host.until(
      'the routers',
      'ip -6 route show vrf wan1 | grep default && ip -6 route show vrf wan2 | grep default',
    );
    const addresses = await host.machine.check('ip -o address');
    for (const link of ['ens5', stranger.linkName])
      expect(addresses).toMatch(new RegExp(`${link} .* 10\\.0\\.1\\.10/24`));
    expect((await host.machine.run('enid doctor')).stdout).not.toMatch(/^error|is also assigned to/m);
  },
  machineMs,
);

// To bind to an IPv6 address of a prefix that no link has takes IPV6_FREEBIND, in main as in a VRF.
const unbindable = withPrefixes.ipv6Prefixes?.map(lastAddress) ?? [];
const canBind = (address: string) => !unbindable.includes(address);

/** From main to an IPv4 address of the host in the VRF, or the other way round. */
function isBetweenSpaces({ address, family, kindFor }: Place, { eni }: Source): boolean {
  const isInVrf = eni.id === withPrefixes.id;
  return family === 4 && kindFor(eni) === 'own address' && isInVrf !== (withPrefixes.ipv4 ?? []).includes(address);
}

let matrix: Matrix<Vpc>;

it(
  'every way of the ENIs in main, of the one in a VRF, and between them',
  async () => {
    matrix = await Matrix.createOn(host.vpc, { host: ways, subnets });
    expect(await matrix.listen(5_000)).toEqual(unbindable);
    const trials = await matrix.list({
      sources: ({ address }) => canBind(address),
      places: (place, source) => canBind(place.address) && !isBetweenSpaces(place, source),
    });
    expect(trials.length).toBeGreaterThan(500);
    expect(formatLost(await matrix.run(trials))).toBe('');
  },
  machineMs,
);

it(
  'IPv4 between main and the VRF on the host itself, once the local table stands behind the VRFs, as docs/appliances.md says',
  async () => {
    const trials = await matrix.list({ places: isBetweenSpaces });
    expect(trials).toHaveLength(20);
    // What comes from an address of the prefix is local in main, too.
    expect((await matrix.run(trials)).filter(isLost)).toHaveLength(16);
    await host.machine.check('ip rule add pref 1001 lookup local && ip rule del pref 0');
    // Now that is not, and the rest is.
    const lost = (await matrix.run(trials)).filter(isLost);
    expect(lost.map(({ source }) => source)).toEqual(
      new Array(4).fill(lastAddress(withPrefixes.ipv4Prefixes?.[0] ?? '')),
    );
    await host.configured(4);
    await host.machine.check('ip rule add pref 0 lookup local && ip rule del pref 1001');
  },
  machineMs,
);

it(
  'every way of the ENI of the other VPC, that has the primary’s address',
  async () => {
    const its = await Matrix.createOn(other, { host: ways, subnets: strangeSubnets });
    expect(await its.listen(5_000)).toEqual([]);
    const results = await its.run(await its.list());
    expect(new Set(results.map(({ source }) => source))).toContain('10.0.1.10');
    expect(formatLost(results)).toBe('');
  },
  machineMs,
);
