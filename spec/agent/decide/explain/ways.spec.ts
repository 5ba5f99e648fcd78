/** Every way: which questions stand for all, and what doctor says of the answers. */

import { describe, expect, it } from '@jest/globals';
import { checkLinkGroups, checkWays } from '../../../../agent/decide/explain/check-ways.ts';
import type { Finding } from '../../../../agent/decide/explain/finding.ts';
import { judgeWays, listWays } from '../../../../agent/decide/explain/ways.ts';
import { enis, type HostChanges, makeHost, rulesBefore, wayRules } from './ways-host.ts';

function ask(changes: HostChanges = {}, mostQuestions?: number) {
  const host = makeHost(changes);
  const bound = mostQuestions === undefined ? {} : { mostQuestions };
  const list = listWays({ ...host, resolvers: ['10.0.0.2'], userId: 0, ...bound });
  const judged = judgeWays(host, list.questions, list.questions.map(host.answer));
  return { host, list, judged, findings: checkWays({ list, judged }, host) };
}

function sayAll(findings: readonly Finding[]): string[] {
  return findings.map(({ severity, message }) => `${severity} ${message}`);
}

describe('the questions', () => {
  it('one for the sources of an ENI that meet the same rules, to each kind of destination', () => {
    const { list } = ask();
    const lines = list.questions.map(
      ({ source, sourceCount, inputLink, kind, destination }) =>
        `${source} x${sourceCount} ${inputLink ?? 'sent'} ${kind} ${destination}`,
    );
    expect(lines).toEqual([
      '10.0.1.4 x2 sent far 192.0.2.1',
      '10.0.1.4 x2 sent own subnet 10.0.1.254',
      '10.0.1.4 x2 sent resolver 10.0.0.2',
      '10.0.1.4 x2 sent other subnet 10.0.2.254',
      '2001:db8:0:1::10 x1 sent far 2001:db8:ffff:ffff::1',
      '2001:db8:0:1::10 x1 sent own subnet 2001:db8:0:1:ffff:ffff:ffff:fffe',
      '2001:db8:0:1::10 x1 sent resolver fd00:ec2::253',
      '2001:db8:0:1::10 x1 sent other subnet 2001:db8:0:2:ffff:ffff:ffff:fffe',
      '10.0.2.4 x2 sent far 192.0.2.1',
      '10.0.2.4 x2 sent own subnet 10.0.2.254',
      '10.0.2.4 x2 sent resolver 10.0.0.2',
      '10.0.2.4 x2 sent other subnet 10.0.1.254',
      '2001:db8:0:2::20 x1 sent far 2001:db8:ffff:ffff::1',
      '2001:db8:0:2::20 x1 sent own subnet 2001:db8:0:2:ffff:ffff:ffff:fffe',
      '2001:db8:0:2::20 x1 sent resolver fd00:ec2::253',
      '2001:db8:0:2::20 x1 sent other subnet 2001:db8:0:1:ffff:ffff:ffff:fffe',
      // Of a prefix that nothing behind the host uses yet, as if it came in by the ENI itself.
      '10.0.2.66 x1 ens6 far 192.0.2.1',
      '10.0.2.66 x1 ens6 own subnet 10.0.2.254',
      '10.0.2.66 x1 ens6 resolver 10.0.0.2',
      '10.0.2.66 x1 ens6 other subnet 10.0.1.254',
    ]);
    expect(list).toMatchObject({ sourceCount: 7, wayCount: 28, omittedCount: 0, missing: [] });
  });

  it('apart for a source that another rule selects', () => {
    const { list } = ask({ rules: ['pref 9000 from 10.0.1.5/32 lookup 100'] });
    expect(new Set(list.questions.map(({ source }) => source))).toContain('10.0.1.5');
    // The same rule for each is no difference.
    const each = ['pref 9000 from 10.0.1.4/32 lookup 100', 'pref 9001 from 10.0.1.5/32 lookup 100'];
    expect(ask({ rules: each }).list.questions.length).toBe(20);
  });

  it('of a prefix behind the host by the link that leads there, and by none where the host has it itself', () => {
    const sourcesOf = (changes: HostChanges) =>
      ask(changes).list.questions.filter(({ source }) => source.startsWith('10.0.2.6') || source === '10.0.2.79');
    const [container] = sourcesOf({ routes: ['10.0.2.79/32 dev docker0 table main'] });
    expect(container).toMatchObject({ source: '10.0.2.79', inputLink: 'docker0' });
    const [bridge] = sourcesOf({ routes: ['10.0.2.64/28 dev docker0 table main proto 2'] });
    expect(bridge).toMatchObject({ source: '10.0.2.66', inputLink: 'docker0' });
  });

  it('to some of what other programs have routes for in the ENIs’ tables and by ENIs in main', () => {
    const routedOf = (...routes: string[]) => [
      ...new Set(
        ask({ routes }).list.questions.flatMap(({ kind, destination }) => (kind === 'routed' ? destination : [])),
      ),
    ];
    expect(
      routedOf(
        '203.0.113.0/24 via 10.0.2.9 dev ens6 table main',
        '198.51.100.7/32 via 10.0.1.1 dev ens5 table 10001',
        '2001:db8:77::/48 via fe80::9 dev ens5 table 10001',
        '10.88.0.0/16 dev docker0 table main',
        '10.89.0.0/16 dev ens5 table 100',
        '224.0.0.0/4 dev ens5 table main',
      ),
    ).toEqual(['198.51.100.7', '203.0.113.254', '2001:db8:77:ffff:ffff:ffff:ffff:fffe']);
    // A routing daemon's.
    const many = Array.from(
      { length: 1_000 },
      (_, n) => `100.64.${n >> 8}.${n & 255}/32 via 10.0.2.9 dev ens6 table main`,
    );
    expect(routedOf(...many)).toHaveLength(8);
  });

  it('never to an address that an ENI has or that a prefix covers, and to none in a subnet that is full', () => {
    const { list } = ask();
    const near = list.questions.filter(({ kind }) => kind.endsWith('subnet')).map(({ destination }) => destination);
    for (const { ipv4Addresses, ipv6Addresses } of enis)
      expect(near.filter((one) => [...ipv4Addresses, ...ipv6Addresses].includes(one))).toEqual([]);
  });

  it('on 64 ENIs with 100 addresses and a rule each: some thousand at most, and each subnet is asked about by some', () => {
    const { kernel, desired } = makeLargeHost(64, 100);
    const list = listWays({ kernel, desired, resolvers: [], userId: 0 });
    expect(list.sourceCount).toBe(6_400);
    expect(list.questions.length).toBeLessThanOrEqual(4_096);
    const few = listWays({ kernel, desired, resolvers: [], userId: 0, mostQuestions: 400 });
    expect(few.questions.length).toBeLessThanOrEqual(400);
    expect(few.wayCount + few.omittedCount).toBe(list.wayCount + list.omittedCount);
    const asked = new Set(
      few.questions.filter(({ kind }) => kind === 'other subnet').map(({ destination }) => destination),
    );
    expect(asked.size).toBe(64);
    // 1.5 s on an idle machine.
  }, 20_000);
});

/** One rule for each address, as amazon-ec2-net-utils makes them. */
function makeLargeHost(eniCount: number, addressCount: number) {
  const host = makeHost();
  const [template] = host.kernel.rules;
  const [first] = host.kernel.addresses;
  const [report] = host.desired.reports;
  if (template === undefined || first === undefined || report?.eni == null) throw new Error('expected a host');
  const { eni } = report;
  const numbers = Array.from({ length: eniCount }, (_, index) => index);
  const addressesOf = (number: number) =>
    Array.from({ length: addressCount }, (_, index) => `10.1.${number}.${index + 4}`);
  const reports = numbers.map((number) => ({
    ...{ ...report, mac: `eni ${number}`, linkIndex: number + 10, linkName: `ens${number}` },
    eni: {
      ...{ ...eni, ipv4Addresses: addressesOf(number), ipv6Addresses: [], subnetIpv6: [] },
      subnetIpv4: `10.1.${number}.0/24`,
    },
  }));
  const held = numbers.flatMap((number) => addressesOf(number).map((address) => ({ address, number })));
  const kernel = {
    ...host.kernel,
    addresses: held.map(({ address, number }) => ({ ...first, address, linkIndex: number + 10 })),
    rules: held.map(({ address, number }) => ({
      ...{ ...template, source: `${address}/32`, priority: 10_000 + number, table: 10_000 + number },
    })),
  };
  return { kernel, desired: { ...host.desired, reports, enis: [] } };
}

describe('doctor', () => {
  it('on a healthy host: one line', () => {
    expect(sayAll(ask().findings)).toEqual([
      'ok 28 ways from 7 sources: each leaves by the ENI that owns its source (20 look-ups: sources that meet the same rules share one)',
    ]);
  });

  it.each<[string, HostChanges, string[], string[]]>([
    [
      'the rules of enid 0.1.0: the routes of other ENIs that win, and those of the primary',
      { enidRules: rulesBefore },
      [
        'error route 10.0.0.2/32 via 10.0.1.1 dev ens5 table main metric 512, protocol dhcp: EC2 drops 3 of 28 ways: 10.0.2.4 of ens6 → 10.0.0.2 (resolver) leaves by ens5; 10.0.2.66 of ens6 → 10.0.0.2 (resolver) leaves by ens5',
        'error route 10.0.1.0/24 dev ens5 table main metric 512, protocol kernel: EC2 drops 3 of 28 ways: 10.0.2.4 of ens6 → 10.0.1.254 (other subnet) leaves by ens5; 10.0.2.66 of ens6 → 10.0.1.254 (other subnet) leaves by ens5',
        'error route 10.0.2.0/24 dev ens6 table main metric 513, protocol kernel: EC2 drops 2 of 28 ways: 10.0.1.4 of ens5 → 10.0.2.254 (other subnet) leaves by ens6',
        'error route 2001:db8:0:2::/64 dev ens6 table main metric 513, protocol ra: EC2 drops 1 of 28 ways: 2001:db8:0:1::10 of ens5 → 2001:db8:0:2:ffff:ffff:ffff:fffe (other subnet) leaves by ens6',
        'error route 2001:db8:0:1::/64 dev ens5 table main metric 512, protocol ra: EC2 drops 1 of 28 ways: 2001:db8:0:2::20 of ens6 → 2001:db8:0:1:ffff:ffff:ffff:fffe (other subnet) leaves by ens5',
      ],
      ['link group'],
    ],
    [
      "another program's rule",
      {
        rules: ['pref 9000 from 10.0.2.4/32 lookup 100'],
        routes: ['default via 10.0.1.1 dev ens5 table 100'],
      },
      [
        'error rule pref 9000 from 10.0.2.4/32 lookup 100, protocol static: EC2 drops 4 of 28 ways: 10.0.2.4 of ens6 → 192.0.2.1 (far) leaves by ens5; 10.0.2.4 of ens6 → 10.0.2.254 (own subnet) leaves by ens5; 10.0.2.4 of ens6 → 10.0.0.2 (resolver) leaves by ens5; …',
      ],
      ['ip rule del pref 9000 from 10.0.2.4/32 lookup 100'],
    ],
    [
      "another program's route in an ENI's table, to where no other question goes",
      { routes: ['203.0.113.0/24 via 10.0.1.1 dev ens5 table 10001'] },
      [
        'error route 203.0.113.0/24 via 10.0.1.1 dev ens5 table 10001, protocol boot: EC2 drops 3 of 33 ways: 10.0.2.4 of ens6 → 203.0.113.254 (routed) leaves by ens5; 10.0.2.66 of ens6 → 203.0.113.254 (routed) leaves by ens5',
      ],
      ['ip route del 203.0.113.0/24 via 10.0.1.1 dev ens5 table 10001'],
    ],
    [
      'rules that are gone',
      { missingRules: wayRules.filter((text) => text.includes('10.0.2.4/31')) },
      [
        'error no rule leads sources of ens6 to its own routes: EC2 drops 6 of 28 ways: 10.0.2.4 of ens6 → 192.0.2.1 (far) leaves by ens5; 10.0.2.4 of ens6 → 10.0.0.2 (resolver) leaves by ens5; 10.0.2.4 of ens6 → 10.0.1.254 (other subnet) leaves by ens5',
      ],
      ['see `enid plan`'],
    ],
    [
      "an ENI in the operator's link group",
      { groups: { ens5: 7 } },
      [
        'error route 10.0.0.2/32 via 10.0.1.1 dev ens5 table main metric 512, protocol dhcp: EC2 drops 3 of 28 ways: 10.0.2.4 of ens6 → 10.0.0.2 (resolver) leaves by ens5; 10.0.2.66 of ens6 → 10.0.0.2 (resolver) leaves by ens5',
        'error route 10.0.1.0/24 dev ens5 table main metric 512, protocol kernel: EC2 drops 3 of 28 ways: 10.0.2.4 of ens6 → 10.0.1.254 (other subnet) leaves by ens5; 10.0.2.66 of ens6 → 10.0.1.254 (other subnet) leaves by ens5',
        'error route 2001:db8:0:1::/64 dev ens5 table main metric 512, protocol ra: EC2 drops 1 of 28 ways: 2001:db8:0:2::20 of ens6 → 2001:db8:0:1:ffff:ffff:ffff:fffe (other subnet) leaves by ens5',
      ],
      ['link groups'],
    ],
    [
      'a tunnel that another rule leads into: EC2 does not see it',
      {
        rules: ['pref 9000 from 10.0.2.4/31 lookup 100'],
        routes: ['default dev wg0 table 100'],
      },
      [
        'info 8 ways do not leave as enid wants: 10.0.2.4 of ens6 → 192.0.2.1 (far) leaves by wg0; 10.0.2.4 of ens6 → 10.0.2.254 (own subnet) leaves by wg0; 10.0.2.4 of ens6 → 10.0.0.2 (resolver) leaves by wg0; …',
      ],
      ['if not intended'],
    ],
    [
      'a host without forwarding: nothing is told of a prefix that nobody uses',
      { isForwarding: false },
      ['ok 28 ways from 7 sources: '],
      [''],
    ],
  ])('with %s', (_what, changes, expected, advised) => {
    const { findings } = ask(changes);
    const said = sayAll(findings);
    expect(
      said.map((line, index) => line.slice(0, expected[index]?.endsWith(': ') ? expected[index].length : undefined)),
    ).toEqual(expected);
    for (const { advice } of findings) expect(advice ?? '').toContain(advised[0] ?? '');
  });

  it('a route by no ENI is nothing to report, whoever made it', () => {
    expect(sayAll(ask({ routes: ['192.0.2.0/24 dev wg0 table main'] }).findings)[0]).toMatch(/^ok 28 ways/);
  });

  it('an ENI that enid does not look after: a warning, with the reason', () => {
    const host = makeHost({
      missingRules: wayRules,
      state: { kind: 'ignored', reason: 'manage: none in the configuration' },
    });
    const desired = { ...host.desired, enis: host.desired.enis.slice(0, 1) };
    const list = listWays({ kernel: host.kernel, desired, resolvers: [], userId: 0 });
    const known = { ...host, desired };
    const findings = checkWays(
      { list, judged: judgeWays(known, list.questions, list.questions.map(host.answer)) },
      known,
    );
    const [far] = findings.filter(({ message }) => message.includes('→ 192.0.2.1'));
    expect(far).toMatchObject({
      severity: 'warning',
      advice: expect.stringContaining('ens6 is ignored: manage: none'),
    });
  });

  it('the cached path MTU of another ENI, which no dump shows', () => {
    const rules = rulesBefore;
    const host = makeHost({ enidRules: rules });
    const packet = { source: '2001:db8:0:2::20', destination: '2001:db8:ffff::9', inputLink: null, userId: 0 };
    const main = host.kernel.routes.find(
      ({ destination, table, linkIndex }) => destination === '::/0' && table === 254 && linkIndex === 2,
    );
    if (main === undefined) throw new Error('expected the default route of ens5');
    const answer = { kind: 'route', route: { ...main, destination: '2001:db8:ffff::9/128' } } as const;
    const list = listWays({ ...host, resolvers: [], userId: 0 });
    const [first] = list.questions.filter(({ source, kind }) => source === packet.source && kind === 'far');
    if (first === undefined) throw new Error('expected a question');
    const question = { ...first, ...packet };
    const [finding] = checkWays({ list, judged: judgeWays(host, [question], [answer]) }, host);
    expect(finding?.message).toMatch(
      /^a cached path MTU of the route default via fe80::1 dev ens5 table main metric 512, protocol ra: /,
    );
    expect(finding?.advice).toContain('ip -6 route flush cache');
  });
});

describe('link groups', () => {
  const check = (changes: HostChanges) => sayAll(checkLinkGroups(makeHost(changes)));

  it.each<[string, HostChanges, string[]]>([
    ['all in order', {}, ['ok every ENI is in link group 236, and no other link']],
    [
      'rules that need none',
      { enidRules: rulesBefore, groups: { ens5: 7 } },
      ['ok no rule on this host depends on a link group'],
    ],
    [
      "an ENI in the operator's group",
      { groups: { ens5: 7 } },
      [
        "warning ens5 is in link group 7, not in 236: packets with other ENIs' sources may leave by it, to its subnet and to any other destination that main routes by it",
      ],
    ],
    [
      'an ENI that is in none yet, and a bridge that does not belong there',
      { groups: { ens6: 0, docker0: 236 } },
      [
        "warning ens6 is not in link group 236: packets with other ENIs' sources may leave by it, to its subnet and to any other destination that main routes by it",
        "warning docker0 is not an ENI but is in link group 236: ENIs' sources do not use the routes by it",
      ],
    ],
  ])('%s', (_what, changes, expected) => {
    expect(check(changes)).toEqual(expected);
  });
});
