/** Each bad input causes one clear line, and nothing is torn down. */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, labConfig, runEnid } from '../../fixtures/enid-process.ts';
import { readKernel } from '../../fixtures/guest-state.ts';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';

const scrapeMetrics = "exec 3<>/dev/tcp/127.0.0.1/9469 && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3";

let lab: Lab;

beforeAll(async () => {
  lab = await openLab('bad', primary);
  await lab.vpc.attach(alone);
  await awaitReach(lab.vpc);
  await awaitLeases(lab);
}, testMs);
afterAll(() => closeLab(lab));

it('a bad configuration on reload keeps the old one', async () => {
  const { vpc, enid } = lab;
  const before = await readKernel(vpc);
  const lines = enid.lines.length;
  await vpc.guest.writeFile('/etc/enid/config.yaml', `${labConfig}driver: [ena]\n`);
  enid.signal('SIGHUP');
  await until('the line', () => enid.lines.length > lines);
  expect(enid.lines.slice(lines).join('\n')).toMatch(
    /\/etc\/enid\/config\.yaml:\d+: driver: .*drivers.*the previous configuration stays in force/,
  );
  await vpc.guest.writeFile('/etc/enid/config.yaml', labConfig);
  expect(await readKernel(vpc)).toBe(before);
});

it(
  'a key of a newer version is a warning at a start, in the journal, in status and in the metrics, and refuses a reload',
  async () => {
    const { vpc } = lab;
    const before = await readKernel(vpc);
    await lab.enid.stop();
    const metrics = 'metrics: { listen: "127.0.0.1:9469" }\n';
    await vpc.guest.writeFile('/etc/enid/config.yaml', `${labConfig}${metrics}telemetry: { to: nobody }\n`);
    lab.enid = EnidProcess.start(vpc.guest);
    await lab.enid.converged();
    const line = /config\.yaml:\d+: ignored \(of a newer version\?\): telemetry: unknown key/;
    expect(lab.enid.lines.join('\n')).toMatch(line);
    for (const argv of [['status'], ['plan'], ['status', '--no-daemon']])
      expect((await runEnid(vpc.guest, argv)).stderr).toMatch(line);
    expect((await runEnid(vpc.guest, ['doctor'])).stdout).toMatch(/a reload refuses it: .*telemetry: unknown key/);
    const scrape = () => vpc.guest.check(['bash', '-c', scrapeMetrics]);
    expect(await scrape()).toMatch(/^enid_configuration_ignored_keys 1$/m);
    expect(await readKernel(vpc)).toBe(before);
    const lines = lab.enid.lines.length;
    lab.enid.signal('SIGHUP');
    await until('the refusal', () => lab.enid.lines.length > lines);
    expect(lab.enid.lines.slice(lines).join('\n')).toContain('the previous configuration stays in force');
    await vpc.guest.writeFile('/etc/enid/config.yaml', labConfig);
    lab.enid.signal('SIGHUP');
    await until('0', async () => /^enid_configuration_ignored_keys 0$/m.test(await scrape()));
    expect((await runEnid(vpc.guest, ['status'])).stderr).not.toMatch(line);
  },
  testMs,
);

it(
  'a dead metadata service is one line and changes nothing',
  async () => {
    const { vpc, enid } = lab;
    const before = await readKernel(vpc);
    const lines = enid.lines.length;
    await vpc.imds.refuse();
    await until('the line', () => enid.lines.length > lines);
    await lab.enid.stop('SIGKILL');
    lab.enid = EnidProcess.start(vpc.guest);
    const said = () => lab.enid.lines.filter((line) => /^warning/.test(line));
    await until('the line', () => said().length > 0);
    expect(said()).toEqual([
      expect.stringMatching(
        /failed to read the metadata: no token: .*; nothing is changed; in force is what was stored before the start$/,
      ),
    ]);
    expect(await readKernel(vpc)).toBe(before);
    await awaitReach(vpc);
    await vpc.imds.accept();
    await lab.enid.converged();
  },
  testMs,
);

it(
  'a default route that leads elsewhere: the metadata service is asked through an ENI',
  async () => {
    const { vpc } = lab;
    await vpc.container();
    for (const family of ['-4', '-6'])
      await vpc.guest.check(['ip', family, 'route', 'add', 'default', 'dev', 'ctr0', 'metric', '1']);
    await vpc.assign(alone.id, { ipv4: ['10.0.2.29'] });
    await until('the address', async () => (await readKernel(vpc)).includes('10.0.2.29/32'));
    for (const family of ['-4', '-6'])
      await vpc.guest.check(['ip', family, 'route', 'del', 'default', 'dev', 'ctr0', 'metric', '1']);
    await vpc.unassign(alone.id, { ipv4: ['10.0.2.29'] });
    await until('its end', async () => !(await readKernel(vpc)).includes('10.0.2.29/32'));
    await lab.enid.converged();
  },
  testMs,
);

it(
  'networkd off the bus is one line, changes nothing, and is over when it comes back',
  async () => {
    const { vpc } = lab;
    const lines = lab.enid.lines.length;
    await vpc.guest.networkd.kill();
    const said = () => lab.enid.lines.slice(lines).filter((line) => /systemd-networkd is not running/.test(line));
    await until('the line', () => said().length > 0);
    await awaitReach(vpc);
    await vpc.guest.networkd.start();
    await lab.enid.converged();
    await awaitReach(vpc);
    expect(said()).toEqual([expect.stringMatching(/leases are not renewed\. Start it$/)]);
  },
  testMs,
);

it(
  'an impossible address is one line; what was known is kept',
  async () => {
    const { vpc, enid } = lab;
    await awaitLeases(lab);
    const before = await readKernel(vpc);
    const lines = enid.lines.length;
    await vpc.imds.setFaults([
      { path: `${alone.mac}/local-ipv4s`, effect: { kind: 'body', body: '10.0.2.20\n10.0.2.999' } },
    ]);
    await until('the line', () => enid.lines.length > lines);
    expect(enid.lines.slice(lines).join('\n')).toMatch(
      /local-ipv4s: expected an address, got "10\.0\.2\.999"; what was known before is kept/,
    );
    expect(await readKernel(vpc)).toBe(before);
    await vpc.imds.setFaults([]);
  },
  testMs,
);

it('without privileges: one line, exit code 1', async () => {
  const { vpc } = lab;
  const program = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--reuid=65534', '--clear-groups'];
  const script = `${import.meta.dirname}/../../dist/enid.js`;
  const result = await vpc.guest.run([...program, process.execPath, script, 'run']);
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/expected the capability CAP_NET_ADMIN, got none: run it as root/);
});

it(
  'a link with the MAC of another is reported, and neither is torn down',
  async () => {
    const { vpc, enid } = lab;
    const before = await readKernel(vpc);
    const lines = enid.lines.length;
    await vpc.guest.check([
      'ip',
      'link',
      'add',
      'ens99',
      'address',
      alone.mac,
      'type',
      'veth',
      'peer',
      'name',
      'ens99p',
    ]);
    await until('the line', () => /both have MAC/.test(enid.lines.slice(lines).join('\n')));
    await vpc.guest.check(['ip', 'link', 'del', 'ens99']);
    await lab.enid.converged();
    expect(await readKernel(vpc)).toBe(before);
    expect((await runEnid(vpc.guest, ['plan', '--no-daemon'])).code).toBe(0);
  },
  testMs,
);

it('a second daemon on the same host: one line, exit code 1', async () => {
  const second = EnidProcess.start(lab.vpc.guest);
  expect(await second.exited()).toBe(1);
  expect(second.lines).toHaveLength(1);
  expect(second.lines[0]).toMatch(
    /another enid runs here \(process \d+, \/run\/enid\/lock\): expected to be the only one/,
  );
});
