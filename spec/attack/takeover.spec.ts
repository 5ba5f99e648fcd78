/**
 * `enid takeover` as root over files that the user enid has put into networkd's directory, in a
 * booted system with ifupdown.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { testMs, until } from '../lab/lab.ts';

const tree = process.env['ENID_MACHINE_TREE'] ?? '';
const commandMs = 150_000;
const networkd = '/run/systemd/network';

let vpc: Vpc;
let machine: Machine;

beforeAll(async () => {
  if (tree === '') throw new Error('ENID_MACHINE_TREE is not set: run `npm run test:service`');
  vpc = await Vpc.create({ name: 'takeover-attack', subnets });
  for (const eni of [primary, alone]) await vpc.attach(eni);
  machine = await Machine.boot(vpc, tree, { by: 'ifupdown' });
  await until('ifupdown has the links', () => vpc.reaches('10.0.1.10'));
}, testMs);
afterAll(async () => {
  await machine?.stop();
  await vpc?.destroy();
}, testMs);

const shell = (text: string) => machine.check(['sh', '-c', text]);
const asEnid = (text: string) =>
  machine.check(['setpriv', '--reuid=enid', '--regid=enid', '--clear-groups', 'sh', '-c', text]);

it(
  'writes and gives away nothing through a link, and rolls itself back',
  async () => {
    await asEnid(`ln -s /etc/systemd/system ${networkd}/70-ens6.network.d`);
    const before = await shell('ls -lR --time-style=full-iso /etc/systemd/system; stat -c "%U %a" /etc/systemd/system');
    const { code, stdout } = await machine.run(['enid', 'takeover'], { timeoutMs: commandMs });
    expect(code).toBe(1);
    expect(stdout).toMatch(/70-ens6\.network\.d is a symbolic link in a directory that not only root writes to/);
    expect(await shell('stat -c "%U %a" /etc/systemd/system; ls /etc/systemd/system')).not.toMatch(
      /enid 7|sources\.conf/,
    );
    expect(before).toMatch(/root 755\n$/);
    await until('ifupdown has the links again', () => vpc.reaches('10.0.1.10'));
    await asEnid(`rm ${networkd}/70-ens6.network.d`);
  },
  commandMs,
);

it(
  'gives the daemon its files; its undo removes and puts back nothing through a link that was laid meanwhile',
  async () => {
    expect(await machine.check(['enid', 'takeover'], { timeoutMs: commandMs })).toMatch(/^Done\./m);
    const owners = await shell(`stat -c "%U %n" ${networkd}/70-* ${networkd}/70-*/*`);
    for (const line of owners.trim().split('\n')) expect(line).toMatch(/^enid /);
    await machine.check(['systemctl', 'stop', 'enid']);
    await shell('mkdir /etc/victim.d && echo precious > /etc/victim.d/sources.conf');
    await asEnid(`rm -r ${networkd}/70-ens6.network.d && ln -s /etc/victim.d ${networkd}/70-ens6.network.d`);
    const refused = await machine.run(['enid', 'takeover', '--undo'], { timeoutMs: commandMs });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/symbolic link/) });
    expect(await shell('cat /etc/victim.d/sources.conf')).toBe('precious\n');
    await asEnid(`rm ${networkd}/70-ens6.network.d`);
    expect(await machine.check(['enid', 'takeover', '--undo'], { timeoutMs: commandMs })).toMatch(/^Restored/m);
    await until('ifupdown has the links again', () => vpc.reaches('10.0.1.10'));
  },
  2 * commandMs,
);
