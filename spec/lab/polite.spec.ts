/**
 * Promise P4 with the real kernel and networkd: objects that others put in this program's places
 * stay, and its own objects are right.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { alone, primary, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';

let lab: Lab;

function check(...argv: string[]): Promise<string> {
  return lab.vpc.guest.check(argv);
}

beforeAll(async () => {
  lab = await openLab('polite', primary);
}, testMs);
afterAll(() => closeLab(lab));

describe('another program', () => {
  it(
    'puts a route by its own link in the place of one of ours: it stays, is reported once, and ours is restored after it is gone',
    async () => {
      await lab.vpc.attach(alone);
      await awaitReach(lab.vpc);
      await lab.enid.converged();
      await check('ip', 'link', 'add', 'br9', 'type', 'bridge');
      await check('ip', 'link', 'set', 'br9', 'up');
      const place = ['10.0.2.0/24', 'table', '10001', 'metric', '513'];
      const inTable = () => check('ip', 'route', 'show', 'table', '10001');
      await check('ip', 'route', 'replace', ...place, 'dev', 'br9');
      const told = () => lab.enid.lines.filter((line) => /another program added it/.test(line));
      await until('the report', () => told().length > 0);
      expect(await inTable()).toMatch(/^10\.0\.2\.0\/24 dev br9 .*metric 513/m);
      await check('ip', 'route', 'delete', ...place, 'dev', 'br9');
      await until('our own route', async () => /^10\.0\.2\.0\/24 dev ens6 .*metric 513/m.test(await inTable()));
      expect(told()).toHaveLength(1);
      await check('ip', 'link', 'delete', 'br9');
    },
    testMs,
  );

  it(
    'removes files of ours: a drop-in is restored like any other',
    async () => {
      const path = '/run/systemd/network/70-ens6.network.d/sources.conf';
      const before = await check('cat', path);
      await check('rm', path);
      await until('the drop-in', async () => (await lab.vpc.guest.run(['cat', path])).stdout === before);
      await check('rm', '-r', '/run/systemd/network/70-ens6.network.d');
      await until('the folder', async () => (await lab.vpc.guest.run(['cat', path])).stdout === before);
    },
    testMs,
  );

  it(
    'has a file with the name of one of ours: it stays, is reported once, and ours is written when it is gone',
    async () => {
      const path = '/run/systemd/network/70-ens7.network';
      const theirs = `[Match]\nPermanentMACAddress=${withPrefixes.mac}\nMACAddress=${withPrefixes.mac}\n[Network]\nDHCP=no\n`;
      await check('sh', '-c', `printf '%s' "$1" > ${path}`, 'sh', theirs);
      await lab.vpc.attach({ ...withPrefixes, linkName: 'ens7' });
      const told = () => lab.enid.lines.filter((line) => line.includes(`${path} was put there by another program`));
      await until('the report', () => told().length > 0);
      // A repair shows that passes continue.
      await check('ip', 'link', 'property', 'del', 'dev', 'ens5', 'altname', 'device-number-0.0');
      await until('the name', async () => /device-number-0\.0/.test(await check('ip', 'link', 'show', 'ens5')));
      expect(await check('cat', path)).toBe(theirs);
      expect(await check('ip', '-4', 'rule')).not.toMatch(/from 10\.0\.3\./);
      await check('rm', path);
      await awaitReach(lab.vpc);
      expect(await check('cat', path)).toMatch(/^# Written by enid/);
      expect(told()).toHaveLength(1);
    },
    testMs,
  );
});
