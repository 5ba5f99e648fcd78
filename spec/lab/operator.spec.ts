/**
 * The operator's commands on the real kernel: explain, doctor, reload, status --watch, completion.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess, labConfig, program, runEnid } from '../../fixtures/enid-process.ts';
import { readKernel } from '../../fixtures/guest-state.ts';
import { alone, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';

let lab: Lab;

function enid(...args: string[]) {
  return runEnid(lab.vpc.guest, args);
}

beforeAll(async () => {
  lab = await openLab('operator', primary);
  for (const eni of [alone, sharing, withPrefixes]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

describe('enid status, plan and explain', () => {
  const ask = async (...args: string[]) => {
    const { stdout, stderr } = await enid(...args, '--json');
    return { ...JSON.parse(stdout), stderr };
  };

  it(
    'ask the daemon, which knows its repairs by kind',
    async () => {
      const { guest } = lab.vpc;
      const read = async () => (await ask('status')).enis.find(({ link }: { link: string }) => link === 'ens6').repairs;
      const before = await read();
      const linesBefore = lab.enid.lines.length;
      await guest.check(['ip', 'rule', 'del', 'pref', '20001', 'from', '10.0.2.0/24']);
      await guest.check(['ip', 'route', 'del', 'default', 'table', '10001']);
      await guest.check(['ip', 'address', 'del', '10.0.2.21/32', 'dev', 'ens6']);
      const count = (kind: string) => (before[kind] ?? 0) + 1;
      const wanted = { ...before, rule: count('rule'), route: count('route'), address: count('address') };
      await until('the repairs are counted', async () => JSON.stringify(await read()) === JSON.stringify(wanted));
      const { stdout, stderr } = await enid('status');
      expect(stderr).toBe('');
      expect(stdout).toMatch(/ens6 .* \d+s +\d+$/m);
      const wide = await enid('status', '-o', 'wide', '--full-time');
      expect(wide.stdout).toMatch(/ens6 .* \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC +\d+$/m);
      const repaired = lab.enid.lines.slice(linesBefore).filter((line) => line.includes('REPAIR='));
      const kinds = repaired.flatMap((line) => [...line.matchAll(/ REPAIR=(\w+)/g)].map(([, kind]) => kind));
      expect([...new Set(kinds)].sort()).toEqual(['address', 'route', 'rule']);
      expect(repaired.every((line) => /^info ens6 repaired: .*another program had removed or altered/.test(line))).toBe(
        true,
      );
      expect(await ask('plan')).toMatchObject({ daemon: true, changes: [], stderr: '' });
    },
    testMs,
  );

  it(
    'inspect the host themselves with --no-daemon, and if the files differ from the daemon’s configuration',
    async () => {
      expect(await ask('status', '--no-daemon')).toMatchObject({ daemon: false, stderr: '' });
      const { guest } = lab.vpc;
      await guest.writeFile('/etc/enid/config.yaml', `${labConfig}  - match: { device: 1 }\n    rules: classic\n`);
      const plan = await ask('plan');
      await guest.writeFile('/etc/enid/config.yaml', labConfig);
      expect(plan).toMatchObject({ daemon: false, stderr: expect.stringContaining('another configuration') });
      expect(plan.changes.map(({ command }: { command: string }) => command)).toContain(
        'ip rule add pref 10001 from 10.0.2.21/32 lookup 10001 protocol 236',
      );
    },
    testMs,
  );

  it(
    'report that no daemon is on the bus',
    async () => {
      const { daemon, ...asked } = await ask('explain', '10.0.2.21');
      expect(daemon).toBe(true);
      await lab.enid.stop();
      const { stderr, ...alone } = await ask('explain', '10.0.2.21');
      expect({ ...alone, stderr: '' }).toEqual({ ...asked, daemon: false });
      expect(stderr).toBe(
        'enid: enid is not running, or has only just started: showing a one-off inspection (no history)\n',
      );
      expect(await ask('status')).toMatchObject({ daemon: false, enis: expect.arrayContaining([]) });
      lab.enid = EnidProcess.start(lab.vpc.guest);
      await until('the daemon is back', async () => (await ask('status')).daemon);
    },
    testMs,
  );
});

it(
  'enid status ENI shows how long the kernel keeps each leased address',
  async () => {
    const forever = 0xffff_ffff;
    const ofKernel = async () => {
      const links = JSON.parse(await lab.vpc.guest.check(['ip', '-j', 'address', 'show', 'dev', 'ens6']));
      const found: { local: string; prefixlen: number; valid_life_time: number }[] = links[0].addr_info;
      return new Map(found.map((one) => [`${one.local}/${one.prefixlen}`, one.valid_life_time]));
    };
    // The files of enid have networkd keep a lease for good (KeepConfiguration=); others do not.
    const lifetime = ['valid_lft', '600', 'preferred_lft', '600'];
    await lab.vpc.guest.check(['ip', 'address', 'change', '10.0.2.20/24', 'dev', 'ens6', ...lifetime]);
    const before = await ofKernel();
    const { stdout } = await enid('status', 'ens6', '--json');
    const after = await ofKernel();
    const shown: { text: string; validLifetime: number | null }[] = JSON.parse(stdout).addressStates;
    expect(shown.map(({ text }) => text)).toEqual(expect.arrayContaining(['10.0.2.20/24', '10.0.2.21/32']));
    for (const { text, validLifetime } of shown) {
      expect([text, before.has(text)]).toEqual([text, true]);
      expect(validLifetime ?? forever).toBeLessThanOrEqual(before.get(text) ?? 0);
      expect(validLifetime ?? forever).toBeGreaterThanOrEqual(after.get(text) ?? forever);
    }
    const lifetimeOf = (text: string) => shown.find((one) => one.text === text)?.validLifetime;
    expect(lifetimeOf('10.0.2.20/24')).toBeGreaterThan(500);
    expect(lifetimeOf('10.0.2.20/24')).toBeLessThanOrEqual(600);
    expect(lifetimeOf('10.0.2.21/32')).toBeNull();
    expect((await enid('status', 'ens6')).stdout).toMatch(/10\.0\.2\.20\/24 {2}\(lease, valid for (?:9|10)m\)/);
    const stays = ['valid_lft', 'forever', 'preferred_lft', 'forever'];
    await lab.vpc.guest.check(['ip', 'address', 'change', '10.0.2.20/24', 'dev', 'ens6', ...stays]);
    expect((await enid('status', 'ens6')).stdout).toMatch(/10\.0\.2\.20\/24 {2}\(lease\)/);
  },
  testMs,
);

describe('enid explain', () => {
  it(
    'names rule, route, table, ENI and gateway of every source, and finds all of them right',
    async () => {
      const { stdout, code } = await enid('explain', '10.0.2.21');
      // The documentation shows just this.
      const docs = readFileSync(join(import.meta.dirname, '../../docs/commands.md'), 'utf8');
      expect(docs).toContain(`$ enid explain 10.0.2.21\n${stdout}\`\`\``);
      expect(stdout).toContain('rule pref 20001 from 10.0.2.0/24 iif lo lookup 10001');
      expect(stdout).toContain('route default via 10.0.2.1 dev ens6 table 10001');
      expect(stdout).toContain('by ens6 (eni-00000000000000002)');
      expect(stdout).toContain('lets it pass: 10.0.2.21 is assigned to eni-00000000000000002');
      expect(code).toBe(0);
      for (const source of ['10.0.1.10', '10.0.1.31', '2001:db8:0:1::30', '2001:db8:0:2::21']) {
        const answer = await enid('explain', source, '--json');
        expect({ source, ...JSON.parse(answer.stdout) }).toMatchObject({
          source,
          right: true,
          sourceCheck: { verdict: 'passes' },
        });
      }
    },
    testMs,
  );

  it(
    'looks up a container behind the host as forwarded, and uses main if it has a more specific route',
    async () => {
      // reachesAll has put the last address of the prefix into a container.
      const { stdout } = await enid('explain', '10.0.3.79', '--json');
      expect(JSON.parse(stdout)).toMatchObject({
        inputLink: 'ctr0',
        owner: { role: 'within a delegated prefix' },
        kernel: { table: 10_003, link: 'ens8', gateway: '10.0.3.1' },
        right: true,
      });
      const near = JSON.parse((await enid('explain', '10.0.2.20', '10.0.3.79', '--json')).stdout);
      expect(near).toMatchObject({ kernel: { table: 254, link: 'ctr0' }, sourceCheck: { verdict: 'not asked' } });
      const self = JSON.parse((await enid('explain', '10.0.2.20', '10.0.1.10', '--json')).stdout);
      expect(self).toMatchObject({ kernel: { table: 255 }, right: true });
    },
    testMs,
  );

  it(
    'says why an address is not handled',
    async () => {
      const reasonOf = async (source: string) => {
        const { stdout, code } = await enid('explain', source, '--json');
        expect(code).toBe(2);
        return JSON.parse(stdout).notHandled;
      };
      expect(await reasonOf('198.51.100.7')).toMatch(/public address of 10\.0\.1\.10/);
      expect(await reasonOf('10.0.2.99')).toMatch(
        /subnet of eni-0+2, but EC2 has not assigned it to any ENI .*no link has it/,
      );
      expect(await reasonOf('172.31.0.1')).toMatch(/not assigned it to any ENI/);
      await lab.vpc.guest.check(['ip', 'address', 'add', '10.0.2.99/32', 'dev', 'ens6']);
      expect(await reasonOf('10.0.2.99')).toMatch(/link ens6 has it/);
      const { stdout } = await enid('explain', '10.0.2.99', '--json');
      expect(JSON.parse(stdout).sourceCheck.verdict).toBe('drops');
      await lab.vpc.guest.check(['ip', 'address', 'del', '10.0.2.99/32', 'dev', 'ens6']);
    },
    testMs,
  );

  it(
    'sees that a packet would leave by the wrong ENI, and that EC2 would drop it',
    async () => {
      await lab.vpc.guest.check(['ip', 'rule', 'add', 'pref', '100', 'from', '10.0.1.30', 'lookup', '10001']);
      const { stdout, code } = await enid('explain', '10.0.1.30', '203.0.113.5');
      await lab.vpc.guest.check(['ip', 'rule', 'del', 'pref', '100']);
      expect(stdout).toContain('rule pref 100 from 10.0.1.30/32 lookup 10001');
      expect(stdout).toContain(
        'drops it: the packet leaves by eni-00000000000000002, to which 10.0.1.30 is not assigned',
      );
      expect(code).toBe(2);
    },
    testMs,
  );

  it('refuses text that is no address, and says what it expected', async () => {
    const answer = await enid('explain', '10.0.1');
    expect(answer).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('got "10.0.1"') });
    expect((await enid('explain', '10.0.1.10', '::1')).stderr).toMatch(/one family/);
  });
});

describe('enid doctor', () => {
  it(
    'finds a healthy host well, and each ailment with what to do',
    async () => {
      const well = await enid('doctor');
      expect(well.stdout).toMatch(/^ok +daemon +running as process \d+$/m);
      expect(well.stdout).toMatch(/^(info|ok) +networkd +(systemd \d+|its version)/m);
      expect(well.stdout).toMatch(/^ok +metadata +the metadata service answers through \d+ of \d+ ways$/m);
      expect({ code: well.code, text: well.stdout }).toEqual({
        code: 0,
        text: expect.stringContaining('0 errors, 0 warnings.'),
      });

      const { guest } = lab.vpc;
      await guest.writeFile('/etc/netplan/01-net.yaml', 'network: {}\n');
      await guest.check(['ip', 'rule', 'add', 'pref', '20001', 'from', '10.0.9.0/24', 'lookup', '10001']);
      const { stdout, code } = await enid('doctor', '--json');
      await guest.check(['ip', 'rule', 'del', 'pref', '20001', 'from', '10.0.9.0/24']);
      await guest.removeFile('/etc/netplan/01-net.yaml');
      const findings: { check: string; severity: string }[] = JSON.parse(stdout).findings;
      const warned = findings.filter(({ severity }) => severity === 'warning').map(({ check }) => check);
      expect({ code, warned }).toEqual({ code: 2, warned: ['files', 'rules'] });
    },
    testMs,
  );
});

describe('enid reload', () => {
  it(
    'returns when the pass is done; a bad configuration is refused by file, line and key, and changes nothing',
    async () => {
      const { guest } = lab.vpc;
      await guest.writeFile('/etc/enid/config.yaml', `${labConfig}  - match: { device: 1 }\n    rules: classic\n`);
      expect(await enid('reload')).toMatchObject({ code: 0, stderr: '' });
      expect(await guest.check(['ip', 'rule'])).toMatch(/^10001:\tfrom 10\.0\.2\.23 lookup 10001/m);

      const before = await readKernel(lab.vpc);
      await guest.writeFile('/etc/enid/config.yaml', `${labConfig}  - match: { device: 1 }\n    rules: clasic\n`);
      const refused = await enid('reload');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/\/etc\/enid\/config\.yaml:7: interfaces\[1\]\.rules: .*clasic/);
      expect(await readKernel(lab.vpc)).toBe(before);
      await guest.writeFile('/etc/enid/config.yaml', labConfig);
      expect(await enid('reload')).toMatchObject({ code: 0 });
    },
    testMs,
  );

  it('reports that no daemon runs', async () => {
    await lab.vpc.guest.writeFile('/etc/enid/other.yaml', 'runtimeDirectory: /run/nobody\n');
    const answer = await enid('reload', '--config', '/etc/enid/other.yaml');
    expect(answer).toMatchObject({ code: 1, stderr: expect.stringContaining('systemctl start enid') });
  });
});

it(
  'enid status --watch shows a change by itself, and exits on a signal',
  async () => {
    const watcher = lab.vpc.guest.spawn([process.execPath, program, 'status', '--watch', '--json'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    watcher.stdout?.on('data', (chunk) => {
      text += String(chunk);
    });
    const exited = new Promise((resolve) => watcher.once('exit', resolve));
    const pictures = () =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    await until('the first picture', () => pictures().length > 0);
    await lab.vpc.detach(sharing.id);
    await until('the ENI is gone from the last picture', () =>
      pictures()
        .at(-1)
        .enis.every(({ eni, link }: { eni: string; link: string | null }) => eni !== sharing.id || link === null),
    );
    // The kernel has no event for this: the daemon announces it.
    const [first] = lab.vpc.enis;
    if (first === undefined) throw new Error('expected the primary');
    await lab.vpc.metadata.put({ ...first, publicIpv4: { '198.51.100.99': ['10.0.1.11'] } });
    await until('a public address in the last picture', () =>
      Object.keys(pictures().at(-1).enis[0].publicAddresses).includes('198.51.100.99'),
    );
    watcher.kill('SIGTERM');
    expect(await exited).toBe(0);
  },
  testMs,
);

it(
  'enid run --debug logs each decision with its reason once, and nothing while nothing changes',
  async () => {
    const { guest } = lab.vpc;
    await lab.enid.stop();
    lab.enid = EnidProcess.start(guest, ['--debug']);
    await lab.enid.converged();
    const lines = () => lab.enid.lines.filter((line) => line.startsWith('debug '));
    const about = (topic: string, pattern: RegExp) =>
      until(`${topic}: ${pattern}`, () =>
        lines().some((line) => line.includes(` DECISION=${topic}`) && pattern.test(line)),
      );
    await about('metadata', /metadata: \d ENIs, primary 06:53:e1:00:00:01 \(the top-level mac\)/);
    await about('networkd', /networkd: present, version \d+: ./);
    await about('link', /ens6: ens6 has its MAC, driver veth ENI=eni-00000000000000002 DEVICE_NUMBER=1/);
    await about('policy', /ens6: no entry matches: the defaults apply/);
    await about('numbers', /ens6: table 10001 by card 0 and device 1, metric 513/);
    await about('addresses', /ens6: 6 assigned, 5 put on the link, the lease brings the first/);
    await about(
      'rules',
      /ens6: IPv4: 2 rules, one pair for the whole subnet: .*; default via 10\.0\.2\.1 in table 10001/,
    );
    await about('rules', /ens5: IPv4: 2 rules, one pair for the whole subnet/);
    await about('state', /ctr0: ignored: manage: none in the configuration/);
    const told = lines().length;
    await guest.check(['ip', 'rule', 'del', 'pref', '20001', 'from', '10.0.2.0/24']);
    await until('the pass is told', () =>
      lines()
        .slice(told)
        .some((line) => line.includes('pass: 1 change made')),
    );
    const after = lines().length;
    // Two polls of the metadata.
    await sleep(11_000);
    expect(lines().slice(after)).toEqual([]);
  },
  testMs,
);
