/**
 * amazon-ec2-net-utils beside enid or before it: the real program's files and rules, as `enid
 * doctor` and the daemon report them.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { EnidProcess, installInto, runEnid } from '../../fixtures/enid-process.ts';
import { peerProgram } from '../../fixtures/vpc/debian-trees.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { testMs, until } from './lab.ts';

let vpc: Vpc | undefined;
let directory: string | undefined;
afterEach(async () => {
  await vpc?.destroy();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
});

/**
 * The program with the file numbers of Debian's build since 2.5 (update-networkd-priorities.patch):
 * before netplan's.
 */
async function copyWithPrefix(prefix: string): Promise<{ program: string; environment: string }> {
  const { program, environment } = peerProgram();
  directory = await mkdtemp(join(tmpdir(), 'enid-peer-'));
  const [, library = ''] = environment.split('=');
  for (const [from, to] of [
    [program, 'setup-policy-routes'],
    [join(library, 'lib.sh'), 'lib.sh'],
  ] as const) {
    const text = await readFile(from, 'utf8');
    await writeFile(join(directory, to), text.replaceAll(`{unitdir}/70-`, `{unitdir}/${prefix}-`));
  }
  return { program: join(directory, 'setup-policy-routes'), environment: `LIBDIR_OVERRIDE=${directory}` };
}

/** Both ENIs configured by the peer, as its units do it. */
async function openWithPeer(prefix: string): Promise<Vpc> {
  const opened = await Vpc.create({ name: `peer${prefix}`, subnets });
  vpc = opened;
  const { guest } = opened;
  await installInto(guest);
  const network = peerProgram().network.replace(/^Driver=.*$/m, 'Driver=veth\nName=ens*');
  await guest.writeFile('/usr/lib/systemd/network/80-ec2.network', network);
  await guest.check(['rm', '/run/systemd/network/80-ec2.network']);
  for (const eni of [primary, alone]) await opened.attach(eni);
  await guest.networkd.start();
  // With its file both have default routes of one metric: by which of them replies leave is
  // undefined.
  await until('the leases', async () => {
    const addresses = await guest.check(['ip', '-4', '-o', 'address']);
    return ['10.0.1.10/24', '10.0.2.20/24'].every((address) => addresses.includes(address));
  });
  const { program, environment } = await copyWithPrefix(prefix);
  for (const { linkName } of [primary, alone])
    await guest.check(['bash', '-c', `${environment} bash ${program} ${linkName} start`], { timeoutMs: testMs });
  await until('its rule', async () => (await guest.check(['ip', 'rule'])).includes('from 10.0.2.21 lookup 10001'));
  return opened;
}

it.each(['70', '07'])(
  '%s-: doctor names all its files and rules; enid says at its start which program has the links, and what to do',
  async (prefix) => {
    const { guest } = await openWithPeer(prefix);
    const written = await guest.check(['find', '/run/systemd/network', '!', '-type', 'd', '-name', '*', '-print']);
    const files = written
      .trim()
      .split('\n')
      .filter((path) => path.includes(`/${prefix}-`));
    expect(files.length).toBeGreaterThanOrEqual(5);
    const { stdout } = await runEnid(guest, ['doctor']);
    for (const path of files)
      expect(stdout).toContain(`amazon-ec2-net-utils has left a file that systemd-networkd reads (${path})`);
    expect(stdout).toMatch(/^warning +rules +another program's rule .* from 10\.0\.2\.21\/32 lookup 10001/m);

    const enid = EnidProcess.start(guest);
    const said = /amazon-ec2-net-utils.*enid takeover|enid takeover.*amazon-ec2-net-utils/;
    await until('it says so', async () => said.test((await runEnid(guest, ['status'])).stdout));
    expect((await guest.check(['ip', 'rule'])).includes('from 10.0.2.21 lookup 10001')).toBe(true);
    await enid.stop();
  },
  // The program runs about a hundred other programs for each ENI.
  2 * testMs,
);
