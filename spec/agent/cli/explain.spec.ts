/** The arguments of `enid explain`, and a refusal of the kernel in words. */

import { expect, it } from '@jest/globals';
import { askRoute, askRoutesItself } from '../../../agent/cli/ask-route.ts';
import { readPacket } from '../../../agent/cli/explain.ts';
import type { RtnetlinkClient } from '../../../lib/rtnetlink/client.ts';
import { RtnetlinkError } from '../../../lib/rtnetlink/errors.ts';

const addressesOf = (link: string) => (link === 'ens6' ? ['fe80::1', '10.0.2.21', '10.0.2.20'] : []);

it.each([
  ['10.0.2.20', undefined, { source: '10.0.2.20', destination: '192.0.2.1', family: 4 }],
  ['2001:DB8:0::1', undefined, { source: '2001:db8::1', destination: '2001:db8:ffff:ffff::1', family: 6 }],
  ['10.0.2.20', '10.0.0.2', { source: '10.0.2.20', destination: '10.0.0.2', family: 4 }],
  ['ens6', undefined, 'expected an address such as 10.0.1.5 as source, got "ens6"; link ens6 has 10.0.2.20, 10.0.2.21'],
  ['ens9', undefined, 'expected an address such as 10.0.1.5 as source, got "ens9"'],
  ['10.0.2.20', 'x', 'expected an address such as 192.0.2.1 as destination, got "x"'],
  ['10.0.2.20', '::1', 'expected both addresses of one family, got 10.0.2.20 and ::1'],
])('%s %s', (source, destination, expected) => {
  expect(readPacket(source, destination, addressesOf)).toEqual(expected);
});

const packet = { source: '10.0.2.20', destination: '192.0.2.1', inputLink: null, userId: 0, vrf: null };

it.each([
  ['ENETUNREACH', null, 'no route to the destination'],
  ['EINVAL', null, 'this host does not have the source address'],
  ['EXDEV', 'ens6', 'the reverse path filter of ens6 refuses it'],
  ['EHOSTUNREACH', 'ens6', 'forwarding is off or the destination is not reachable'],
])('a refusal by %s (in by %s)', async (errno, inputLink, text) => {
  const refusal = Object.assign(Object.create(RtnetlinkError.prototype), { errno, text: null });
  const client = { getRoute: () => Promise.reject(refusal) } as unknown as RtnetlinkClient;
  const question = { ...packet, inputLink };
  const answer = await askRoute(client, { links: [] }, question);
  expect(answer).toMatchObject({ kind: 'refused', errno, reason: expect.stringContaining(text) });
  expect(await askRoutesItself(client, { links: [] }, question)).toEqual([]);
});

it('an error that is no answer is not taken for one', async () => {
  const client = { getRoute: () => Promise.reject(new Error('the socket is closed')) } as unknown as RtnetlinkClient;
  await expect(askRoute(client, { links: [] }, packet)).rejects.toThrow('the socket is closed');
  await expect(askRoutesItself(client, { links: [] }, packet)).rejects.toThrow('the socket is closed');
});
