/** The configuration as an operator meets it: faults, reloads, and what a reload would take. */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, labConfig, program, runEnid } from '../../fixtures/enid-process.ts';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';

const path = '/etc/enid/config.yaml';
let lab: Lab;
const enid = (...args: string[]) => runEnid(lab.vpc.guest, args);
const write = (entries: string) => lab.vpc.guest.writeFile(path, `${labConfig}${entries}`);

beforeAll(async () => {
  lab = await openLab('operator-config', primary);
  await lab.vpc.attach(alone);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

it(
  'a refused file blinds no command that looks',
  async () => {
    await write('  - match: { device: 1 }\n    rules: clasic\nhostnam: true\n');
    const warning = expect.stringMatching(
      /^enid: warning: \/etc\/enid\/config\.yaml:7: .*\(and 1 more\): the daemon keeps/,
    );
    expect(await enid('status')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/ens6 +1\.0 +configured/),
      stderr: warning,
    });
    expect(await enid('plan')).toMatchObject({ code: 0, stdout: 'Converged: nothing to change.\n', stderr: warning });
    expect(await enid('explain', '10.0.2.21')).toMatchObject({ code: 0, stderr: warning });
    const doctor = await enid('doctor');
    expect(doctor.stdout).toMatch(/^error +configuration +a reload refuses it: .*:7: interfaces\[1\]\.rules: /m);
    expect(doctor.stdout).toMatch(/^error +configuration +a reload refuses it: .*:8: hostnam: /m);
    expect(doctor.stdout).toMatch(/^ok +enis +ens6: configured$/m);
    const check = await enid('config', 'check');
    expect(check).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('2 faults in 1 file: a reload refuses it'),
    });
    expect(await enid('reload')).toMatchObject({ code: 1, stderr: expect.stringContaining('not reloaded') });
    expect(await enid('status', '--no-daemon')).toMatchObject({ code: 1, stdout: '' });
  },
  testMs,
);

it(
  'what was edited and not reloaded: status shows what holds, plan what a reload would change',
  async () => {
    await write('  - match: { device: 1 }\n    rules: classic\n');
    const status = await enid('status', '--json');
    expect([JSON.parse(status.stdout).daemon, status.stderr]).toEqual([
      true,
      expect.stringContaining('not in force yet'),
    ]);
    const plan = JSON.parse((await enid('plan', '--json')).stdout);
    expect([plan.daemon, plan.changes.length > 0]).toEqual([false, true]);
    expect((await enid('doctor')).stdout).toMatch(/^warning +configuration +the files were changed/m);
    expect(await enid('reload')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^reloaded: \d+ changes\n$/),
      stderr: '',
    });
    expect(await enid('reload')).toMatchObject({ code: 0, stdout: 'reloaded: nothing to change\n' });
  },
  testMs,
);

it(
  'what a reload would take from the primary is told before',
  async () => {
    expect(await enid('config', 'check', '--against-host')).toMatchObject({ code: 0, stderr: '' });
    await write('  - match: { device: 0 }\n    addresses: { exclude: [10.0.1.11/32] }\n');
    const loss = /warning: a reload takes this from the primary ENI.*\n.*ip address del 10\.0\.1\.11\/32 dev ens5/;
    expect(await enid('config', 'check', '--against-host')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(loss),
    });
    expect(await enid('reload')).toMatchObject({ code: 0, stderr: expect.stringMatching(loss) });
    await write('');
    expect(await enid('reload')).toMatchObject({ code: 0, stderr: '' });
    // On a terminal it asks.
    await write('  - match: { device: 0 }\n    addresses: { exclude: [10.0.1.11/32] }\n');
    const answer = (text: string) => {
      const words = `${process.execPath} ${program} reload`;
      const script = `(sleep 2; printf '${text}\\n'; sleep 20) | script -qec '${words}' /dev/null; exit "\${PIPESTATUS[1]}"`;
      return lab.vpc.guest.run(['bash', '-c', script]);
    };
    const has = async () => (await lab.vpc.guest.check(['ip', 'address'])).includes('10.0.1.11/');
    expect(await answer('n')).toMatchObject({ code: 1, stdout: expect.stringMatching(/\[y\/N\][\s\S]*not reloaded/) });
    expect(await has()).toBe(true);
    expect(await answer('y')).toMatchObject({ code: 0, stdout: expect.stringContaining('reloaded: ') });
    expect(await has()).toBe(false);
    await write('');
    expect(await enid('reload')).toMatchObject({ code: 0 });
  },
  testMs,
);

it(
  'a reload says where the metadata could not be read, and since when it is known',
  async () => {
    await lab.vpc.imds.setFaults([{ effect: { kind: 'status', status: 503 } }]);
    const { code, stdout, stderr } = await enid('reload');
    await lab.vpc.imds.setFaults([]);
    expect([code, stdout]).toEqual([0, 'reloaded: nothing to change\n']);
    expect(stderr).toMatch(
      /^enid: metadata unreadable \(.*503.*\): using what was known at 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\n$/,
    );
  },
  testMs,
);

it(
  'an entry without `match`, as of 0.1.0: a start takes it and says so, a reload refuses it',
  async () => {
    const first = labConfig.replace(/interfaces:\n/, 'interfaces:\n  - mtu: 9001\n');
    expect(first).not.toBe(labConfig);
    await lab.enid.stop();
    await lab.vpc.guest.writeFile(path, first);
    lab.enid = EnidProcess.start(lab.vpc.guest);
    await until('the daemon answers', async () => JSON.parse((await enid('status', '--json')).stdout).daemon);
    expect(lab.enid.lines.filter((line) => line.includes('interfaces[0].match'))).toEqual([
      expect.stringMatching(/^warning .*config\.yaml:\d+: interfaces\[0\]\.match: expected .* a reload refuses it/),
    ]);
    expect(await enid('plan')).toMatchObject({ stderr: expect.stringContaining('interfaces[0].match') });
    expect(await enid('reload')).toMatchObject({ code: 1, stderr: expect.stringContaining('interfaces[0].match') });
  },
  testMs,
);
