/**
 * Each check of `enid doctor`: a healthy host has nothing to say, and each ailment is found with
 * what to do.
 */

import { describe, expect, it } from '@jest/globals';
import { computeExitCode, diagnose, type Patient } from '../../../../agent/decide/explain/diagnose.ts';
import type { DesiredRule, HostFacts, NetworkdState, Rule } from '../../../../agent/model.ts';
import { makeDesiredEni, makeLink } from '../../../../fixtures/model/records.ts';

const facts: HostFacts = {
  kernelRelease: '6.1.0-28-cloud-amd64',
  programs: [],
  files: [],
  manageForeignRoutes: 'no',
  manageForeignRules: 'no',
  reversePathFilters: { all: 0, ens5: 2, ens6: 0 },
  metadataWays: [
    { linkName: 'ens5', localAddress: '10.0.1.10', endpoint: 'http://169.254.169.254', failure: null },
    { linkName: 'ens5', localAddress: '2001:db8::1', endpoint: 'http://[fd00:ec2::254]', failure: 'timeout' },
  ],
  daemon: { processId: 17, hasNetAdmin: true },
};
const rule: DesiredRule = {
  family: 4,
  priority: 20_001,
  source: '10.0.2.0/24',
  destination: null,
  mark: null,
  users: null,
  inputInterface: 'lo',
  table: 10_001,
  suppressPrefixLength: null,
  suppressGroup: null,
};
const eni = makeDesiredEni({
  ...{ mac: '06:00:00:00:00:02', eniId: 'eni-2', linkIndex: 3, linkName: 'ens6' },
  ...{ tableId: 10_001, metric: 513, rules: [rule] },
});
const report = {
  mac: eni.mac,
  eni: null,
  linkIndex: 3,
  linkName: 'ens6',
  isPrimary: false,
  state: { kind: 'configured' },
} as const;

function makePatient(changes: Partial<Patient> = {}, factChanges: Partial<HostFacts> = {}): Patient {
  return {
    facts: { ...facts, ...factChanges },
    networkd: { kind: 'present', version: 257, links: [] },
    kernel: { links: [], addresses: [], routes: [], rules: [makeRule({}), ...mainRules], drivers: new Map() },
    desired: { enis: [eni], reports: [report], unknownMacs: [], provisional: [] },
    warnings: [],
    changes: [],
    conflicts: [],
    configuration: { faults: [], cautions: [], files: [], isInForce: true },
    memory: null,
    ways: {
      list: { questions: [], sourceCount: 0, wayCount: 0, omittedCount: 0, missing: [] },
      judged: [],
    },
    snapshot: { primaryMac: eni.mac, enis: [], instanceId: null },
    ...changes,
  };
}

function makeRule(changes: Partial<Rule>): Rule {
  return { ...rule, outputInterface: null, action: 1, protocol: 4, isComplex: false, ...changes };
}

/** As the kernel makes them. */
const mainRules = ([4, 6] as const).map((family) =>
  makeRule({ ...{ family, priority: 32_766, source: null, inputInterface: null, table: 254 }, protocol: 2 }),
);

function ailments(patient: Patient): string[] {
  return diagnose(patient)
    .filter(({ severity }) => severity !== 'ok')
    .map(({ check, severity }) => `${severity} ${check}`);
}

describe('a host', () => {
  it('that is healthy: every check says so', () => {
    const findings = diagnose(makePatient());
    expect(findings.map(({ severity, message }) => `${severity} ${message}`)).toEqual(
      findings.map(({ message }) => `ok ${message}`),
    );
    expect(new Set(findings.map(({ check }) => check)).size).toBe(18);
    expect(computeExitCode(findings)).toBe(0);
  });

  const networkd = (state: Partial<NetworkdState>) =>
    makePatient({ networkd: { kind: 'present', version: 257, links: [], ...state } as NetworkdState });
  const cases: [string, Patient, string[]][] = [
    [
      'a rule that is missing',
      makePatient({ changes: [{ mac: eni.mac, linkName: 'ens6', reason: 'missing', kind: 'add-rule', rule }] }),
      ['warning enis', 'warning drift'],
    ],
    [
      'tags that are asked for and not offered',
      makePatient({ snapshot: { primaryMac: eni.mac, enis: [], instanceId: null, tags: null } }),
      ['warning tags'],
    ],
    [
      'the kernel’s own rules flushed',
      makePatient({ kernel: { links: [], addresses: [], routes: [], rules: [makeRule({})], drivers: new Map() } }),
      ['error rules', 'error rules'],
    ],
    [
      'the kernel’s own rules flushed, on a kernel without IPv6',
      makePatient({
        kernel: { links: [], addresses: [], routes: [], rules: [], drivers: new Map(), lacksIpv6: true },
      }),
      ['error rules', 'info kernel'],
    ],
    ['no daemon', makePatient({}, { daemon: null }), ['error daemon']],
    [
      'a daemon without the capability',
      makePatient({}, { daemon: { processId: 1, hasNetAdmin: false } }),
      ['error daemon'],
    ],
    ['a capability that cannot be read', makePatient({}, { daemon: { processId: 1, hasNetAdmin: null } }), []],
    ['no networkd', networkd({ kind: 'absent' }), ['error networkd']],
    ['a bus that is silent', networkd({ kind: 'unknown' }), ['error networkd']],
    ['systemd 249', networkd({ version: 249 }), ['error networkd']],
    ['systemd 252', networkd({ version: 252 }), ['info networkd']],
    ['systemd 256', networkd({ version: 256 }), ['info networkd']],
    ['systemd of unknown version', networkd({ version: null }), ['info networkd']],
    ['foreign routes not spared', makePatient({}, { manageForeignRoutes: null }), ['warning networkd.conf']],
    ['foreign rules not spared', makePatient({}, { manageForeignRules: 'yes' }), ['warning networkd.conf']],
    ['NetworkManager', makePatient({}, { programs: [{ name: 'NetworkManager', processId: 9 }] }), ['warning programs']],
    ['netplan', makePatient({}, { files: ['/etc/netplan/01-net.yaml'] }), ['warning files']],
    [
      'nm-cloud-setup',
      makePatient({}, { files: ['/etc/systemd/system/timers.target.wants/nm-cloud-setup.timer'] }),
      ['warning files'],
    ],
    ["systemd's lock of the metadata service", makePatient({}, { imdsNetwork: 'locked' }), ['warning imds network']],
    [
      'the IPv4 service dead on one ENI',
      makePatient(
        {},
        {
          metadataWays: [
            ...facts.metadataWays,
            { linkName: 'ens6', localAddress: '10.0.2.20', endpoint: 'http://169.254.169.254', failure: 'timeout' },
          ],
        },
      ),
      ['warning metadata'],
    ],
    ['the service dead', makePatient({}, { metadataWays: facts.metadataWays.slice(1) }), ['error metadata']],
    [
      'an ENI degraded',
      makePatient({
        desired: {
          enis: [eni],
          reports: [{ ...report, state: { kind: 'degraded', reason: 'x' } }],
          unknownMacs: [],
          provisional: [],
        },
      }),
      ['error enis'],
    ],
    [
      'two ENIs with one table',
      makePatient({
        desired: {
          enis: [eni, { ...eni, metric: 514, linkName: 'ens7', rules: [] }],
          reports: [],
          unknownMacs: [],
          provisional: [],
        },
      }),
      ['error numbers'],
    ],
    [
      'strict filters on several links',
      makePatient({}, { reversePathFilters: { all: 1, ens5: 0, ens6: 2 } }),
      ['warning rp_filter'],
    ],
    [
      'a strict filter on the only link',
      makePatient({}, { reversePathFilters: { all: 1, ens5: 0 } }),
      ['info rp_filter'],
    ],
    ['an old kernel', makePatient({}, { kernelRelease: '5.10.0-33-amd64' }), ['info kernel']],
  ];
  it.each(cases)('with %s', (_what, patient, expected) => {
    expect(ailments(patient)).toEqual(expected);
  });

  it("with another program's rules among enid's, at its priority or into its table", () => {
    const kernel = makePatient().kernel;
    const others = [makeRule({ source: '10.0.9.0/24', protocol: 3 }), makeRule({ priority: 50, protocol: 3 })];
    const elsewhere = [makeRule({ priority: 50, table: 77, protocol: 3 }), makeRule({ priority: 51, protocol: 236 })];
    const patient = makePatient({ kernel: { ...kernel, rules: [...kernel.rules, ...others, ...elsewhere] } });
    expect(ailments(patient)).toEqual(['warning rules', 'warning rules']);
  });
});

describe('a metadata service that does not answer', () => {
  const silent = (failure: string | null, rest: Partial<HostFacts> = {}) =>
    makePatient(
      {},
      {
        metadataWays:
          failure === null
            ? []
            : [{ linkName: 'ens5', localAddress: '10.0.1.10', endpoint: 'http://169.254.169.254', failure }],
        ...rest,
      },
    );
  const advise = (patient: Patient) => diagnose(patient).find(({ check }) => check === 'metadata')?.advice;

  it('is switched off where it says 403: the advice can be pasted', () => {
    expect(advise(silent('status 403', { instanceId: 'i-0a1b2c3d4e5f60001' }))).toMatch(
      /^aws ec2 modify-instance-metadata-options --instance-id i-0a1b2c3d4e5f60001 --http-endpoint enabled; /,
    );
    const known = { ...silent('status 403'), snapshot: { primaryMac: eni.mac, enis: [], instanceId: 'i-7' } };
    expect(advise(known)).toContain('--instance-id i-7 ');
  });

  it.each(['status 503', 'status 500', 'status 429'])('is not switched off where it says %s', (failure) => {
    expect(advise(silent(failure))).not.toContain('--http-endpoint');
  });

  it('offers its tags by a line that can be pasted', () => {
    const snapshot = { primaryMac: eni.mac, enis: [], instanceId: 'i-7', tags: null };
    const finding = diagnose(makePatient({ snapshot })).find(({ check }) => check === 'tags');
    expect(finding?.advice).toBe(
      'aws ec2 modify-instance-metadata-options --instance-id i-7 --instance-metadata-tags enabled',
    );
  });

  it("is no matter where the primary's link has no network file, as in an image with another machine's MAC", () => {
    const path = '/etc/systemd/network/80-ec2.network.d/primary.conf';
    const strangeMacs = [{ path, mac: '06:00:00:00:00:99' }];
    const link = makeLink({ index: 3, name: 'ens6', mac: eni.mac });
    const patient: Patient = {
      ...silent(null, { strangeMacs }),
      networkd: {
        kind: 'present',
        version: 252,
        links: [{ linkIndex: 3, networkFile: null, setupState: 'unmanaged' }],
      },
      kernel: { ...makePatient().kernel, links: [link] },
      snapshot: null,
    };
    const findings = diagnose(patient);
    const found = findings.find(({ message }) => message.startsWith("the primary's link has no network file: ens6"));
    expect(found).toMatchObject({
      severity: 'error',
      advice: expect.stringContaining(`${path} matches 06:00:00:00:00:99`),
    });
    expect(findings.map(({ advice }) => advice ?? '').join()).not.toContain('--http-endpoint');
    // Without such a file it is networkd that is asked.
    const bare = diagnose({ ...patient, facts: { ...patient.facts, strangeMacs: [] } });
    expect(bare.find(({ message }) => message === found?.message)?.advice).toContain('networkctl status ens6');
  });

  it("is no matter where the primary's link is called as no file asks for, as on another instance type", () => {
    const path = '/etc/systemd/network/50-primary.network';
    const strangeNames = ['ens5', 'device-number-0'].map((name) => ({ path, name }));
    const link = { ...makeLink({ index: 3, name: 'enp39s0', mac: eni.mac }), altNames: ['device-number-0'] };
    const patient: Patient = {
      ...silent(null, { strangeNames }),
      networkd: {
        kind: 'present',
        version: 252,
        links: [{ linkIndex: 3, networkFile: null, setupState: 'unmanaged' }],
      },
      kernel: { ...makePatient().kernel, links: [link] },
      snapshot: null,
    };
    const text = JSON.stringify(diagnose(patient));
    expect(text).toContain(`${path} matches ens5, which no link here has`);
    expect(text).not.toMatch(/matches device-number-0|--http-endpoint/);
    // A host that is well has such files for links that are yet to come.
    expect(ailments(makePatient({}, { strangeNames }))).toEqual([]);
  });

  it.each([
    ['timeout', /ens6 has its addresses by \/etc\/systemd\/network\/10-static.network: are they this instance's/],
    ['status 503', /refuses for now/],
    ['status 403', /--http-endpoint enabled/],
  ])('is asked from addresses that an image may have brought, where a file in /etc gives them: %s', (failure, want) => {
    const networkFile = '/etc/systemd/network/10-static.network';
    const patient: Patient = {
      ...silent(failure),
      networkd: { kind: 'present', version: 257, links: [{ linkIndex: 3, networkFile, setupState: 'configured' }] },
      kernel: { ...makePatient().kernel, links: [makeLink({ index: 3, name: 'ens6', mac: eni.mac })] },
      snapshot: null,
    };
    expect(advise(patient)).toMatch(want);
    if (failure !== 'status 403') expect(JSON.stringify(diagnose(patient))).not.toContain('--http-endpoint');
  });
});

it('tells severity by the exit code, and advice with each warning and error', () => {
  const ill = diagnose(makePatient({}, { daemon: null, programs: [{ name: 'dhcpcd', processId: 9 }] }));
  expect(computeExitCode(ill)).toBe(3);
  expect(computeExitCode(ill.filter(({ severity }) => severity !== 'error'))).toBe(2);
  for (const { severity, advice } of ill) {
    if (severity === 'warning' || severity === 'error') expect(advice).not.toBeNull();
  }
});

it.each([
  ['refused files', { faults: ['f:1: x: bad', 'f:2: y: bad'], isInForce: null }, ['error', 'error']],
  ['files that were not read yet', { isInForce: false }, ['warning']],
  ['an entry without effect', { cautions: ['f:3: interfaces[1]: without effect'] }, ['warning']],
  ['no daemon', { isInForce: null }, ['ok']],
  ['files in force', {}, ['ok']],
])('configuration: %s', (_name, change, severities) => {
  const configuration = { faults: [], cautions: [], files: ['f'], isInForce: true, ...change };
  const findings = diagnose(makePatient({ configuration })).filter(({ check }) => check === 'configuration');
  expect(findings.map(({ severity }) => severity)).toEqual(severities);
});

const memory = { enis: [], metadataAgeMs: 30_000, metadataFailure: null, metadataIntervalMs: 60_000 };
const row = { link: 'ens6', mac: eni.mac, recurringRepairs: [], lastFight: null };
const repeated = { command: 'ip rule add pref 20001', count: 7 };

it.each([
  ['nothing', {}, [['repairs', 'ok', 'no repair that recurs']]],
  [
    'a repair that recurs',
    { enis: [{ ...row, recurringRepairs: [repeated] }] },
    [['repairs', 'warning', 'repaired 7 times']],
  ],
  [
    'a fight, which is told once',
    { enis: [{ ...row, recurringRepairs: [repeated], lastFight: repeated }] },
    [['repairs', 'error', 'keeps undoing `ip rule add pref 20001`']],
  ],
  [
    'a read that failed',
    { metadataFailure: 'got 503' },
    [
      ['repairs', 'ok', ''],
      ['metadata', 'warning', 'not fresh: last read 30 s ago: got 503'],
    ],
  ],
  [
    'metadata that is stale',
    { metadataAgeMs: 200_000 },
    [
      ['repairs', 'ok', ''],
      ['metadata', 'error', 'stale: last read 200 s ago'],
    ],
  ],
  [
    'metadata that was never read',
    { metadataAgeMs: null, metadataFailure: 'x' },
    [
      ['repairs', 'ok', ''],
      ['metadata', 'error', 'never read: x'],
    ],
  ],
] as const)('what the daemon remembers: %s', (_name, change, expected) => {
  const findings = diagnose(makePatient({ memory: { ...memory, ...change } }));
  const ofMemory = findings.filter(
    ({ check, message }) => check === 'repairs' || message.startsWith('the daemon goes by'),
  );
  expect(ofMemory.map(({ check, severity }) => [check, severity])).toEqual(
    expected.map(([check, severity]) => [check, severity]),
  );
  for (const [index, [, , text]] of expected.entries()) expect(ofMemory[index]?.message).toContain(text);
});

describe('published ports', () => {
  const sources = { 4: new Map([['10.0.2.0/30', 'eni10001']]), 6: new Map([['2001:db8::/80', 'eni10001']]) };
  const desired = { enis: [eni], reports: [report], unknownMacs: [], provisional: [] };
  const marked = { desired: { ...desired, replies: { chains: new Map([['eni10001', 0x1002]]), sources } } };
  const ofReplies = (patient: Patient) => diagnose(patient).filter(({ check }) => check === 'replies');

  it('have no finding where replies are not marked, and one where all is well', () => {
    expect(ofReplies(makePatient({}, { reversePathFilters: { all: 1, ens6: 0 } }))).toEqual([]);
    expect(ofReplies(makePatient(marked)).map(({ severity }) => severity)).toEqual(['ok']);
  });

  it.each<[string, Partial<HostFacts>, RegExp, RegExp]>([
    ['a strict filter of the link', { reversePathFilters: { all: 0, ens6: 1 } }, /ens6/, /ens6\.rp_filter=2/],
    ['a strict filter of all', { reversePathFilters: { all: 1, ens6: 0 } }, /ens6/, /reversePathFilter: loose/],
    ['firewalld', { ipv6ReversePathFilter: 'strict' }, /firewalld/, /IPv6_rpfilter=no in/],
  ])('are dropped on arrival by %s', (_name, changes, message, advice) => {
    const [finding, ...others] = ofReplies(makePatient(marked, changes));
    expect(others).toEqual([]);
    expect(finding?.severity).toBe('warning');
    expect(finding?.message).toMatch(message);
    expect(finding?.advice).toMatch(advice);
  });

  it.each<Partial<HostFacts>>([{ reversePathFilters: { all: 1, ens6: 2 } }, { ipv6ReversePathFilter: 'other' }])(
    'are not by %j',
    (changes) => {
      expect(ofReplies(makePatient(marked, changes)).map(({ severity }) => severity)).toEqual(['ok']);
    },
  );
});
