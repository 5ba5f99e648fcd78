/**
 * `enid takeover` from what amazon-ec2-net-utils left behind, with files as spec/lab/peer.spec.ts
 * saw the real program write them.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';

const tree = process.env['ENID_MACHINE_TREE'] ?? '';

let vpc: Vpc;
let machine: Machine;

beforeAll(async () => {
  if (tree === '') throw new Error('ENID_MACHINE_TREE is not set: run `npm run test:service`');
  vpc = await Vpc.create({ name: 'peer', subnets });
  for (const eni of [primary, alone]) await vpc.attach(eni);
  machine = await Machine.boot(vpc, tree);
}, testMs);
afterAll(async () => {
  await machine?.stop();
  await vpc?.destroy();
}, testMs);

const directory = '/run/systemd/network';
const layDown = `
systemctl disable --now enid && rm -rf ${directory}/70-* && ip rule flush && ip rule add pref 32766 lookup main
for link in ens5 ens6; do
  ln -s /usr/lib/systemd/network/80-ec2.network ${directory}/07-$link.network && mkdir ${directory}/07-$link.network.d
  printf '[Match]\\nMACAddress=%s\\n[Network]\\nDHCP=yes\\n' "$(ip -o link show dev $link | grep -o 'ether [^ ]*' | cut -d' ' -f2)" > ${directory}/07-$link.network.d/eni.conf
done
printf '[RoutingPolicyRule]\\nFrom=10.0.2.21\\nPriority=10001\\nTable=10001\\n' > ${directory}/07-ens6.network.d/ec2net_policy_4.conf
systemctl restart systemd-networkd`;

it(
  'removes its files and rules, and nothing of other programs',
  async () => {
    await awaitReach(vpc);
    await machine.check(['sh', '-ec', layDown]);
    const rules = () => machine.check(['ip', 'rule']);
    await until('its rule', async () => /^10001:\tfrom 10\.0\.2\.21 lookup 10001/m.test(await rules()));
    await machine.check([
      'ip',
      'rule',
      'add',
      'pref',
      '10001',
      'from',
      '10.0.2.22',
      'to',
      '10.9.0.0/16',
      'lookup',
      '10001',
    ]);

    const shown = await machine.check(['enid', 'takeover', '--dry-run']);
    expect(shown).toMatch(/^The ENIs are configured by: amazon-ec2-net-utils$/m);
    expect(await machine.check(['enid', 'takeover'], { timeoutMs: 120_000 })).toMatch(/^Done\./m);
    await awaitReach(vpc);
    expect(await machine.check(['ls', directory])).not.toMatch(/^07-.*\.network$/m);
    const left = await rules();
    expect(left).not.toMatch(/from 10\.0\.2\.21 lookup 10001/);
    expect(left).toMatch(/from 10\.0\.2\.22 to 10\.9\.0\.0\/16 lookup 10001/);
  },
  testMs,
);
