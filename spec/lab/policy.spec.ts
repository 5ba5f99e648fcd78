/**
 * The operator's configuration of single ENIs, with the real kernel and networkd: each key of
 * `interfaces:` does what it says.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { labConfig, runEnid } from '../../fixtures/enid-process.ts';
import { readKernel } from '../../fixtures/guest-state.ts';
import { measureLoss } from '../../fixtures/loss.ts';
import { alone, primary, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';

let lab: Lab;

/** Puts entries behind the lab's own, reloads, and waits until that is done. */
async function configure(entries: string): Promise<void> {
  const { vpc, enid } = lab;
  await vpc.guest.writeFile('/etc/enid/config.yaml', labConfig + entries);
  enid.signal('SIGHUP');
  await enid.converged();
}

function check(...argv: string[]): Promise<string> {
  return lab.vpc.guest.check(argv);
}

beforeAll(async () => {
  lab = await openLab('policy', primary);
  for (const eni of [alone, sharing, withPrefixes]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

describe('a reload takes effect', () => {
  it(
    'select: by user, mark and destination; traffic that already has a source address keeps its way',
    async () => {
      await configure(`  - match: { device: 1 }
    select: [{ users: "1000-1001" }, { mark: "0x10/0xff" }, { to: 203.0.113.0/24 }]
`);
      await awaitReach(lab.vpc);
      const way = (...words: string[]) => check('ip', 'route', 'get', ...words);
      await until('the rules', async () => (await way('198.51.100.1', 'uid', '1000')).includes('dev ens6'));
      expect(await way('198.51.100.1', 'uid', '1001')).toMatch(/dev ens6 table 10001 src 10\.0\.2\.20/);
      expect(await way('198.51.100.1', 'uid', '1002')).toMatch(/dev ens5 src 10\.0\.1\.10/);
      expect(await way('198.51.100.1', 'mark', '0x10')).toMatch(/dev ens6 /);
      expect(await way('198.51.100.1', 'mark', '0x11')).toMatch(/dev ens5 /);
      expect(await way('203.0.113.9')).toMatch(/dev ens6 /);
      expect(await way('203.0.113.9', 'from', '10.0.1.10')).toMatch(/dev ens5 /);
      expect(await way('203.0.113.9', 'from', '10.0.1.30')).toMatch(/dev ens7 /);
      // For these main has more specific routes than a default route.
      expect(await way('10.0.3.9', 'uid', '1000')).toMatch(/dev ens8 /);
      expect(await way('2001:db8:ffff::1', 'uid', '1000')).toMatch(/dev ens6 /);
      expect(await way('2001:db8:ffff::1', 'uid', '0')).toMatch(/dev ens5 /);
    },
    testMs,
  );

  it(
    'sources and routes: of containers behind the host, by other next hops',
    async () => {
      await configure(`  - match: { device: 1 }
    sources: [172.18.0.0/16]
    routes: [{ to: 10.9.0.0/16, via: 10.0.2.7 }, { to: 10.8.0.0/16, table: own }]
`);
      await until('the routes', async () => (await check('ip', 'route')).includes('10.9.0.0/16 via 10.0.2.7 dev ens6'));
      const own = await check('ip', 'route', 'show', 'table', '10001');
      expect(own).toMatch(/^10\.9\.0\.0\/16 via 10\.0\.2\.7 dev ens6 /m);
      expect(own).toMatch(/^10\.8\.0\.0\/16 via 10\.0\.2\.1 dev ens6 /m);
      expect(await check('ip', 'rule')).toMatch(/^20001:\tfrom 172\.18\.0\.0\/16 lookup 10001 /m);
      expect(await check('ip', 'rule')).not.toMatch(/uidrange|fwmark/);
      await awaitReach(lab.vpc);
      // Also after networkd has made everything again from the files.
      await lab.vpc.guest.networkd.restart();
      await awaitReach(lab.vpc);
      await lab.enid.converged();
      await configure('');
      await until('their end', async () => !/10\.[89]\.0\.0|172\.18/.test(await readKernel(lab.vpc)));
    },
    testMs,
  );

  it(
    'addresses: route-only keeps the rule, exclude takes both',
    async () => {
      await configure(`  - match: { eni: ${alone.id} }
    addresses: { secondary: route-only }
  - match: { mac: "${sharing.mac}" }
    addresses: { exclude: [10.0.1.31/32] }
`);
      await until(
        'the addresses are gone',
        async () => !/10\.0\.2\.21\/|10\.0\.1\.31\//.test(await readKernel(lab.vpc)),
      );
      const rules = await check('ip', 'rule');
      expect(rules).toMatch(/from 10\.0\.2\.20\/30 lookup 10001/);
      expect(rules).toMatch(/from 10\.0\.1\.30 lookup 10002/);
      expect(rules).not.toMatch(/10\.0\.1\.31|10\.0\.1\.30\/31/);
      expect(await lab.vpc.reaches('10.0.2.20')).toBe(true);
    },
    testMs,
  );

  it(
    'rules: classic, one for each source; prefixes: local, the whole prefix answers',
    async () => {
      await configure(`  - match: { name: ens6 }
    rules: classic
  - match: { subnet: 10.0.3.0/24 }
    prefixes: local
`);
      await until('the rules', async () => /^10001:\tfrom 10\.0\.2\.23 lookup 10001/m.test(await check('ip', 'rule')));
      expect((await check('ip', 'rule')).match(/from 10\.0\.2\./g)).toHaveLength(4);
      expect(await check('ip', 'route', 'get', '10.0.3.77')).toMatch(/^local 10\.0\.3\.77 dev lo/);
      expect(await lab.vpc.reaches('10.0.3.77', { from: 'guest' })).toBe(true);
      expect(await lab.vpc.reaches('10.0.2.23')).toBe(true);
    },
    testMs,
  );

  it(
    'prefixes: assigned puts each address of an IPv4 prefix on the link and takes it off again, and what stays loses no packet',
    async () => {
      await configure('');
      await lab.vpc.assign(withPrefixes.id, { ipv4: ['10.0.3.41'] });
      await awaitReach(lab.vpc);
      const count = async () =>
        (await check('ip', '-4', 'address', 'show', 'dev', 'ens8')).match(/10\.0\.3\.\d+\/32/g)?.length;
      const { lost, broken } = await measureLoss(lab.vpc, async () => {
        await configure(`  - match: { subnet: 10.0.3.0/24 }\n    prefixes: assigned\n`);
        await until('the addresses', async () => (await count()) === 17);
        expect(await lab.vpc.reaches('10.0.3.79', { from: 'guest' })).toBe(true);
        expect(await check('ip', '-6', 'route', 'get', '2001:db8:0:3:1::7')).toMatch(/^local 2001:db8:0:3:1::7 /);
        await configure('');
        await until('their end', async () => (await count()) === 1);
      });
      expect([[...lost], broken]).toEqual([[], []]);
      await lab.vpc.unassign(withPrefixes.id, { ipv4: ['10.0.3.41'] });
      await awaitReach(lab.vpc);
    },
    testMs,
  );

  it(
    'defaultRoute: false takes it from main only, in both families',
    async () => {
      await configure(`  - match: { device: 1 }
    defaultRoute: false
`);
      const inMain = async () =>
        (await check('ip', 'route', 'show', 'default')) + (await check('ip', '-6', 'route', 'show', 'default'));
      await until('main has none', async () => !(await inMain()).includes('dev ens6'));
      await awaitReach(lab.vpc);
      await lab.vpc.guest.networkd.restart();
      await awaitReach(lab.vpc);
      await lab.enid.converged();
      expect(await inMain()).not.toMatch(/dev ens6/);
      await configure('');
      await until('main has both again', async () => (await inMain()).match(/dev ens6/g)?.length === 2);
      await awaitReach(lab.vpc);
    },
    testMs,
  );

  it(
    'reversePathFilter and arp: on that link only, and restored when another program changes them',
    async () => {
      const read = async (name: string) => (await check('sysctl', '-n', `net.ipv4.conf.${name}`)).trim();
      const all = await Promise.all(['rp_filter', 'arp_ignore', 'arp_announce'].map((name) => read(`all.${name}`)));
      const before = await read('ens7.rp_filter');
      await check('sysctl', '-w', 'net.ipv4.conf.ens6.rp_filter=1');
      await configure(`  - match: { device: 1 }
    reversePathFilter: loose
    arp: own
`);
      await until('the filter', async () => (await read('ens6.rp_filter')) === '2');
      expect([await read('ens6.arp_ignore'), await read('ens6.arp_announce')]).toEqual(['1', '2']);
      expect(await read('ens7.rp_filter')).toBe(before);
      const now = await Promise.all(['rp_filter', 'arp_ignore', 'arp_announce'].map((name) => read(`all.${name}`)));
      expect(now).toEqual(all);
      // The kernel announces only this one.
      await check('sysctl', '-w', 'net.ipv4.conf.ens6.rp_filter=1');
      await until('the filter is back', async () => (await read('ens6.rp_filter')) === '2');
      expect(lab.enid.lines.at(-1)).toMatch(
        /^info ens6 repaired: sysctl -w net\/ipv4\/conf\/ens6\/rp_filter=2 \(it is 1\); .* CHANGE=set-link-setting REPAIR=setting$/,
      );
      await awaitReach(lab.vpc);
      await configure('');
      expect(await read('ens6.rp_filter')).toBe('2');
    },
    testMs,
  );

  it(
    'match by tag of the instance: changes take effect live, and a single read removes nothing',
    async () => {
      const { metadata } = lab.vpc;
      await metadata.setTags({ role: 'web-1', other: 'x' });
      await configure(`  - match: { device: 1, tag: { role: "web-*" } }
    rules: classic
`);
      const isClassic = async () => /^10001:\tfrom 10\.0\.2\.23 lookup 10001/m.test(await check('ip', 'rule'));
      await until('the rules of the tagged instance', isClassic);
      const resolved = await runEnid(lab.vpc.guest, ['config', 'show', '--resolved', '--json']);
      const shown = JSON.parse(resolved.stdout).enis.find(({ link }: { link: string }) => link === 'ens6');
      expect(shown).toMatchObject({
        entry: {
          place: '/etc/enid/config.yaml: interfaces[1]',
          match: { tag: { role: 'web-*' } },
          sets: { rules: 'classic' },
        },
        policy: { rules: 'classic', manage: 'full' },
        follows: { table: 10001, rules: expect.arrayContaining(['pref 10001 from 10.0.2.23/32 lookup 10001']) },
      });
      await metadata.setTags({ role: 'database' });
      await until('the rules of any instance', async () => !(await isClassic()));
      await metadata.setTags(undefined);
      const warned = /^warning +tags +entries match by tag, but the instance does not expose its tags$/m;
      await until('the warning', async () => warned.test((await runEnid(lab.vpc.guest, ['doctor'])).stdout));
      await configure('');
      await awaitReach(lab.vpc);
    },
    testMs,
  );

  it(
    'manage: rules, names, none',
    async () => {
      await configure(`  - match: { device: 1 }
    manage: names
  - match: { device: 2 }
    manage: none
  - match: { device: 3 }
    manage: rules
`);
      await until('their rules are gone', async () => !/lookup 1000[12] /.test(await check('ip', 'rule')));
      expect(await check('ip', 'rule')).toMatch(/10\.0\.3\.0\/24 iif lo lookup 10003/);
      expect(await check('ls', '/run/systemd/network')).not.toMatch(/70-ens[678]/);
      expect(await check('ip', 'link', 'show', 'dev', 'ens6')).toMatch(/altname eni-00000000000000002/);
      expect(await lab.vpc.reaches('10.0.1.10')).toBe(true);
      await configure('');
      await awaitReach(lab.vpc);
    },
    testMs,
  );
});
