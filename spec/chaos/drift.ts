/** Another program that removes what is this program's. */

import type { Vpc } from '../../fixtures/vpc/vpc.ts';

type Kind = 'rule' | 'route' | 'address' | 'name' | 'file';

/** Commands that each remove one object of a kind, as they stand now. */
async function listDeletions(vpc: Vpc, what: Kind): Promise<string[]> {
  const show = async (...argv: string[]) => (await vpc.guest.check(argv)).split('\n').map((line) => line.trim());
  const families = ['-4', '-6'];
  switch (what) {
    case 'rule': {
      const lines = await Promise.all(
        families.map(async (family) =>
          (await show('ip', family, 'rule')).flatMap((line) => {
            const priority = /^(2\d{4}):/.exec(line)?.[1];
            return priority === undefined || priority === '20777' ? [] : [`ip ${family} rule del pref ${priority}`];
          }),
        ),
      );
      return lines.flat();
    }
    case 'route': {
      const lines = await Promise.all(
        families.map(async (family) =>
          (await show('ip', family, 'route', 'show', 'table', 'all')).flatMap((line) => {
            const isOwn =
              /dev ens\d/.test(line) && (/table 1\d{4}/.test(line) || /^default .*proto (dhcp|236)/.test(line));
            const text = line.replace(/ (expires|mtu|hoplimit|pref|nhid|src) \S+/g, '').replace(/ linkdown/, '');
            return isOwn ? [`ip ${family} route del ${text}`] : [];
          }),
        ),
      );
      return lines.flat();
    }
    case 'address':
      return (await show('ip', '-o', 'address', 'show', 'scope', 'global')).flatMap((line) => {
        const found = /^\d+: (ens\d+)\s+inet6? (\S+)/.exec(line);
        return found === null ? [] : [`ip address del ${found[2]} dev ${found[1]}`];
      });
    case 'name':
      return (await show('ip', '-o', 'link')).flatMap((line) => {
        const link = /^\d+: (ens\d+)/.exec(line)?.[1];
        const names = [...line.matchAll(/altname (\S+)/g)].map(([, name]) => name);
        return link === undefined ? [] : names.map((name) => `ip link property del dev ${link} altname ${name}`);
      });
    case 'file':
      return (await show('find', '/run/systemd/network', '-name', '70-ens*', '-o', '-name', 'sources.conf'))
        .filter((path) => path !== '')
        .map((path) => `rm -r ${path}`);
  }
}

/** False: there is none. */
export async function deleteOne(vpc: Vpc, what: Kind, object: number): Promise<boolean> {
  const deletions = await listDeletions(vpc, what);
  const command = deletions[object % Math.max(1, deletions.length)];
  if (command === undefined) return false;
  // It may have gone by itself meanwhile.
  await vpc.guest.run(['sh', '-c', command]);
  return true;
}

const restoreKernelRules =
  'ip rule add pref 32766 lookup main; ip rule add pref 32767 lookup default; ip -6 rule add pref 32766 lookup main';

/**
 * All of a kind at once; the kernel's own rules come back, as every script that flushes does it.
 */
export async function flush(vpc: Vpc, what: 'rules' | 'table' | 'addresses' | 'main', object: number): Promise<void> {
  const { linkName } = vpc.enis[object % vpc.enis.length] ?? { linkName: 'ens5' };
  const table = 10_001 + (object % 4);
  const script = {
    rules: `ip rule flush; ip -6 rule flush; ${restoreKernelRules}`,
    table: `ip route flush table ${table}; ip -6 route flush table ${table}`,
    addresses: `ip -4 address flush dev ${linkName} scope global; ip -6 address flush dev ${linkName} scope global`,
    main: `ip -4 route flush table main dev ${linkName}`,
  }[what];
  await vpc.guest.run(['sh', '-c', script]);
}
