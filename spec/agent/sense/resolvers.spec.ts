/** What networkd's summary says of DNS servers. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { readResolvers } from '../../../agent/sense/resolvers.ts';

const directory = mkdtempSync(join(tmpdir(), 'enid-resolvers-'));
const file = join(directory, 'state');
afterAll(() => rmSync(directory, { recursive: true }));

it.each([
  ['OPER_STATE=routable\nDNS=10.0.0.2 169.254.169.253 10.0.0.2\nNTP=\n', ['10.0.0.2', '169.254.169.253']],
  ['DNS=fd00:ec2::253 fe80::1%ens5 10.0.0.2#dns.example 10.0.0.3:53\n', ['fd00:ec2::253', '10.0.0.2']],
  ['OPER_STATE=off\n', []],
  ['DNS=\nDNS_NO=1\n', []],
])('of %j', (text, expected) => {
  writeFileSync(file, text);
  expect(readResolvers(file)).toEqual(expected);
});

it('none where there is no summary', () => {
  expect(readResolvers(`${file}-not`)).toEqual([]);
});
