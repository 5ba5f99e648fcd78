/** enid-reload.socket used by an attacker who controls the user enid, and by other local users. */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';

/** Created by fixtures/machine/tree.sh; spec/service/run.sh passes it on. */
const tree = process.env['ENID_MACHINE_TREE'] ?? '';
const path = '/run/enid-reload.socket';
/**
 * Connects this many times, sends text that is no request, and prints the answer to the last
 * connection.
 */
const flood = `use IO::Socket::UNIX;
my ($count, $answer) = (0, '');
for (1 .. $ARGV[0]) {
  my $socket = IO::Socket::UNIX->new(Peer => '${path}', Timeout => 5) or next;
  $count++;
  print $socket "Reload\\0ReconfigureLink 2\\n" x 100;
  shutdown($socket, 1);
  $answer = join('', <$socket>) if $ARGV[0] == 1;
}
print "$count $answer";
`;

let vpc: Vpc;
let machine: Machine;

const asUser = (user: string, count: number) =>
  machine.run([
    'setpriv',
    `--reuid=${user}`,
    `--regid=${user === 'enid' ? 'enid' : 'nogroup'}`,
    '--clear-groups',
    'perl',
    '/tmp/flood.pl',
    String(count),
  ]);

beforeAll(async () => {
  if (tree === '') throw new Error('ENID_MACHINE_TREE is not set: run `npm run test:service`');
  vpc = await Vpc.create({ name: 'reloadsocket', subnets });
  await vpc.attach(primary);
  machine = await Machine.boot(vpc, tree);
  await machine.writeFile('/tmp/flood.pl', flood);
  await awaitReach(vpc);
}, testMs);
afterAll(async () => {
  await machine?.stop();
  await vpc?.destroy();
}, testMs);

it('other users cannot connect', async () => {
  expect((await asUser('nobody', 3)).stdout.trim()).toBe('0');
});

it('the user enid gets a reload, whatever it sends', async () => {
  expect((await asUser('enid', 1)).stdout).toBe('1 done\n');
});

it(
  'endless requests close it: 30 reloads at most, the network stays, and a restart of enid opens it again',
  async () => {
    const accepted = async () => Number(await machine.show('NAccepted', 'enid-reload.socket'));
    const before = await accepted();
    await asUser('enid', 500);
    await until('it is closed', async () => (await machine.show('ActiveState', 'enid-reload.socket')) === 'failed');
    expect((await accepted()) - before).toBeLessThanOrEqual(40);
    await awaitReach(vpc);
    expect([await machine.show('ActiveState'), await machine.show('ActiveState', 'systemd-networkd.service')]).toEqual([
      'active',
      'active',
    ]);
    await machine.check(['systemctl', 'restart', 'enid']);
    await until('it is open', async () => (await machine.show('ActiveState', 'enid-reload.socket')) === 'active');
  },
  testMs,
);
