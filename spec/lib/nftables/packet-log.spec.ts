import { expect, it } from '@jest/globals';
import { readDestination } from '../../../lib/nftables/packet-log.ts';

/**
 * The bodies of two NFULNL_MSG_PACKET of Linux 6.18, captured by strace: `ping 10.0.0.9` and `ping
 * 2001:db8::9` from hosts next to one that does not have them. Without what lies between header
 * and payload.
 */
const packetHeader = '0800010008000000';
const ipv4 = '45000054f1cc4000400134d30a0000010a0000090800e7e01e010001927e0a6b0000000096600000';
const ipv6 = '6009779a00403a4020010db800000000000000000000000120010db8000000000000000000000009';

/** struct nfgenmsg with group 236, the header, and NFULA_PAYLOAD (9) with its length. */
function read(payload: string): string | null {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(4 + payload.length / 2);
  const padding = '00'.repeat((4 - ((payload.length / 2) % 4)) % 4);
  const body = Buffer.from(`020000ec${packetHeader}${length.toString('hex')}0900${payload}${padding}`, 'hex');
  return readDestination(body, 0, body.length);
}

it('reads where a packet was sent to', () => {
  expect(read(ipv4)).toBe('10.0.0.9');
  expect(read(ipv6)).toBe('2001:db8::9');
});

it.each([
  ['nothing', ''],
  ['another version', `5${ipv4.slice(1)}`],
  ['IPv4, cut off', ipv4.slice(0, 38)],
  ['IPv6, cut off', ipv6.slice(0, 78)],
])('has no destination: %s', (_name, payload) => {
  expect(read(payload)).toBeNull();
});

it('has none without a payload', () => {
  const body = Buffer.from(`020000ec${packetHeader}`, 'hex');
  expect(readDestination(body, 0, body.length)).toBeNull();
});
