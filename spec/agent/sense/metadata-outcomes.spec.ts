/**
 * Whatever a request ends with, at any place and from any request on: a snapshot is whole or there
 * is none. How a request ends with each fault of the service is lib/imds/client.spec's matter, and
 * metadata-faults.spec has both together.
 */

import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MetadataError } from '../../../agent/errors.ts';
import type { Snapshot } from '../../../agent/model.ts';
import { type MetadataSource, SnapshotReader } from '../../../agent/sense/metadata.ts';
import { readTree } from '../../../fixtures/vpc/imds-server.ts';
import { type ImdsAnswer, ImdsError } from '../../../lib/imds/client.ts';
import type { ImdsErrorCode } from '../../../lib/imds/errors.ts';
import { expectNothingLost, macs, tree, withoutPublic } from './metadata-judge.ts';

interface Fault {
  readonly path: RegExp;
  /** Let so many matching requests through first. */
  readonly after: number;
  readonly times: number;
  readonly answer: () => ImdsAnswer;
}

class Source implements MetadataSource {
  requestCount = 0;
  fault: Fault | null = null;
  #seen = 0;

  strike(fault: Partial<Fault> & Pick<Fault, 'answer'>): void {
    this.fault = { path: /./, after: 0, times: Number.POSITIVE_INFINITY, ...fault };
    this.#seen = 0;
  }

  async get(path: string): Promise<ImdsAnswer> {
    this.requestCount++;
    if (this.fault?.path.test(path) === true) {
      const index = this.#seen++ - this.fault.after;
      if (index >= 0 && index < this.fault.times) return this.fault.answer();
    }
    const text = readTree(
      tree,
      path
        .split('/')
        .filter((part) => part !== '')
        .slice(1),
    );
    return text === null ? { kind: 'absent' } : { kind: 'value', text };
  }
}

const fail = (code: ImdsErrorCode) => (): ImdsAnswer => {
  throw new ImdsError(code, 'as it was told to');
};
const give = (text: string) => (): ImdsAnswer => ({ kind: 'value', text });
const codes = ['unreachable', 'timeout', 'status', 'token', 'token-expired', 'too-large', 'truncated'] as const;
const failures = Object.fromEntries(codes.map((code) => [code, fail(code)]));
const outcomes: Record<string, () => ImdsAnswer> = {
  ...failures,
  absent: () => ({ kind: 'absent' }),
  empty: give(''),
  garbage: give('<html><body>Service Unavailable</body></html>'),
};
const plausible = new Set(['absent', 'empty']);

const places: [string, RegExp][] = [
  ['everywhere', /./],
  ['mac', /meta-data\/mac$/],
  ['instance-id', /instance-id/],
  ['macs/', /macs\/$/],
  ['the list of one ENI', new RegExp(`${macs[1]}/$`)],
  ['every leaf of one ENI', new RegExp(`${macs[1]}/.`)],
  ['every leaf', /macs\/.*\/./],
  ...[
    ...['local-ipv4s', 'ipv6s', 'ipv4-prefix', 'ipv6-prefix', 'device-number', 'network-card', 'interface-id'],
    ...['subnet-ipv4-cidr-block', 'ipv4-associations/$', 'ipv4-associations/.'],
  ].map((leaf): [string, RegExp] => [leaf, new RegExp(`${macs[1]}/${leaf}`)]),
];

let source: Source;
let reader: SnapshotReader;
let full: Snapshot;
let requestsOfFirstRead: number;

const open = () => {
  source = new Source();
  reader = new SnapshotReader(source);
};
beforeAll(async () => {
  open();
  full = await reader.readSnapshot();
  requestsOfFirstRead = source.requestCount;
});
beforeEach(open);

/** A snapshot, or null where the read threw as it should. */
async function tryRead(): Promise<Snapshot | null> {
  try {
    return await reader.readSnapshot();
  } catch (error) {
    expect(error).toBeInstanceOf(MetadataError);
    return null;
  }
}

describe.each(Object.keys(outcomes))('%s', (name) => {
  const answer = outcomes[name] ?? fail('unreachable');

  it.each(places)(
    'at %s: nothing is lost, at the first read and at a later one; then all is read',
    async (_place, path) => {
      for (const _read of ['first', 'later']) {
        source.strike({ path, answer });
        expectNothingLost(full, await tryRead(), plausible.has(name));
        source.fault = null;
        expect(withoutPublic(await tryRead())).toEqual(withoutPublic(full));
      }
    },
  );

  it.each([1, Number.POSITIVE_INFINITY])('from any request on, %d times: nothing is lost', async (times) => {
    for (let after = 0; after < requestsOfFirstRead; after++) {
      open();
      source.strike({ after, times, answer });
      const read = await tryRead();
      if (name in failures) expect(read).toEqual(name === 'token-expired' && times === 1 ? full : null);
      else expectNothingLost(full, read, plausible.has(name));
      source.fault = null;
      expect(withoutPublic(await tryRead())).toEqual(withoutPublic(full));
    }
  });
});
