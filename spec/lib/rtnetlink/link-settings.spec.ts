import { expect, it } from '@jest/globals';
import {
  decodeIpv6State,
  decodeReversePathFilter,
  decodeSettings,
  encodeSetting,
} from '../../../lib/rtnetlink/link-settings.ts';
import { encodeAttribute, encodeNested, encodeU32 } from '../../../lib/rtnetlink/message.ts';

const [AF_INET, AF_INET6] = [2, 10];

it('sets one, by its number', () => {
  const bytes = '14001a80' + '10000280' + '0c000180' + '08000800' + '02000000';
  expect(Buffer.concat(encodeSetting('rp_filter', 2)).toString('hex')).toBe(bytes);
});

it('reads them from the array that the kernel sends, and none where the link has no IPv4', () => {
  const values = Buffer.alloc(33 * 4);
  for (let index = 0; index < 33; index++) values.writeUInt32LE(100 + index, 4 * index);
  const families = [encodeNested(AF_INET6, [encodeU32(1, 7)]), encodeNested(AF_INET, [encodeAttribute(1, values)])];
  const body = Buffer.concat(families);
  expect(decodeSettings(body, 0, body.length)).toEqual({ rp_filter: 107, arp_announce: 117, arp_ignore: 118 });
  const none = encodeNested(AF_INET6, [encodeU32(1, 7)]);
  expect(decodeSettings(none, 0, none.length)).toBeNull();
  const short = encodeNested(AF_INET, [encodeAttribute(1, Buffer.alloc(8))]);
  expect(() => decodeSettings(short, 0, short.length)).toThrow('IFLA_INET_CONF: 8 bytes, expected 76');
});

it('tells where the link can have no IPv6: it is disabled, or the kernel has none for it', () => {
  const values = Buffer.alloc(53 * 4);
  const read = () => {
    const body = Buffer.concat([
      encodeNested(AF_INET, [encodeU32(1, 7)]),
      encodeNested(AF_INET6, [encodeU32(1, 7), encodeAttribute(2, values)]),
    ]);
    return decodeIpv6State(body, 0, body.length);
  };
  expect(read()).toBe(true);
  values.writeUInt32LE(1, 4 * 26);
  expect(read()).toBe(false);
  const ipv4 = encodeNested(AF_INET, [encodeU32(1, 7)]);
  expect(decodeIpv6State(ipv4, 0, ipv4.length)).toBe(false);
});

it.each<[string, Buffer[], object | null]>([
  ['a reverse path filter', [encodeU32(1, 5), encodeU32(3, 1)], { linkIndex: 5, reversePathFilter: 1 }],
  ['forwarding', [encodeU32(1, 5), encodeU32(2, 1)], null],
])('of RTM_NEWNETCONF: %s', (_name, attributes, want) => {
  const body = Buffer.concat([Buffer.from([AF_INET, 0, 0, 0]), ...attributes]);
  expect(decodeReversePathFilter(body, 0, body.length)).toEqual(want);
});

it('of RTM_NEWNETCONF: nothing of IPv6', () => {
  const body = Buffer.concat([Buffer.from([AF_INET6, 0, 0, 0]), encodeU32(1, 5), encodeU32(3, 1)]);
  expect(decodeReversePathFilter(body, 0, body.length)).toBeNull();
});
