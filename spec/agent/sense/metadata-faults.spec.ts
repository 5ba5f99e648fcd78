/**
 * Whatever the service does, a read is whole or it throws; and one bad read takes nothing from what
 * is accepted. Timers stand still, and go on only while the service is silent: a busy machine ends
 * no request, and nobody waits.
 */

import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MetadataError } from '../../../agent/errors.ts';
import type { Snapshot } from '../../../agent/model.ts';
import { openMetadataReader, type SnapshotReader } from '../../../agent/sense/metadata.ts';
import { type Fault, type FaultEffect, ImdsServer } from '../../../fixtures/vpc/imds-server.ts';
import { expectNothingLost, macs, tree, withoutPublic } from './metadata-judge.ts';

const stepMs = 50;
const effects: Record<string, FaultEffect> = {
  reset: { kind: 'reset' },
  hang: { kind: 'hang' },
  drip: { kind: 'drip', delayMs: stepMs },
  '400': { kind: 'status', status: 400 },
  '401': { kind: 'status', status: 401 },
  '403': { kind: 'status', status: 403 },
  '500': { kind: 'status', status: 500 },
  '503': { kind: 'status', status: 503 },
  '404': { kind: 'status', status: 404 },
  'empty body': { kind: 'body', body: '' },
  garbage: { kind: 'body', body: '<html><body>Service Unavailable</body></html>' },
  'too large': { kind: 'body', body: '10.0.0.1\n'.repeat(30_000) },
  truncated: { kind: 'truncate', bytes: 5, hasLength: true },
  'truncated, no length': { kind: 'truncate', bytes: 5, hasLength: false },
  'token ends': { kind: 'expire-tokens' },
};
/**
 * Answers of the service itself, which a single read must take at its word: then no more than a
 * second read decides.
 */
const plausible = new Set(['404', 'empty body']);

let server: ImdsServer;
let port: number;
let reader: SnapshotReader;
/** What is there to read. */
let full: Snapshot;
/** Requests of a first read, the token's too. */
let requestsOfFirstRead: number;
const rejections: unknown[] = [];
const noteRejection = (reason: unknown) => rejections.push(reason);

const { setTimeout: setRealTimeout } = globalThis;
const rest = (ms: number) => new Promise((resolve) => setRealTimeout(resolve, ms));

beforeAll(async () => {
  await startServer();
  full = await openReader().readSnapshot();
  requestsOfFirstRead = server.requests().length;
  await server.close();
});
beforeEach(async () => {
  process.on('unhandledRejection', noteRejection);
  jest.useFakeTimers({ doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate'] });
  await startServer();
  reader = openReader();
});
afterEach(async () => {
  await server.close();
  await new Promise((resolve) => setImmediate(resolve));
  jest.useRealTimers();
  process.off('unhandledRejection', noteRejection);
  expect(rejections.splice(0)).toEqual([]);
});

async function startServer(): Promise<void> {
  server = new ImdsServer();
  server.setTree(tree);
  port = await server.listen(0, '127.0.0.1');
}

function openReader(): SnapshotReader {
  return openMetadataReader({ endpoints: [`http://127.0.0.1:${port}`], timeoutMs: 900 });
}

/** A snapshot, or null where the read threw as it should. */
async function tryRead(): Promise<Snapshot | null> {
  let isOver = false;
  const reading = reader.readSnapshot().finally(() => {
    isOver = true;
  });
  const end = reading.catch((error: unknown) => {
    expect(error).toBeInstanceOf(MetadataError);
    expect((error as MetadataError).message).toMatch(/nothing is changed$/);
    expect((error as MetadataError).message).not.toContain('\n');
    return null;
  });
  while (!isOver) {
    await rest(1);
    if (server.silent > 0) jest.advanceTimersByTime(stepMs);
  }
  return await end;
}

const places: [string, Partial<Fault>][] = [
  ['everywhere', {}],
  ['the token', { path: 'api/token' }],
  ['macs/', { path: 'macs/$' }],
  ['a leaf of one ENI', { path: `${macs[1]}/local-ipv4s` }],
];

describe.each(Object.keys(effects))('%s', (name) => {
  const effect = effects[name] ?? { kind: 'reset' };

  it.each(places)(
    'at %s: nothing is lost, at the first read and at a later one; then all is read',
    async (_place, at) => {
      for (const _read of ['first', 'later']) {
        server.setFaults([{ ...at, effect }]);
        expectNothingLost(full, await tryRead(), plausible.has(name));
        server.setFaults([]);
        expect(withoutPublic(await tryRead())).toEqual(withoutPublic(full));
      }
    },
  );
});

describe('under way', () => {
  it.each(['reset', 'hang', '503', 'token ends', 'truncated, no length'])(
    '%s from any request on: a whole snapshot or none',
    async (name) => {
      const effect = effects[name] ?? { kind: 'reset' };
      for (let after = 0; after <= requestsOfFirstRead; after++) {
        // Requests that the read before left under way would count.
        await server.close();
        await startServer();
        reader = openReader();
        server.setFaults([{ after, times: name === 'token ends' ? 1 : 1_000, effect }]);
        const read = await tryRead();
        if (read !== null) expect(read).toEqual(full);
        // One token that ends is no trouble; and a fault that comes too late is none.
        if (name === 'token ends' || after === requestsOfFirstRead) expect(read).toEqual(full);
        else expect(read).toBeNull();
      }
    },
    20_000,
  );

  it('tokens that end again and again: throws', async () => {
    server.setFaults([{ path: 'macs/.', effect: { kind: 'expire-tokens' } }]);
    await expect(reader.readSnapshot()).rejects.toMatchObject({ name: 'MetadataError', code: 'token-expired' });
  });

  it('refused: throws, and reads again once it is back', async () => {
    await server.close();
    expect(await tryRead()).toBeNull();
    await server.listen(port, '127.0.0.1');
    expect(await reader.readSnapshot()).toEqual(full);
  });

  it('a read that failed sends no more, and leaves nothing behind that delays the next', async () => {
    server.setFaults([
      { path: 'macs/$', effect: { kind: 'drip', delayMs: 0 } },
      { path: 'macs/.*/.', times: 1, effect: { kind: 'reset' } },
      { path: 'macs/.*/.', effect: { kind: 'hang' } },
    ]);
    expect(await tryRead()).toBeNull();
    await rest(80);
    // Token, list, two of the instance, a list for each ENI; the eight under way, and the one that
    // took the failed one's place.
    expect(server.requests().length).toBeLessThanOrEqual(4 + macs.length + 8 + 1);
    server.setFaults([]);
    expect(await reader.readSnapshot()).toEqual(full);
  });

  it.each<[string, string, string]>([
    ['no MAC at all', 'macs/$', ''],
    ['all MACs but the primary', 'macs/$', `${macs[1]}/`],
    ['something that is no MAC', 'macs/$', `${macs.join('/\n')}/\n../`],
    ['a foreign primary', 'meta-data/mac$', '06:53:e1:00:00:99'],
  ])('%s: throws', async (_name, path, body) => {
    server.setFaults([{ path, effect: { kind: 'body', body } }]);
    expect(await tryRead()).toBeNull();
  });
});
