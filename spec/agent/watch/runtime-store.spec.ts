/** What is remembered over a restart, and what is not believed. */

import { execFileSync, spawn } from 'node:child_process';
import {
  chownSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readyEnis } from '../../../agent/decide/inputs/accept-snapshot.ts';
import { openMetadataReader } from '../../../agent/sense/metadata.ts';
import { RuntimeStore } from '../../../agent/watch/runtime-store.ts';
import { ImdsServer } from '../../../fixtures/vpc/imds-server.ts';
import { tree } from '../sense/metadata-judge.ts';

let directory: string;
let store: RuntimeStore;
const ledger = { 'address 3 10.0.1.5': '02:00:00:00:00:01' };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-store-'));
  store = new RuntimeStore(directory);
});
afterEach(() => rmSync(directory, { recursive: true }));

it('metadata from the service is restored unchanged', async () => {
  const server = new ImdsServer();
  server.setTree(tree);
  const endpoint = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
  const snapshot = await openMetadataReader({ endpoints: [endpoint], timeoutMs: 5_000 }).readSnapshot();
  await server.close();
  await store.writeMetadata({ snapshot, departed: readyEnis(snapshot) });
  expect(store.readMetadata()).toEqual({ snapshot, departed: readyEnis(snapshot) });
});

describe('the ledger', () => {
  it('is read back', async () => {
    await store.writeLedger(ledger);
    expect(store.readLedger()).toEqual(ledger);
  });

  it('of another boot is none: its link indexes mean other links', async () => {
    await store.writeLedger(ledger);
    const path = join(directory, 'ledger.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/"bootId": "[^"]*"/, '"bootId": "00000000-0000-0000-0000-000000000000"'));
    expect(store.readLedger()).toEqual({});
  });

  it.each(['', '{', '[]', '{"bootId": 1, "entries": {}}', JSON.stringify(ledger)])('that reads %j is none', (text) => {
    writeFileSync(join(directory, 'ledger.json'), text);
    expect(store.readLedger()).toEqual({});
  });
});

describe('what the user enid can write to the files', () => {
  const eni = {
    mac: '06:53:e1:00:00:02',
    eniId: 'eni-00000000000000002',
    deviceNumber: 1,
    networkCard: 0,
    subnetId: 'subnet-2',
    vpcId: 'vpc-1',
    ipv4Addresses: ['10.0.2.20'],
    ipv6Addresses: ['2001:db8::20'],
    ipv4Prefixes: ['10.0.2.32/28'],
    ipv6Prefixes: [],
    subnetIpv4: '10.0.2.0/24',
    subnetIpv6: [],
    publicIpv4: { '198.51.100.1': ['10.0.2.20'] },
  };
  const metadata = (change: object, rest: object = {}) => ({
    snapshot: {
      primaryMac: '06:53:e1:00:00:01',
      instanceId: 'i-1',
      enis: [{ kind: 'ready', eni: { ...eni, ...change } }],
      ...rest,
    },
    departed: [],
  });
  const lay = (value: unknown) => writeFileSync(join(directory, 'metadata.json'), JSON.stringify(value));

  it('counts as the metadata service could have said it', () => {
    lay(metadata({}));
    expect(store.readMetadata()).toEqual(metadata({}));
  });

  it.each<[string, unknown]>([
    ['an ID that ends a line', metadata({ eniId: 'eni-1).\n[Service]\nExecStartPre=/bin/sh -c id\n#' })],
    ['no MAC', metadata({ mac: 'x\n' })],
    ['a primary that is no MAC', metadata({}, { primaryMac: '\u001b[2J' })],
    ['a number that is none of a device', metadata({ deviceNumber: 4096 })],
    ['a device that is the primary’s', metadata({ deviceNumber: 0 })],
    ['a fraction', metadata({ networkCard: 0.5 })],
    ['no address', metadata({ ipv4Addresses: ['10.0.2.20/24\n[Route]'] })],
    ['an address of the other family', metadata({ ipv4Addresses: ['2001:db8::1'] })],
    ['a range with host bits', metadata({ ipv4Prefixes: ['10.0.2.33/28'] })],
    ['no range', metadata({ subnetIpv4: '10.0.2.0' })],
    ['an odd public address', metadata({ publicIpv4: { x: ['\u001b'] } })],
    [
      'a reason that moves the cursor',
      metadata({}, { enis: [{ kind: 'pending', mac: eni.mac, reason: '\u001b[1A' }] }),
    ],
    ['an instance that is none', metadata({}, { instanceId: 'i-1\n' })],
    ['a departed ENI of that kind', { ...metadata({}), departed: [{ ...eni, subnetId: 'subnet-\n' }] }],
  ])('not %s', (_name, value) => {
    lay(value);
    expect(store.readMetadata()).toBeNull();
  });

  it.each<[string, (path: string) => void]>([
    ['a link', (path) => symlinkSync(join(directory, 'other'), path)],
    ['a FIFO', (path) => execFileSync('mkfifo', [path])],
    ['a link to a device', (path) => symlinkSync('/dev/zero', path)],
    ['a second name', (path) => linkSync(join(directory, 'other'), path)],
    ['too long', (path) => truncateSync(path, 1e9)],
    [
      'of a third user',
      (path) => {
        writeFileSync(path, JSON.stringify(metadata({})));
        chownSync(path, 4242, 4242);
      },
    ],
  ])('not a file that is %s', (_name, change) => {
    const path = join(directory, 'metadata.json');
    writeFileSync(join(directory, 'other'), JSON.stringify(metadata({})));
    if (_name === 'too long') writeFileSync(path, JSON.stringify(metadata({})));
    change(path);
    expect(store.readMetadata()).toBeNull();
  });

  it.each([{ 'file 70-ens6.network\n': eni.mac }, { 'nothing known': eni.mac }, { 'file x': 'x' }])(
    'not %j as a ledger',
    async (entries) => {
      await store.writeLedger(entries);
      expect(store.readLedger()).toEqual({});
    },
  );
});

it('knows who runs here from the lock alone', async () => {
  // The number of a process whose name has `enid` in it, in a lock that nobody holds.
  const other = spawn('bash', ['-c', 'exec -a "vim /etc/enid/config.yaml" sleep 20'], { stdio: 'ignore' });
  writeFileSync(join(directory, 'lock'), `${other.pid}\n`);
  expect(await store.readHolder()).toBeNull();
  other.kill('SIGKILL');
  await new Promise((resolve) => other.once('exit', resolve));
});
