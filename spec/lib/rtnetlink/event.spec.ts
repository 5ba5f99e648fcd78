import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { decodeEvent } from '../../../lib/rtnetlink/event.ts';
import { visitMessages } from '../../../lib/rtnetlink/message.ts';
import type { RouteFilter } from '../../../lib/rtnetlink/route.ts';
import type { RtnetlinkEvent } from '../../../lib/rtnetlink/types.ts';

/** Captured bytes by the ip(8) command that made the kernel send them. */
const captured = new Map<string, Buffer>();
const lines = readFileSync(new URL('./messages.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1);
for (let index = 0; index + 1 < lines.length; index += 2) {
  captured.set((lines[index] ?? '').replace('# ip ', ''), Buffer.from(lines[index + 1] ?? '', 'hex'));
}

function decode(datagram: Buffer, filter: RouteFilter = () => true): (RtnetlinkEvent | null)[] {
  const events: (RtnetlinkEvent | null)[] = [];
  visitMessages(datagram, (type, flags, _sequence, buffer, start, end) => {
    events.push(decodeEvent(type, flags, buffer, start, end, filter));
  });
  return events;
}

/** Only what differs from a plain object of its kind, so that one glance shows the outcome. */
function summary(event: RtnetlinkEvent | null | undefined): string {
  if (event === null || event === undefined) return 'nothing';
  const record = { link: null, setting: null, address: null, route: null, rule: null, ...event }[event.kind] ?? {};
  const words = Object.entries(record)
    .filter(([, value]) => value !== null && value !== false && value !== 0)
    .map(([key, value]) => `${key}=${typeof value === 'object' && key !== 'altNames' ? JSON.stringify(value) : value}`);
  const replaces = event.kind === 'route' && event.isReplacement ? ' replacing' : '';
  return `${event.change}${replaces} ${event.kind} ${words.join(' ')}`;
}

describe('decodeEvent on captured messages', () => {
  it.each([
    [
      'link property add dev ens6 altname eni-0abc altname aws-x',
      'new link index=3 name=ens6 mac=02:00:00:00:00:06 kind=veth mtu=1500 maxMtu=65535 isUp=true hasCarrier=true altNames=aws-x,eni-0abc settings={"rp_filter":0,"arp_announce":0,"arp_ignore":0}',
    ],
    [
      'addr add 10.0.1.5/24 dev ens6 valid_lft 3600 preferred_lft 1800',
      'new address linkIndex=3 family=4 address=10.0.1.5 prefixLength=24 validLifetime=3600',
    ],
    [
      'addr add 2001:db8:0:1::5/64 dev ens6 nodad noprefixroute',
      'new address linkIndex=3 family=6 address=2001:db8:0:1::5 prefixLength=64 flags=642',
    ],
    [
      'addr del 10.0.1.9 peer 10.0.9.9/32 dev ens6',
      'delete address linkIndex=3 family=4 address=10.0.1.9 prefixLength=32 flags=128',
    ],
    [
      'route add default via 10.0.1.1 dev ens6 table 10001 proto 236 metric 512 src 10.0.1.5',
      'new route family=4 table=10001 destination=0.0.0.0/0 type=1 protocol=236 gateway=10.0.1.1 linkIndex=3 metric=512 preferredSource=10.0.1.5',
    ],
    [
      'route replace default via 10.0.1.2 dev ens6 table 10001 proto 236 metric 512',
      'new replacing route family=4 table=10001 destination=0.0.0.0/0 type=1 protocol=236 gateway=10.0.1.2 linkIndex=3 metric=512',
    ],
    [
      'route add 192.0.2.0/24 via inet6 fe80::1 dev ens6',
      'new route family=4 table=254 destination=192.0.2.0/24 type=1 protocol=3 gateway=fe80::1 linkIndex=3',
    ],
    [
      'route add 192.0.3.0/24 nexthop via 10.0.1.1 nexthop via 10.0.1.2',
      'new route family=4 table=254 destination=192.0.3.0/24 type=1 protocol=3 paths=[{"gateway":"10.0.1.1","linkIndex":3},{"gateway":"10.0.1.2","linkIndex":3}] isComplex=true',
    ],
    [
      'route add blackhole 192.0.4.0/24 table 77',
      'new route family=4 table=77 destination=192.0.4.0/24 type=6 protocol=3',
    ],
    [
      '-6 route add 2001:db8:2::/48 via fe80::2 dev ens6 table 10001 metric 100 proto dhcp',
      'new route family=6 table=10001 destination=2001:db8:2::/48 type=1 protocol=16 gateway=fe80::2 linkIndex=3 metric=100',
    ],
    [
      '-6 route del 2001:db8:2::/48 via fe80::2 dev ens6 table 10001',
      'delete route family=6 table=10001 destination=2001:db8:2::/48 type=1 protocol=16 gateway=fe80::2 linkIndex=3 metric=100',
    ],
    [
      'rule add from 10.0.1.5 lookup 10001 suppress_prefixlength 0 pref 1000 protocol 236',
      'new rule family=4 priority=1000 source=10.0.1.5/32 action=1 table=10001 protocol=236',
    ],
    [
      'rule add not from 10.0.1.6 fwmark 0x1/0xff lookup 10001 pref 1001',
      'new rule family=4 priority=1001 source=10.0.1.6/32 mark={"value":1,"mask":255} action=1 table=10001 isComplex=true',
    ],
    [
      '-6 rule add from 2001:db8::/64 to 2001:db9::/64 iif lo oif ens6 lookup main pref 1002',
      'new rule family=6 priority=1002 source=2001:db8::/64 destination=2001:db9::/64 inputInterface=lo outputInterface=ens6 action=1 table=254',
    ],
    ['rule add prohibit from 10.0.1.7 pref 1003', 'new rule family=4 priority=1003 source=10.0.1.7/32 action=8'],
    ['rule del pref 1000', 'delete rule family=4 priority=1000 source=10.0.1.5/32 action=1 table=10001 protocol=236'],
    ['link set ens6 nomaster (AF_BRIDGE: ens6 left br0)', 'nothing'],
    [
      'link del ens6',
      'delete link index=3 name=ens6 mac=02:00:00:00:00:06 kind=veth mtu=1500 maxMtu=65535 altNames=aws-x,eni-0abc isIpv6Off=true',
    ],
  ])('ip %s', (command, expected) => {
    const events = decode(captured.get(command) ?? Buffer.alloc(0));
    expect(events).toHaveLength(1);
    expect(summary(events[0])).toBe(expected);
  });

  it('tells an unset suppression from length 0', () => {
    const rules = [...captured]
      .filter(([command]) => command.startsWith('rule add from'))
      .flatMap(([, bytes]) => decode(bytes));
    expect(rules).toMatchObject([{ rule: { suppressPrefixLength: 0 } }]);
    const plain = decode(captured.get('rule add prohibit from 10.0.1.7 pref 1003') ?? Buffer.alloc(0));
    expect(plain).toMatchObject([{ rule: { suppressPrefixLength: null } }]);
  });

  it('decodes every message of a datagram', () => {
    const all = [...captured.values()];
    expect(decode(Buffer.concat(all))).toHaveLength(all.length);
  });

  it('asks the filter with table, link, protocol and length before it decodes', () => {
    const asked: unknown[] = [];
    const filter: RouteFilter = (...question) => {
      asked.push(question);
      return false;
    };
    const routes = [...captured].filter(([command]) => command.includes('route')).map(([, bytes]) => bytes);
    expect(decode(Buffer.concat(routes), filter).every((event) => event === null || event.kind !== 'route')).toBe(true);
    expect(asked).toContainEqual([4, 10001, 3, expect.any(Number), expect.any(Number)]);
    expect(asked).toContainEqual([4, 254, null, expect.any(Number), expect.any(Number)]);
    expect(asked).toContainEqual([6, 10001, 3, expect.any(Number), expect.any(Number)]);
  });

  it('refuses every truncation with an error, and hangs on none', () => {
    for (const bytes of captured.values()) {
      for (let length = 1; length < bytes.length; length += 3)
        expect(() => decode(bytes.subarray(0, length))).toThrow();
    }
  });

  it.each([
    ['FRA_L3MDEV', '200000002000000000000000000000000a404000fe0000010000000004001300'],
    ['FRA_PROTOCOL', '200000002000000000000000000000000a404000fe0000010000000004001500'],
    ['IFA_PROTO', '1c00000014000000000000000000000002200000'.concat('00000000', '04000b00')],
  ])('refuses %s without a value, as npm run fuzz found', (_name, hex) => {
    expect(() => decode(Buffer.from(hex, 'hex'))).toThrow(expect.objectContaining({ name: 'DecodeError' }));
  });

  it('survives any bit flip: an event, nothing, or an error', () => {
    for (const bytes of captured.values()) {
      for (let index = 0; index < Math.min(bytes.length, 400); index++) {
        const broken = Buffer.from(bytes);
        broken[index] = (broken[index] ?? 0) ^ 0xff;
        try {
          decode(broken);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }
    }
  });
});
