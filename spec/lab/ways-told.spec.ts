/**
 * What doctor and explain --all report about every way, on the real kernel: a healthy host, and one
 * on which another program causes a fault.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { program, runEnid } from '../../fixtures/enid-process.ts';
import { alone, primary, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs } from './lab.ts';

interface Finding {
  readonly check: string;
  readonly severity: string;
  readonly message: string;
  readonly advice: string | null;
}

let lab: Lab;

function enid(...args: string[]) {
  return runEnid(lab.vpc.guest, args);
}

async function findWays(): Promise<Finding[]> {
  const { findings }: { findings: Finding[] } = JSON.parse((await enid('doctor', '--json')).stdout);
  return findings.filter(({ check }) => check === 'ways');
}

beforeAll(async () => {
  lab = await openLab('ways-told', primary);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

describe('on a host with one ENI', () => {
  it(
    'doctor has one line about ways, and explain --all finds each of them right, for any user',
    async () => {
      expect(await findWays()).toEqual([
        expect.objectContaining({
          severity: 'ok',
          message: expect.stringMatching(/^\d+ ways from 3 sources: each leaves by the ENI that owns its source/),
        }),
      ]);
      const { stdout, stderr, code } = await enid('explain', '--all');
      expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
      expect(stdout).toMatch(/^SOURCE +ENI +TO +DESTINATION +LEAVES BY +EC2 +RIGHT\n/);
      expect(stdout).toMatch(/^10\.0\.1\.10 \+1 +ens5 +far +192\.0\.2\.1 +ens5 +passes +yes$/m);
      expect(stdout).toMatch(/^10\.0\.1\.10 \+1 +ens5 +own subnet +10\.0\.1\.254 +ens5 +passes +yes$/m);
      expect(stdout).toMatch(/\n\d+ ways from 3 sources, all right\. .*\.\n$/);
      const nobody = await lab.vpc.guest.run(
        ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, program, 'explain', '--all'],
        { timeoutMs: 30_000 },
      );
      expect({ code: nobody.code, stderr: nobody.stderr }).toEqual({ code: 0, stderr: '' });
    },
    testMs,
  );

  it('explain takes either a source or --all', async () => {
    for (const args of [['explain'], ['explain', '--all', '10.0.1.10']])
      expect(await enid(...args)).toMatchObject({ code: 1, stderr: expect.stringContaining('a source or --all') });
  });
});

describe("with another program's", () => {
  const { guest } = { guest: () => lab.vpc.guest };

  beforeAll(async () => {
    for (const eni of [alone, withPrefixes]) await lab.vpc.attach(eni);
    await awaitReach(lab.vpc);
    await lab.enid.converged();
  }, testMs);

  /** `ip …`, and back again. */
  async function during<T>(commands: readonly string[], ask: () => Promise<T>): Promise<T> {
    const run = async (line: string) => guest().check(['ip', ...line.split(' ')]);
    for (const line of commands) await run(line);
    try {
      return await ask();
    } finally {
      for (const line of [...commands].reverse()) await run(line.replace(' add ', ' del '));
    }
  }

  it(
    'rule that leads a source to another ENI: doctor names it, and what to do',
    async () => {
      const commands = [
        'route add default via 10.0.1.1 dev ens5 table 100',
        'rule add pref 9000 from 10.0.2.21 lookup 100',
      ];
      const [findings, told] = await during(commands, async () => [
        await findWays(),
        await enid('explain', '--all', '--json'),
      ]);
      const found = findings.find(({ message }) => message.startsWith('rule '));
      expect(found?.severity).toBe('error');
      expect(found?.message).toMatch(
        /^rule pref 9000 from 10\.0\.2\.21\/32 lookup 100, protocol \w+: EC2 drops \d of \d+ ways: 10\.0\.2\.21 of ens6 → 192\.0\.2\.1 \(far\) leaves by ens5; /,
      );
      expect(found?.advice).toContain('ip rule del pref 9000 from 10.0.2.21/32 lookup 100');
      expect(told.code).toBe(2);
      const answer = JSON.parse(told.stdout);
      expect(answer).toMatchObject({ right: false, omitted: 0, missing: [], warnings: [] });
      expect(answer.ways).toContainEqual(
        expect.objectContaining({
          ...{ source: '10.0.2.21', sources: 1, eni: alone.id, link: 'ens6', inputLink: null, to: 'far' },
          ...{ destination: '192.0.2.1', leavesBy: { link: 'ens5', eni: primary.id }, refused: null, right: false },
          sourceCheck: expect.objectContaining({ verdict: 'drops' }),
        }),
      );
    },
    testMs,
  );

  it(
    "route in an ENI's table: doctor names it",
    async () => {
      const command = 'route add 203.0.113.0/24 via 10.0.1.1 dev ens5 table 10001';
      const findings = await during([command], findWays);
      const found = findings.find(({ message }) => message.startsWith('route 203.0.113.0/24 '));
      expect(found?.message).toMatch(
        /^route 203\.0\.113\.0\/24 via 10\.0\.1\.1 dev ens5 table 10001, protocol boot: EC2 drops 4 of \d+ ways: 10\.0\.2\.20 of ens6 → 203\.0\.113\.254 \(routed\) leaves by ens5$/,
      );
      expect(found?.advice).toContain('ip route del 203.0.113.0/24 via 10.0.1.1 dev ens5 table 10001');
      expect((await findWays()).filter(({ message }) => message.includes('203.0.113.'))).toEqual([]);
    },
    testMs,
  );

  it(
    'change of the addresses while enid is stopped: missing in explain, plan, status and explain --all alike',
    async () => {
      await lab.enid.stop('SIGKILL');
      await guest().check(['ip', 'address', 'del', '10.0.2.21/32', 'dev', 'ens6']);
      const explained = await enid('explain', '10.0.2.21');
      expect(explained.code).toBe(2);
      expect(explained.stdout).toContain('10.0.2.21 → 192.0.2.1  (missing on ens6)');
      expect(explained.stdout).toMatch(/\(ens6, device 1\.0, degraded\)/);
      expect(explained.stdout).toMatch(/\n {2}enid +wants ens6 via 10\.0\.2\.1, table 10001\n/);
      expect(explained.stdout).toMatch(/\nRESULT: 10\.0\.2\.21 is missing on ens6, see `enid plan`\.\n$/);
      expect((await enid('plan')).stdout).toMatch(
        /^ens6 \(eni-\w+\)\n {2}\+ ip address add 10\.0\.2\.21\/32 .*\n+1 to add, 0 to change, 0 to remove\.\n$/,
      );
      expect((await enid('status')).stdout).toMatch(/ ens6 .* degraded .*\n +└─ 1 change pending\n/);
      expect((await enid('doctor')).stdout).toMatch(/^warning +enis +ens6: degraded: 1 change pending$/m);
      const all = await enid('explain', '--all');
      expect(all.stdout).toContain('10.0.2.21 is missing on ens6, see `enid plan`.');
      expect(all.code).toBe(2);
    },
    testMs,
  );
});
