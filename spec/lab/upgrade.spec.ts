/**
 * From the rules of 0.1.0 to today's under traffic. What 0.1.0 leaves is put there by hand, as `ip
 * rule` printed it on this very instance; with the program itself it was tried once, there and back
 * (docs/proof/measured.md).
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EnidProcess } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { alone, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, openLab, testMs } from './lab.ts';
import { watchLoss } from './watch-loss.ts';

const before = [
  'rule add pref 10002 from 10.0.1.30/31 lookup 10002 suppress_prefixlength 0 protocol 236',
  'rule add pref 15001 from 10.0.2.0/24 iif lo lookup main suppress_prefixlength 0 protocol 236',
  'rule add pref 15002 from 10.0.1.30/31 lookup main suppress_prefixlength 0 protocol 236',
  'rule add pref 15003 from 10.0.3.0/24 iif lo lookup main suppress_prefixlength 0 protocol 236',
  'rule add pref 15003 from 10.0.3.64/28 lookup main suppress_prefixlength 0 protocol 236',
];
const before6 = [
  'rule add pref 10002 from 2001:db8:0:1::30/127 lookup 10002 suppress_prefixlength 0 protocol 236',
  'rule add pref 15001 from 2001:db8:0:2::/64 iif lo lookup main suppress_prefixlength 0 protocol 236',
  'rule add pref 15002 from 2001:db8:0:1::30/127 lookup main suppress_prefixlength 0 protocol 236',
  'rule add pref 15003 from 2001:db8:0:3::/64 iif lo lookup main suppress_prefixlength 0 protocol 236',
  'rule add pref 15003 from 2001:db8:0:3:1::/80 lookup main suppress_prefixlength 0 protocol 236',
];
const links = ['ens5', 'ens6', 'ens7', 'ens8'];

describe.each([
  ['252', undefined],
  ['257', trixieNetworkd],
] as const)('networkd %s: an upgrade from 0.1.0', (_version, networkd) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await openLab('upgrade', primary, undefined, networkd?.());
    for (const eni of [alone, sharing, withPrefixes]) await lab.vpc.attach(eni);
    await awaitReach(lab.vpc);
    await awaitLeases(lab);
  }, testMs);
  afterAll(() => closeLab(lab));

  const listRules = async () => {
    const text = await lab.vpc.guest.check(['sh', '-c', 'ip rule; ip -6 rule']);
    return text
      .split('\n')
      .map((line) => line.replace(/ proto \w+$/, ''))
      .sort();
  };

  it(
    'loses no packet, and removes all previous rules',
    async () => {
      const { guest } = lab.vpc;
      const wanted = await listRules();
      await lab.enid.stop();
      const ip = (lines: readonly string[], ...family: string[]) =>
        guest.check(['sh', '-ec', `printf '%s\\n' "$@" | ip ${family.join(' ')} -batch -`, 'sh', ...lines]);
      await ip(before);
      await ip(before6, '-6');
      const made = (await guest.check(['sh', '-c', 'ip rule; ip -6 rule'])).split('\n');
      expect(made.filter((line) => line.includes('suppress_ifgroup')).length).toBe(10);
      for (const family of ['-4', '-6']) {
        const text = await guest.check(['ip', family, 'rule']);
        const ours = text.split('\n').filter((line) => /suppress_ifgroup|^23900:/.test(line));
        await ip(
          ours.map((line) => `rule del pref ${line.replace(':\t', ' ')}`),
          family,
        );
        await ip(['route flush table 10000'], family);
      }
      await ip(links.map((name) => `link set ${name} group 0`));
      const lost = await watchLoss(lab.vpc, async () => {
        lab.enid = EnidProcess.start(guest);
        await lab.enid.converged();
      });
      expect([...lost]).toEqual([]);
      expect(await listRules()).toEqual(wanted);
      expect(await guest.check(['ip', '-o', 'link', 'show', 'group', '236'])).toMatch(
        /ens5.*\n.*ens6.*\n.*ens7.*\n.*ens8/,
      );
    },
    testMs,
  );
});
