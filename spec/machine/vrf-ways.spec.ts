/**
 * Promise P10 with VRFs, on a kernel that has them: every way of ENIs in main and in VRFs beside each other. One of these is an
 * ENI of another VPC that has the primary's own address, which only a VRF can tell apart.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makeMachineHost } from '../../fixtures/machine/machine-host.ts';
import type { EniSpec } from '../../fixtures/vpc/eni.ts';
import { OtherVpc } from '../../fixtures/vpc/other-vpc.ts';
import { lastAddress } from '../../fixtures/vpc/reachability.ts';
import { alone, strangers, strangeSubnets, subnets, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import type { Host } from '../../fixtures/ways/host.ts';
import { Matrix } from '../../fixtures/ways/matrix.ts';
import { formatLost } from '../../fixtures/ways/table.ts';
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
    expect((await host.machine.run('enid doctor')).stdout).not.toMatch(/^error|is assigned to/m);
  },
  machineMs,
);

it(
  'every way of the ENIs in main, of the one in a VRF, and between them',
  async () => {
    const matrix = await Matrix.createOn(host.vpc, { host: ways, subnets });
    // To bind to an IPv6 address of a prefix that no link has takes IPV6_FREEBIND, in main as in a VRF.
    const unbindable = withPrefixes.ipv6Prefixes?.map(lastAddress) ?? [];
    expect(await matrix.listen(5_000)).toEqual(unbindable);
    const results = await matrix.run(await matrix.list({ sources: ({ address }) => !unbindable.includes(address) }));
    expect(results.length).toBeGreaterThan(300);
    expect(formatLost(results)).toBe('');
  },
  machineMs,
);

it(
  'every way of the ENI of the other VPC, that has the primary’s address',
  async () => {
    const matrix = await Matrix.createOn(other, { host: ways, subnets: strangeSubnets });
    expect(await matrix.listen(5_000)).toEqual([]);
    const results = await matrix.run(await matrix.list());
    expect(new Set(results.map(({ source }) => source))).toContain('10.0.1.10');
    expect(formatLost(results)).toBe('');
  },
  machineMs,
);
