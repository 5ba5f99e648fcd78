/**
 * What the package takes: on the disk, and to download. Packed as it is shipped, for this machine's
 * architecture.
 */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runChecked } from '../../fixtures/vpc/run-program.ts';
import type { Benchmark, Measurement } from './measurement.ts';

const root = join(import.meta.dirname, '../..');
const buildMs = 900_000;

export const size: Benchmark = {
  name: 'size',
  async run(): Promise<Measurement[]> {
    const arch = process.arch === 'x64' ? 'amd64' : process.arch;
    await runChecked(['bash', join(root, 'units/package/build.sh'), arch], { timeoutMs: buildMs });
    const names = (await runChecked(['ls', join(root, 'dist/packages')])).split('\n');
    const file = (end: string) => join(root, 'dist/packages', names.find((name) => name.endsWith(end)) ?? end);
    const installedKib = Number(await runChecked(['dpkg-deb', '--field', file('.deb'), 'Installed-Size']));
    const mb = async (end: string) => (await stat(file(end))).size / 1e6;
    return [
      { what: 'package: installed', unit: 'MB', samples: [(installedKib * 1024) / 1e6], bar: { p99: 115 } },
      { what: 'package: download, .deb', unit: 'MB', samples: [await mb('.deb')], bar: { p99: 30 } },
      { what: 'package: download, .rpm', unit: 'MB', samples: [await mb('.rpm')], bar: { p99: 30 } },
    ];
  },
};
