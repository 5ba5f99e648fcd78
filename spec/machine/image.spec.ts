/**
 * An image that was baked from a running machine boots as another instance: another MAC, another
 * slot and so another name, another address. Nothing that was kept for the next boot of the first
 * one comes back there.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { MachineHost, machineMs } from './host.ts';

/** As another instance type has it: ens5 → ens7. */
const other = {
  ...primary,
  id: 'eni-0000000000000000b',
  mac: '06:53:e1:00:00:0b',
  linkName: 'ens7',
  ipv4: ['10.0.1.77'],
};

let image: string;
let host: MachineHost | undefined;

beforeAll(async () => {
  image = await mkdtemp(join(tmpdir(), 'enid-image-'));
}, machineMs);
afterAll(async () => {
  await host?.destroy();
  await rm(image, { recursive: true, force: true });
}, machineMs);

it(
  'comes up with its own lease and its own files',
  async () => {
    const first = await MachineHost.boot({ instanceId: 'i-0a1b2c3d4e5f60001' });
    try {
      await first.machine.check('systemctl -q enable systemd-networkd systemd-resolved');
      await first.install();
      await first.machine.reboot();
      await first.machine.attach(alone);
      await first.configured(2);
      // What is kept is written when the daemon is ready, and when it stops.
      await first.machine.check('systemctl restart enid');
      await first.configured(2);
      expect(await first.machine.check('ls /var/lib/enid/network')).toBe('70-ens5.network\n70-ens6.network\n');
      expect(await first.machine.check('tail -n 1 /var/lib/enid/network/70-ens5.network')).toContain(
        'i-0a1b2c3d4e5f60001',
      );
      await first.machine.bake(image);
    } finally {
      await first.destroy();
    }
    host = await MachineHost.boot({ image, eni: other, instanceId: 'i-0a1b2c3d4e5f60002' });
    await host.configured(1);
    const run = (command: string) => host?.machine.check(command);
    expect(await run('ip -4 -br address show dev ens7')).toContain('10.0.1.77/24');
    expect(await run('ls /run/systemd/network')).not.toMatch(/ens[56]/);
    expect(await run('systemctl start network-online.target; systemctl is-active network-online.target')).toBe(
      'active\n',
    );
    await run('systemctl restart enid');
    await host.configured(1);
    expect(await run('cat /var/lib/enid/network/*.network')).not.toContain(primary.mac);
    const doctor = await host.machine.run('enid doctor');
    expect(doctor.stdout).not.toMatch(/link has no network file|--http-endpoint/);
  },
  2 * machineMs,
);
