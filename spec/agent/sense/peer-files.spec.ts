import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { listPeerFiles } from '../../../agent/sense/peer-files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-peer-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function lay(name: string, ...dropIns: readonly string[]): void {
  if (name.startsWith('→')) symlinkSync('/usr/lib/systemd/network/80-ec2.network', join(directory, name.slice(1)));
  else writeFileSync(join(directory, name), '[Match]\n');
  for (const file of dropIns) {
    const folder = join(directory, `${name.replace('→', '')}.d`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file), '');
  }
}

it('finds links with their drop-ins, and drop-ins that were left beside a file of another', () => {
  lay('→70-ens5.network', 'eni.conf', 'ec2net_alias.conf');
  lay('→07-ens6.network', 'eni.conf', 'ec2net_policy_4.conf', 'ec2net_policy_6.conf', 'mine.conf');
  lay('70-ens7.network', 'ec2net_alias.conf', 'sources.conf');
  expect(listPeerFiles(directory).map((path) => path.slice(directory.length + 1))).toEqual([
    '07-ens6.network',
    '07-ens6.network.d/ec2net_policy_4.conf',
    '07-ens6.network.d/ec2net_policy_6.conf',
    '07-ens6.network.d/eni.conf',
    '70-ens5.network',
    '70-ens5.network.d/ec2net_alias.conf',
    '70-ens5.network.d/eni.conf',
    '70-ens7.network.d/ec2net_alias.conf',
  ]);
});

it('leaves what others have there', () => {
  lay('70-ens5.network', 'sources.conf');
  lay('→80-ens6.network', 'eni.conf');
  symlinkSync('/dev/null', join(directory, '70-ens8.network'));
  expect(listPeerFiles(directory)).toEqual([]);
});
