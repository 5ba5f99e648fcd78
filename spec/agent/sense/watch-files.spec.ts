/**
 * Changes of unit files are told: also in drop-in folders, also after the directory was removed.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type UnitFileWatch, watchUnitFiles } from '../../../agent/sense/watch-files.ts';

let root: string;
let directory: string;
let watcher: UnitFileWatch;
let changes = 0;
const problems: string[] = [];

async function changeAfter(act: () => void): Promise<void> {
  // What went before has been told by then.
  await new Promise((resolve) => setTimeout(resolve, 50));
  changes = 0;
  act();
  const end = performance.now() + 5_000;
  while (changes === 0) {
    if (performance.now() > end) throw new Error('no change was told');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'enid-watch-'));
  directory = join(root, 'network');
  mkdirSync(join(directory, '70-ens6.network.d'), { recursive: true });
  writeFileSync(join(directory, '70-ens6.network.d/sources.conf'), 'a');
  problems.length = 0;
  watcher = watchUnitFiles(
    directory,
    '70',
    () => {
      changes++;
    },
    (message) => problems.push(message),
  );
});
afterEach(() => {
  watcher.close();
  rmSync(root, { recursive: true, force: true });
});

describe('the watch on unit files', () => {
  it('tells of a file and of a drop-in, in old and in new folders', async () => {
    await changeAfter(() => writeFileSync(join(directory, '70-ens6.network'), 'a'));
    await changeAfter(() => rmSync(join(directory, '70-ens6.network.d/sources.conf')));
    await changeAfter(() => mkdirSync(join(directory, '70-ens7.network.d')));
    await changeAfter(() => writeFileSync(join(directory, '70-ens7.network.d/sources.conf'), 'a'));
  });

  it('goes on when the directory was removed and is back', async () => {
    await changeAfter(() => rmSync(directory, { recursive: true }));
    await changeAfter(() => mkdirSync(directory));
    await changeAfter(() => writeFileSync(join(directory, '70-ens6.network'), 'a'));
    expect(problems.length).toBeLessThanOrEqual(1);
  });
});
