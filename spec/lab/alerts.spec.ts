/** Metrics and alert rules, judged by promtool of Debian's package `prometheus`. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { EnidProcess, labConfig } from '../../fixtures/enid-process.ts';
import { judgingProgram } from '../../fixtures/vpc/debian-trees.ts';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';

const docs = join(import.meta.dirname, '../../docs/metrics');

function promtool(args: readonly string[], input?: string) {
  const { status, stdout, stderr } = spawnSync(judgingProgram('promtool'), args, { encoding: 'utf8', input });
  return { status, text: `${stdout}${stderr}` };
}

it('promtool accepts the alert rules, their tests and the scrape configuration', () => {
  const rules = promtool(['check', 'rules', join(docs, 'alerts.yaml')]);
  expect(rules).toMatchObject({ status: 0, text: expect.stringMatching(/SUCCESS: \d\d rules found/) });
  expect(promtool(['test', 'rules', join(docs, 'alerts-test.yaml')])).toMatchObject({ status: 0 });
  expect(promtool(['check', 'config', '--syntax-only', join(docs, 'scrape.yaml')])).toMatchObject({ status: 0 });
});

const config = `${labConfig}metrics: { listen: "unix:/run/enid/metrics", textfile: /run/enid/enid.prom }\n`;

describe('the metrics of a daemon', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab('alerts', primary, config);
    await lab.vpc.attach(alone);
    await awaitReach(lab.vpc);
    await lab.enid.converged();
  }, testMs);
  afterAll(() => closeLab(lab));

  async function scrape(): Promise<string> {
    const script = `require('http').get({ socketPath: '/run/enid/metrics', path: '/metrics', headers: { connection: 'close' } },
      (answer) => answer.pipe(process.stdout))`;
    return await lab.vpc.guest.check([process.execPath, '-e', script]);
  }

  async function read(name: string): Promise<number | null> {
    const [, value] = new RegExp(`^${name} (\\S+)$`, 'm').exec(await scrape()) ?? [];
    return value === undefined ? null : Number(value);
  }

  it(
    'are as promtool has them, over the socket and in the file',
    async () => {
      expect(promtool(['check', 'metrics'], await scrape())).toEqual({ status: 0, text: '' });
      const file = await lab.vpc.guest.check(['cat', '/run/enid/enid.prom']);
      expect(promtool(['check', 'metrics'], file)).toEqual({ status: 0, text: '' });
    },
    testMs,
  );

  it(
    'are all that the rules ask for',
    async () => {
      const text = await scrape();
      const { groups } = parse(await lab.vpc.guest.check(['cat', join(docs, 'alerts.yaml')]), { merge: true });
      const asked: string[] = groups[0].rules.flatMap(({ expr }: { expr: string }) => expr.match(/\benid_\w+/g) ?? []);
      expect(asked.length).toBeGreaterThan(10);
      expect(asked.filter((name) => !text.includes(`\n${name}{`) && !text.includes(`\n${name} `))).toEqual([]);
    },
    testMs,
  );

  it(
    'count the ways that EC2 drops',
    async () => {
      await lab.enid.stop();
      // The source check of the lab's VPC drops what leaves so.
      await lab.vpc.guest.check(['ip', 'rule', 'add', 'pref', '100', 'from', '10.0.1.11', 'lookup', '10001']);
      lab.enid = EnidProcess.start(lab.vpc.guest);
      await lab.enid.converged();
      const lost = (await lab.vpc.reachesAll({ timeoutMs: 300 })).filter(({ isReached }) => !isReached);
      expect(lost.map(({ source }) => source)).toEqual(['10.0.1.11']);
      await until('they are counted', async () => ((await read('enid_ways_dropped')) ?? 0) > 0, 40_000);
      expect(await read('enid_ways_checked')).toBeGreaterThan(10);
      await lab.vpc.guest.check(['ip', 'rule', 'del', 'pref', '100']);
    },
    testMs * 2,
  );

  it(
    'say that the configuration was refused, and accepted again',
    async () => {
      const { guest } = lab.vpc;
      expect(await read('enid_config_last_reload_successful')).toBe(1);
      expect(await read('enid_metadata_poll_interval_seconds')).toBe(5);
      await guest.writeFile('/etc/enid/config.yaml', `${config}nonsense: 1\n`);
      lab.enid.signal('SIGHUP');
      await until('refused', async () => (await read('enid_config_last_reload_successful')) === 0);
      await guest.writeFile('/etc/enid/config.yaml', config.replace('interval: 5s', 'interval: 7s'));
      lab.enid.signal('SIGHUP');
      await until('accepted', async () => (await read('enid_config_last_reload_successful')) === 1);
      expect(await read('enid_metadata_poll_interval_seconds')).toBe(7);
    },
    testMs,
  );
});
