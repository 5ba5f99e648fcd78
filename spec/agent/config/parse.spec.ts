import { describe, expect, it } from '@jest/globals';
import { defaultConfig } from '../../../agent/config/defaults.ts';
import { formatConfig } from '../../../agent/config/format.ts';
import { parseConfig } from '../../../agent/config/parse.ts';
import { describeSchema } from '../../../agent/config/schema.ts';

const full = `
imds: { endpoints: ["http://10.0.0.1:8080/"], interval: 5m, timeout: 250ms, wakeOnTraffic: true }
drivers: [veth]
networkd: { unitDirectory: /tmp/network/, prefix: "50-enid" }
runtimeDirectory: /tmp/enid
metrics: { listen: "unix:/run/enid/metrics", textfile: /run/enid/enid.prom }
hostname: true
replies: on
interfaces:
  - match: { mac: 06:53:E1:D8:F9:29, subnet: 2001:DB8:0:0::/64 }
    manage: rules
    addresses: { exclude: [10.0.1.5/32] }
    table: 100
    vrf: null
    sources: [172.18.0.0/16]
    routes: [{ to: 10.9.0.0/16 }, { to: 2001:db8:9::/48, via: "fe80::1", table: own }]
    select: [{ users: "1000" }, { mark: "0x10/0xff", to: 203.0.113.0/24 }]
  - {}
`;

describe('parseConfig', () => {
  it.each(['', '# nothing\n', '{}', '---\n', 'interfaces: []'])('takes the defaults from %j', (text) => {
    expect(parseConfig(text, 'f')).toEqual(defaultConfig);
  });

  it('reads every kind of value', () => {
    expect(parseConfig(full, 'f')).toEqual({
      imds: { endpoints: ['http://10.0.0.1:8080'], intervalMs: 300_000, timeoutMs: 250, wakeOnTraffic: true },
      drivers: ['veth'],
      networkd: { unitDirectory: '/tmp/network', prefix: '50-enid' },
      runtimeDirectory: '/tmp/enid',
      metricsListen: 'unix:/run/enid/metrics',
      metricsTextfile: '/run/enid/enid.prom',
      hostname: true,
      replies: 'on',
      interfaces: [
        {
          match: { mac: '06:53:e1:d8:f9:29', subnet: '2001:db8::/64' },
          policy: {
            manage: 'rules',
            exclude: ['10.0.1.5/32'],
            table: 100,
            vrf: null,
            sources: ['172.18.0.0/16'],
            routes: [
              { to: '10.9.0.0/16', via: null, table: 'both' },
              { to: '2001:db8:9::/48', via: 'fe80::1', table: 'own' },
            ],
            select: [
              { to: null, mark: null, users: { first: 1000, last: 1000 } },
              { to: '203.0.113.0/24', mark: { value: 16, mask: 255 }, users: null },
            ],
          },
        },
        { match: {}, policy: {} },
      ],
    });
  });

  it('takes anchors', () => {
    const text = 'interfaces:\n  - match: &m { device: 1 }\n  - match: *m\n';
    expect(parseConfig(text, 'f').interfaces.map(({ match }) => match)).toEqual([{ device: 1 }, { device: 1 }]);
  });

  it.each([
    ['imds:\n  intervall: 60s', 'f:2: imds.intervall: unknown key: did you mean `interval`?'],
    ['idms: {}', 'f:1: idms: unknown key: did you mean `imds`?'],
    ['interfaces:\n- match: {}\n  mangae: full', 'f:3: interfaces[0].mangae: unknown key: did you mean `manage`?'],
    [
      'interfaces:\n- match:\n    zone: 1',
      'f:3: interfaces[0].match.zone: unknown key: expected one of eni, mac, device, card, name, subnet, driver, tag',
    ],
    ['imds:\n  interval: 1s', 'f:2: imds.interval: expected a duration from 5s to 1h, such as 60s, got "1s"'],
    ['imds: {interval: 60}', 'f:1: imds.interval: expected a duration from 5s to 1h, such as 60s, got 60; write `60s`'],
    ['imds:\n', 'f:1: imds: expected a mapping of keys to values, got nothing'],
    ['- a', 'f:1: expected a mapping of keys to values, got a list'],
    ['hostname: yes', 'f:1: hostname: expected `true` or `false`, got "yes"; write `true`'],
    [
      'networkd:\n  prefix: 70',
      'f:2: networkd.prefix: expected text in quotes that file names begin with, such as "70", got 70; write `"70"` in quotes',
    ],
    ['drivers: []', 'f:1: drivers: expected a list of 1 to 32 entries, got a list'],
    ['drivers: ena', 'f:1: drivers: expected a list of 1 to 32 entries, got "ena"; write `[ena]`'],
    [
      '\ninterfaces:\n- rules: classics',
      'f:3: interfaces[0].rules: expected one of `standard`, `classic`, `none`, got "classics"; did you mean `classic`?',
    ],
    [
      'interfaces:\n- addresses: {exclude: [10.0.1.5/24]}',
      'f:2: interfaces[0].addresses.exclude[0]: expected a prefix without host bits, such as 10.0.1.5/32, got "10.0.1.5/24"; write `10.0.1.0/24`',
    ],
    [
      'interfaces: [{routes: [{to: 10.9.0.0/16, via: "fe80::1"}]}]',
      'f:1: interfaces[0].routes[0]: expected `to` and `via` of one family, got a mapping',
    ],
    [
      'interfaces: [{select: [{}]}]',
      'f:1: interfaces[0].select[0]: expected at least one of `to`, `mark` and `users`, got a mapping',
    ],
    [
      'interfaces: [{select: [{users: "5-3"}]}]',
      'f:1: interfaces[0].select[0].users: expected a user id such as "1000", or a range "1000-1010", got "5-3"',
    ],
    [
      'interfaces: [{select: [{mark: "0x10/0"}]}]',
      'f:1: interfaces[0].select[0].mark: expected a mark such as "0x10", or with a mask "0x10/0xff", got "0x10/0"',
    ],
    [
      'interfaces: [{select: [{user: "5", to: 10.9.0.0/16}]}]',
      'f:1: interfaces[0].select[0].user: unknown key: did you mean `users`?',
    ],
    [
      'interfaces: [{table: 254}]',
      'f:1: interfaces[0].table: expected a whole number from 1 to 4294967295 other than 253, 254 and 255, got 254',
    ],
    ['interfaces: [{mtu: 1e9}]', 'f:1: interfaces[0].mtu: expected a whole number from 576 to 65535, got 1000000000'],
    [
      'interfaces: [{match: {mac: "06:53"}}]',
      'f:1: interfaces[0].match.mac: expected a MAC such as 06:53:e1:d8:f9:29, got "06:53"',
    ],
    ['runtimeDirectory: ../x', 'f:1: runtimeDirectory: expected an absolute path of a directory, got "../x"'],
    [
      'imds: {endpoints: ["file:///etc/passwd"]}',
      'f:1: imds.endpoints[0]: expected an http:// URL of a host, without a path, got "file:///etc/passwd"',
    ],
    [
      'metrics: {textfile: enid.prom}',
      'f:1: metrics.textfile: expected null or an absolute path that ends with .prom, got "enid.prom"',
    ],
    [
      'metrics: {listen: "1.2.3.4:99999"}',
      'f:1: metrics.listen: expected null, an address and port such as "127.0.0.1:9469", or "unix:/path", got "1.2.3.4:99999"',
    ],
    [
      'interfaces: [{sources: [172.18.0.1/16]}]',
      'f:1: interfaces[0].sources[0]: expected a prefix without host bits, such as 10.0.1.5/32, got "172.18.0.1/16"; write `172.18.0.0/16`',
    ],
    [
      'interfaces: [{routes: [{to: default}]}]',
      'f:1: interfaces[0].routes[0].to: expected a prefix without host bits, such as 10.0.1.5/32, got "default"; write `0.0.0.0/0` or `"::/0"`',
    ],
    [
      'interfaces: [{select: [{mark: 0x6}]}]',
      'f:1: interfaces[0].select[0].mark: expected a mark such as "0x10", or with a mask "0x10/0xff", got 6; write `"0x6"` in quotes',
    ],
    [
      'imds: {endpoints: [169.254.169.254]}',
      'f:1: imds.endpoints[0]: expected an http:// URL of a host, without a path, got "169.254.169.254"; write `"http://169.254.169.254"`',
    ],
    ['hostname: 1\nimds: 2\nx: 3', 'f:1: hostname: expected `true` or `false`, got 1 (and 2 more)'],
  ])('refuses %j', (text, message) => {
    expect(() => parseConfig(text, 'f')).toThrow(
      expect.objectContaining({ name: 'ConfigError', code: 'invalid-config', subject: 'f', message }),
    );
  });

  it.each([
    ['a: 1\nb: [', /^f:\d: expected YAML: /],
    [
      'hostname: true\nhostname: false',
      /^f:2: hostname: expected each key once, got the same one again; remove one of the two$/,
    ],
    ['a: 1\n---\nb: 2', /^f:3: expected one document, got a second one$/],
    ['a: *nowhere', /^f:1: expected YAML/],
    ['[1, 2]: x', /^f:1: expected YAML/],
    [
      'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]',
      /^f:1: expected YAML of a bounded size: /,
    ],
    ['['.repeat(100_000), /^f:1: expected at most 32 levels$/],
  ])('refuses %.40j as YAML', (text, message) => {
    expect(() => parseConfig(text, 'f')).toThrow(
      expect.objectContaining({ code: 'invalid-yaml', message: expect.stringMatching(message) }),
    );
  });

  it('refuses a file that is too long to be one', () => {
    expect(() => parseConfig(`# ${'x'.repeat(2 << 20)}`, 'f')).toThrow(/^f:1: expected at most 262144 bytes$/);
  });
});

describe('formatConfig', () => {
  it.each(['', full])('is read back to the same', (text) => {
    const config = parseConfig(text, 'f');
    expect(parseConfig(formatConfig(config), 'f')).toEqual(config);
  });
});

describe('describeSchema', () => {
  it('gives keys, types, expectations and defaults', () => {
    expect(describeSchema()).toMatchObject({
      type: 'object',
      additionalProperties: false,
      properties: {
        imds: { properties: { interval: { type: 'string', default: '1m', description: expect.any(String) } } },
        interfaces: { items: { properties: { manage: { enum: ['full', 'rules', 'names', 'none'] } } } },
      },
    });
  });
});
