/** What other programs lay among the unit files stops no pass. */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readText } from '../../../agent/sense/host-facts.ts';
import { readUnitFiles } from '../../../agent/sense/own-files.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-units-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('reads a file with a comment in Latin-1, as networkd and ifupdown do', () => {
  mkdirSync(join(directory, '70-ens5.network.d'));
  writeFileSync(join(directory, '70-ens5.network.d/site.conf'), Buffer.from('# b\xfcro\n[Network]\n', 'latin1'));
  writeFileSync(join(directory, '70-ens5.network'), '# Written by enid for …\n');
  expect(readUnitFiles(directory, '70')).toEqual([
    { name: '70-ens5.network', text: '# Written by enid for …\n' },
    { name: '70-ens5.network.d/site.conf', text: '# b\ufffdro\n[Network]\n' },
  ]);
  const interfaces = join(directory, 'interfaces');
  writeFileSync(interfaces, Buffer.from('# b\xfcro\niface ens5 inet dhcp\n', 'latin1'));
  expect(readText(interfaces)).toBe('# b\ufffdro\niface ens5 inet dhcp\n');
});

test('takes a file that it may not read for another program’s', () => {
  const path = join(directory, '70-wg0.netdev');
  writeFileSync(path, '[WireGuard]\nPrivateKey=…\n');
  chmodSync(path, 0o600);
  const user = process.geteuid?.() ?? 0;
  // Nobody: as root, no mode keeps this program from reading.
  if (user === 0) {
    chmodSync(directory, 0o755);
    process.seteuid?.(65_534);
  } else chmodSync(path, 0);
  try {
    expect(readUnitFiles(directory, '70')).toEqual([{ name: '70-wg0.netdev', text: '' }]);
  } finally {
    process.seteuid?.(user);
  }
});

test('a link by such a name is somebody else’s, wherever it leads', () => {
  symlinkSync('/usr/lib/systemd/network/80-ec2.network', join(directory, '70-ens5.network'));
  expect(readUnitFiles(directory, '70')).toEqual([{ name: '70-ens5.network', text: '' }]);
});
