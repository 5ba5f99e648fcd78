import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NetworkdState } from '../../../agent/model.ts';
import { parseLeaseFile } from '../../../agent/sense/lease-file.ts';
import { leaseFiles, readLeaseFile, StateFiles } from '../../../agent/sense/lease-files.ts';

/** As systemd 252 and 257 write it. */
const head = `# This is private data. Do not parse.
ADDRESS=10.0.2.20
NETMASK=255.255.255.0
`;

describe('parseLeaseFile', () => {
  it.each([
    ['ROUTER=10.0.2.1\nSERVER_ADDRESS=10.0.2.1\n', '10.0.2.1'],
    ['ROUTER=10.0.2.1 10.0.2.2\n', '10.0.2.1'],
    ['', 'none'],
    ['ROUTER=10.0.2.1\nCLASSLESS_ROUTES=10.9.0.0/16,10.0.2.1\n', 'none'],
    ['ROUTER=10.0.2.1\nCLASSLESS_ROUTES=10.9.0.0/16,10.0.2.1 0.0.0.0/0,10.0.2.7\n', '10.0.2.7'],
    ['ROUTER=10.0.2.1\nSTATIC_ROUTES=10.0.0.0/8,10.0.2.1\n', '10.0.2.1'],
    ['ROUTER=10.0.2.1\nCLASSLESS_ROUTES=\n', '10.0.2.1'],
    ['ROUTER=10.0.2.1\nCLASSLESS_ROUTES=0.0.0.0/0,0.0.0.0\n', 'not known'],
    ['ROUTER=10.0.2.1\nCLASSLESS_ROUTES=10.9.0.0/16\n', 'not known'],
    ['ROUTER=10.0.2.1\nROUTES=10.9.0.0/16,10.0.2.1\n', 'not known'],
    ['ROUTER=10.0.2.1 fe80::1\n', 'not known'],
    ['ROUTER=0.0.0.0\n', 'not known'],
  ])('%j: %s', (text, expected) => {
    const lease = parseLeaseFile(`${head}${text}`);
    expect(lease === null ? 'not known' : (lease.gateway ?? 'none')).toBe(expected);
    expect(lease?.address ?? '10.0.2.20').toBe('10.0.2.20');
  });

  it.each(['', 'ADDRESS=\n', 'ADDRESS=fe80::1\n', '{"ADDRESS":"10.0.2.20"}', '\0'])('%j is no lease', (text) => {
    expect(parseLeaseFile(text)).toBeNull();
  });
});

describe('StateFiles', () => {
  let directory: string;
  const path = (name: string) => join(directory, name);
  const state: NetworkdState = {
    kind: 'present',
    version: 252,
    links: [{ linkIndex: 3, networkFile: null, setupState: 'configured' }],
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'leases-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it.each<[string, () => void]>([
    ['a missing file', () => undefined],
    ['a FIFO', () => execFileSync('sh', ['-c', `mkfifo "$0"`, path('3')])],
    ['a directory', () => execFileSync('mkdir', [path('3')])],
    [
      'a link',
      () => {
        writeFileSync(path('real'), head);
        symlinkSync(path('real'), path('3'));
      },
    ],
    ['a huge file', () => writeFileSync(path('3'), head + '#'.repeat(70_000))],
  ])('%s is no lease', (_what, make) => {
    make();
    expect(readLeaseFile(directory, 3)).toBeNull();
  });

  it('tells of another lease, and gives the same object otherwise', async () => {
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const files = new StateFiles(() => wake(), { ...leaseFiles, directory });
    const none = files.addTo(state);
    expect(none.links[0]?.lease).toBeUndefined();
    expect(files.addTo(state)).toBe(none);
    expect(files.addTo({ ...state })).toBe(none);
    writeFileSync(path('.#3'), `${head}ROUTER=10.0.2.1\n`);
    renameSync(path('.#3'), path('3'));
    await woken;
    const next = files.addTo(state);
    expect(next.links[0]?.lease).toEqual({ address: '10.0.2.20', gateway: '10.0.2.1' });
    expect(files.addTo(state)).toBe(next);
    files.close();
  });

  it('bears that the directory is not there yet, or not any more', () => {
    const files = new StateFiles(() => undefined, { ...leaseFiles, directory: path('none') });
    expect(files.addTo(state).links).toEqual(state.links);
    files.close();
  });
});
