/** What is done on each host of the matrix, in this order; each throws with what did not come. */

import { alone, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import type { MatrixHost } from './host.ts';
import { isSupported } from './rows.ts';

export interface Deed {
  /** Heading of its column. */
  readonly name: string;
  /** Nothing after it makes sense where it fails. */
  readonly isFirst?: boolean;
  readonly run: (host: MatrixHost) => Promise<void>;
}

const installs = {
  apt: 'apt-get install -y --no-install-recommends /packages/enid_*_amd64.deb 2>&1',
  dnf: 'dnf -y --nogpgcheck install /packages/enid-*.x86_64.rpm 2>&1',
} as const;
const removals = { apt: 'apt-get remove -y enid 2>&1', dnf: 'dnf -y remove enid 2>&1' } as const;

const configuredCount = (count: number) => `[ "$(enid status | grep -c ' configured ')" = ${count} ]`;
const config = '/etc/enid/config.d/zz-matrix.yaml';
const classicRule = "ip rule | grep -q '^10001:.from 10.0.2.23 lookup 10001'";

export const deeds: readonly Deed[] = [
  {
    name: 'install',
    isFirst: true,
    run: async (host) => {
      await host.until('the leases of the distribution', "ip -4 -o address | grep -q '10.0.1.10/24'");
      if (!isSupported(host.row.tree)) return await expectRefusal(host);
      // What the .rpm asks for is there by dpkg.
      if (host.tool === 'dnf') await host.shell(`rpm -i --nosignature /packages/stand-ins-*.rpm ${polkitOf(host)}`);
      await host.shell(installs[host.tool], 180_000);
      await host.until('the service', 'systemctl is-active enid && systemctl is-enabled enid');
    },
  },
  {
    name: 'main job',
    run: async (host) => {
      await host.awaitReach();
      await host.until('2 ENIs are configured', configuredCount(2));
      await host.until('nothing is left to do', 'enid plan');
    },
  },
  {
    name: 'drift',
    run: async (host) => {
      await host.shell(`ip rule flush; ip rule add pref 32766 lookup main; ip route flush table 10001
        ip address del 10.0.2.22/32 dev ens6`);
      await host.awaitReach();
      await host.until('all is back', 'enid plan');
    },
  },
  {
    name: 'reload',
    run: async (host) => {
      await host.shell(`printf 'interfaces: [{ match: { device: 1 }, rules: classic }]\\n' > ${config}
        systemctl reload enid && ${classicRule}`);
      await host.shell(`rm ${config} && systemctl reload enid && ! { ${classicRule}; }`);
      await host.awaitReach();
    },
  },
  {
    name: 'attach',
    run: async (host) => {
      await host.vpc.attach(sharing);
      await host.awaitReach();
      await host.until('3 ENIs are configured', configuredCount(3));
    },
  },
  {
    name: 'bus restart',
    run: async (host) => {
      const processId = await host.machine.show('MainPID');
      await host.shell('systemctl restart dbus');
      await host.until('enid is on the bus', 'busctl --timeout=5 status org.enid1 > /dev/null');
      await host.vpc.assign(alone.id, { ipv4: ['10.0.2.30'] });
      await host.awaitReach();
      const now = await host.machine.show('MainPID');
      if (now !== processId) throw new Error(`enid was restarted: process ${processId} before, ${now} now`);
    },
  },
  {
    name: 'networkd restart',
    run: async (host) => {
      await host.shell('systemctl restart systemd-networkd');
      await host.awaitReach();
      await host.until('networkd has its links, enid has nothing to do', `${configuredCount(3)} && enid plan`);
    },
  },
  {
    name: 'attach then',
    run: async (host) => {
      await host.vpc.attach(withPrefixes);
      await host.awaitReach();
      await host.until('4 ENIs are configured', configuredCount(4));
    },
  },
  {
    name: 'removal',
    run: async (host) => {
      await host.shell(removals[host.tool], 120_000);
      await host.shell('! command -v enid && ! systemctl is-active enid');
      await host.awaitReach();
      await host.shell('systemctl restart systemd-networkd');
      await host.until('the primary has its lease', "ip -4 -o address show dev ens5 | grep -q '10.0.1.10/24'");
      if (!(await host.vpc.reaches('10.0.1.10', { timeoutMs: 5000 }))) throw new Error('not reached: 10.0.1.10');
    },
  },
];

function polkitOf({ row }: MatrixHost): string {
  return row.polkit === 'yes' ? '/packages/stand-in-polkit-*.rpm' : '';
}

/** The tool says in one line what is missing, and the host is as it was. */
async function expectRefusal(host: MatrixHost): Promise<void> {
  const read = () => host.shell('dpkg -l | sort; find /etc /usr/lib /run/systemd/network | sort; ip rule; ip route');
  const before = await read();
  const { code, stdout } = await host.machine.run(['sh', '-c', `LC_ALL=C ${installs[host.tool]}`]);
  const said = stdout.split('\n').filter((line) => /systemd \(>= \d+\) but \d+/.test(line));
  if (code === 0 || said.length !== 1) throw new Error(`expected one line about systemd, got code ${code}: ${stdout}`);
  if ((await read()) !== before) throw new Error('expected the host as it was, got changes');
}
