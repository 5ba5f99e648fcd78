import { expect, it } from '@jest/globals';
import { decodeLink } from '../../../lib/rtnetlink/link.ts';
import { encodeNested, encodeText, encodeU32 } from '../../../lib/rtnetlink/message.ts';

const [IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA] = [3, 4, 18, 1, 2];

function decode(kind: string, data: Buffer) {
  const body = Buffer.concat([
    Buffer.alloc(16),
    encodeText(IFLA_IFNAME, 'wan1'),
    encodeU32(IFLA_MTU, 65_575),
    encodeNested(IFLA_LINKINFO, [encodeText(IFLA_INFO_KIND, kind), encodeNested(IFLA_INFO_DATA, [data])]),
  ]);
  return decodeLink(body, 0, body.length);
}

it('reads the table of a VRF', () => {
  expect(decode('vrf', encodeU32(1, 10_003))).toMatchObject({ name: 'wan1', kind: 'vrf', vrfTable: 10_003 });
});

it('takes the first number of another kind for no table', () => {
  expect(decode('vxlan', encodeU32(1, 42))).not.toHaveProperty('vrfTable');
});
