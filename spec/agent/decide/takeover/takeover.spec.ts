import { describe, expect, it } from '@jest/globals';
import { removeFromInterfaces } from '../../../../agent/decide/takeover/ifupdown.ts';
import { judgeNetplan } from '../../../../agent/decide/takeover/netplan.ts';
import { planTakeover } from '../../../../agent/decide/takeover/takeover.ts';
import { renderTakeoverPlan } from '../../../../agent/report/takeover-text.ts';
import type { TakeoverFacts } from '../../../../agent/takeover-model.ts';

const bare: TakeoverFacts = {
  isRoot: true,
  hasSystemd: true,
  systemdVersion: 252,
  eniLinks: ['ens5'],
  unclaimedLinks: [],
  isFallbackMasked: false,
  heldAddresses: [],
  otherLinks: [],
  drivers: ['ena'],
  units: {
    'systemd-networkd.service': { isActive: false, isEnabled: false },
    'enid.service': { isActive: false, isEnabled: false },
  },
  interfacesFiles: [],
  netplanFiles: [],
  generatedFiles: [],
  clients: [],
  hasCloudInit: false,
  networkManagerDevices: [],
  isNetworkManagerTold: false,
  resolvConf: 'other',
  networkFiles: [{ path: '/run/systemd/network/70-ens5.network', text: '…' }],
  unconfigured: [],
  isTaken: false,
};
const on = { isActive: true, isEnabled: true };
const installed = { isActive: false, isEnabled: false };

const interfaces = `# This file is kept
auto lo ens5
iface lo inet loopback

# the primary
iface ens5 inet dhcp
    metric 100
iface ens5 inet6 auto

auto br0
iface br0 inet static
    address 192.0.2.1/24
`;

/** ifupdown's, with one client of these words. */
function withClient(words: readonly string[]): Partial<TakeoverFacts> {
  return {
    otherLinks: ['eth9'],
    clients: [{ name: 'dhclient', processId: 7, words }],
    interfacesFiles: [{ path: '/etc/network/interfaces', text: 'iface ens5 inet dhcp\n' }],
  };
}

function plan(facts: Partial<TakeoverFacts>): string {
  return renderTakeoverPlan(planTakeover({ ...bare, ...facts }));
}

describe('planTakeover', () => {
  it('ifupdown: the stanzas of the ENIs go, the client is killed and not asked to let go', () => {
    expect(
      plan({
        interfacesFiles: [{ path: '/etc/network/interfaces', text: 'auto ens5\niface ens5 inet dhcp\n' }],
        clients: [
          { name: 'dhclient', processId: 321, words: ['dhclient', '-4', '-pf', '/run/dhclient.ens5.pid', 'ens5'] },
          { name: 'dhclient', processId: 322, words: ['dhclient', 'br0'] },
        ],
        isFallbackMasked: true,
      }),
    ).toBe(`The ENIs are configured by: ifupdown (ens5)

Steps:
  systemctl enable systemd-networkd.service
  systemctl enable enid.service
  write /etc/network/interfaces
  remove /etc/systemd/network/80-ec2.network
  write /run/systemd/network/70-ens5.network
  kill -KILL 321
  systemctl start systemd-networkd.service
  systemctl start enid.service

Note: systemd-resolved is not installed: /etc/resolv.conf stays as it is
`);
  });

  it('NetworkManager: stopped, not told to give up the links while it runs; it comes back for the others', () => {
    const units = { ...bare.units, 'NetworkManager.service': on, 'systemd-resolved.service': installed };
    const connection = '00000000-0000-4000-8000-000000000001';
    const networkManagerDevices = [{ link: 'ens5', path: '/run/NetworkManager/devices/2', connection }];
    expect(plan({ units, networkManagerDevices })).toBe(`The ENIs are configured by: NetworkManager

Steps:
  systemctl enable systemd-networkd.service
  systemctl enable enid.service
  write /etc/NetworkManager/conf.d/90-enid.conf
  write /run/systemd/network/70-ens5.network
  systemctl enable systemd-resolved.service
  systemctl start systemd-resolved.service
  link /etc/resolv.conf to ../run/systemd/resolve/resolv.conf
  systemctl stop NetworkManager.service
  rm -f /run/NetworkManager/devices/2
  systemctl start systemd-networkd.service
  systemctl start enid.service
  systemctl start NetworkManager.service
`);
    const { steps } = planTakeover({ ...bare, units, networkManagerDevices });
    const stop = steps.find((step) => step.kind === 'command' && step.argv.includes('stop'));
    expect(stop).toMatchObject({
      undo: [
        ['systemctl', 'start', 'NetworkManager.service'],
        ['nmcli', '--wait', '60', 'connection', 'up', 'uuid', connection, 'ifname', 'ens5'],
      ],
    });
    const file = steps.find((step) => step.kind === 'write' && step.path.includes('NetworkManager'));
    expect(file).toMatchObject({
      text: expect.stringContaining('match-device=driver:ena,interface-name:ens5\nmanaged=0'),
    });
  });

  it('netplan and cloud-init: their files go, networkd reads the new ones as it starts again', () => {
    expect(
      plan({
        units: { ...bare.units, 'systemd-networkd.service': { isActive: true, isEnabled: false } },
        netplanFiles: [
          {
            path: '/etc/netplan/50-cloud-init.yaml',
            document: { network: { version: 2, ethernets: { ens5: { dhcp4: true } } } },
          },
        ],
        generatedFiles: ['/run/systemd/network/10-netplan-ens5.network'],
        hasCloudInit: true,
      }),
    ).toBe(`The ENIs are configured by: netplan

Steps:
  systemctl enable systemd-networkd.service
  systemctl enable enid.service
  remove /etc/netplan/50-cloud-init.yaml
  remove /run/systemd/network/10-netplan-ens5.network
  write /etc/cloud/cloud.cfg.d/99-enid-network.cfg
  write /run/systemd/network/70-ens5.network
  systemctl restart systemd-networkd.service
  systemctl start enid.service

Note: systemd-resolved is not installed: /etc/resolv.conf stays as it is
`);
  });

  it('amazon-ec2-net-utils, when its package is gone: its files make room for those of the same names', () => {
    const generatedFiles = ['/run/systemd/network/70-ens5.network', '/run/systemd/network/70-ens5.network.d/eni.conf'];
    expect(
      plan({ generatedFiles, units: { ...bare.units, 'systemd-networkd.service': on } }),
    ).toMatch(`The ENIs are configured by: amazon-ec2-net-utils

Steps:
  systemctl enable enid.service
  remove /run/systemd/network/70-ens5.network
  remove /run/systemd/network/70-ens5.network.d/eni.conf
  write /run/systemd/network/70-ens5.network
  systemctl stop refresh-policy-routes@*.timer
  systemctl restart systemd-networkd.service
`);
  });

  it('amazon-ec2-net-utils of Debian and Ubuntu, whose files sort before', () => {
    const generatedFiles = ['/run/systemd/network/07-ens5.network', '/run/systemd/network/07-ens5.network.d/eni.conf'];
    const text = plan({ generatedFiles, units: { ...bare.units, 'systemd-networkd.service': on } });
    expect(text).toMatch(/configured by: amazon-ec2-net-utils$/m);
    for (const path of generatedFiles) expect(text).toContain(`  remove ${path}\n`);
  });

  it('NetworkManager with nm-cloud-setup, whose timer ends before it and comes back with the undo', () => {
    const units = {
      ...bare.units,
      'NetworkManager.service': on,
      'nm-cloud-setup.timer': on,
      'nm-cloud-setup.service': installed,
    };
    expect(plan({ units })).toMatch(/configured by: NetworkManager, nm-cloud-setup$/m);
    const { steps } = planTakeover({ ...bare, units });
    const commands = steps.flatMap((step) => (step.kind === 'command' ? [step] : []));
    const names = commands.map(({ argv }) => argv.join(' '));
    const at = names.indexOf('systemctl disable --now nm-cloud-setup.timer');
    expect(at).toBeGreaterThan(-1);
    expect(at).toBeLessThan(names.indexOf('systemctl stop NetworkManager.service'));
    expect(commands[at]?.undo).toEqual([['systemctl', 'enable', '--now', 'nm-cloud-setup.timer']]);
  });

  it('has nothing to do where networkd and enid run and nobody else does', () => {
    const units = { 'systemd-networkd.service': on, 'enid.service': on, 'NetworkManager.service': on };
    expect(plan({ units, isNetworkManagerTold: true, isTaken: true, networkFiles: [] })).toMatch(/already/);
  });

  it.each([
    ['must be run as root', { isRoot: false }],
    ['systemd 249 is too old: expected 252', { systemdVersion: 249 }],
    ['systemd is not process 1', { hasSystemd: false }],
    ['systemd-networkd is not installed', { units: {} }],
    ['no ENI found', { eniLinks: [] }],
    ['the metadata service does not answer', { networkFiles: [] }],
    ['ens5: /etc/x claims', { networkFiles: [], unconfigured: ['ens5: /etc/x claims the link'] }],
    ['enid takeover --undo', { isTaken: true }],
    ['is not known', { units: bare.units }],
    ['it is not known what configures ens5 now', { unclaimedLinks: ['ens5'] }],
    ['/etc/resolv.conf links to a file', { resolvConf: 'volatile' as const }],
    ['dhclient (process 7) also serves a link that is not an ENI', withClient(['dhclient', 'ens5', 'eth9'])],
    ['it is not known which links dhclient (process 7) serves', withClient(['dhclient', '-v'])],
    ['dhcpcd may configure eth9', { otherLinks: ['eth9'], units: { ...bare.units, 'dhcpcd.service': on } }],
  ])('is kept back: %s', (text, facts) => {
    const units = { ...bare.units, 'systemd-networkd.service': on };
    expect(planTakeover({ ...bare, units, ...facts }).obstacles).toEqual([expect.stringContaining(text)]);
  });

  it('a lease that networkd could not take over as it is, is made again just before networkd starts', () => {
    const address = {
      linkIndex: 2,
      family: 4 as const,
      address: '10.0.1.10',
      prefixLength: 24,
      scope: 0,
      flags: 0,
      protocol: 0,
      metric: 512,
      validLifetime: 3600,
    };
    const units = { ...bare.units, 'dhcpcd.service': on };
    expect(plan({ units, heldAddresses: [{ address, routes: [] }] })).toContain(
      "  add 10.0.1.10/24 again, with the kernel's own route\n  systemctl start systemd-networkd.service\n",
    );
  });

  it('enid ends before its files go: it would write them again', () => {
    const { steps } = planTakeover({ ...bare, units: { ...bare.units, 'dhcpcd.service': on } });
    const first = steps.filter((step) => step.kind === 'command' && step.isUndoneFirst);
    expect(first).toMatchObject([{ undo: [['systemctl', 'stop', 'enid.service']] }]);
  });

  it('every command that starts or stops something has its way back', () => {
    const { steps } = planTakeover({
      ...bare,
      units: {
        ...bare.units,
        'NetworkManager.service': on,
        'dhcpcd.service': on,
        'systemd-resolved.service': installed,
      },
      interfacesFiles: [{ path: '/etc/network/interfaces', text: 'iface ens5 inet dhcp\n' }],
    });
    for (const step of steps) if (step.kind === 'command') expect(step.undo).not.toEqual([]);
  });
});

describe('removeFromInterfaces', () => {
  it('keeps everything that is no ENI, comments too', () => {
    const { links, changed, obstacles } = removeFromInterfaces([{ path: 'f', text: interfaces }], ['ens5']);
    expect([links, obstacles]).toEqual([['ens5'], []]);
    expect(changed).toEqual([
      {
        path: 'f',
        text: '# This file is kept\nauto lo\niface lo inet loopback\n\n# the primary\nauto br0\niface br0 inet static\n    address 192.0.2.1/24\n',
      },
    ]);
  });

  it('has nothing to say of files without an ENI', () => {
    const text = 'auto /eth*\nmapping eth0\n  script x\niface eth0 inet static\n';
    expect(removeFromInterfaces([{ path: 'f', text }], ['ens5'])).toEqual({ links: [], changed: [], obstacles: [] });
  });

  it.each([
    ['static', 'iface ens5 inet static\n  metric 1\n'],
    [
      '`up ip route add 192.0.2.0/24 via 10.0.1.9`',
      'iface ens5 inet dhcp\n  up ip route add 192.0.2.0/24 via 10.0.1.9\n',
    ],
    ['pattern', 'auto /ens*\niface ens5 inet dhcp\n'],
    ['mapping', 'mapping ens*\n  script x\niface ens5 inet dhcp\n'],
    ['iface ens5:0 would stay in addition to networkd', 'iface ens5 inet dhcp\niface ens5:0 inet static\n'],
    ['iface ens5:0 would stay in addition to networkd', 'iface ens5:0 inet static\n'],
  ])('is kept back by what networkd would not do: %s', (text, file) => {
    expect(removeFromInterfaces([{ path: 'f', text: file }], ['ens5']).obstacles).toEqual([
      expect.stringContaining(text),
    ]);
  });
});

describe('judgeNetplan', () => {
  const judge = (network: unknown, otherLinks: readonly string[] = []) =>
    judgeNetplan({ files: [{ path: 'f', document: { network } }], eniLinks: ['ens5'], otherLinks });

  it("takes Debian's own cloud file: DHCP on whatever there is", () => {
    const ethernets = {
      'all-en': { match: { name: 'en*' }, dhcp4: true, dhcp6: true, 'dhcp4-overrides': { 'use-domains': true } },
      'all-eth': { match: { name: 'eth*' }, dhcp4: true },
    };
    expect(judge({ version: 2, ethernets })).toEqual({ paths: ['f'], obstacles: [] });
    expect(judge({ version: 2, ethernets }, ['eth9']).obstacles).toEqual([expect.stringContaining('eth9')]);
  });

  it('leaves files for other links alone', () => {
    expect(judge({ ethernets: { eth9: { addresses: ['192.0.2.1/24'] } }, bridges: {} })).toEqual({
      paths: [],
      obstacles: [],
    });
  });

  it.each([
    ['addresses', { ethernets: { ens5: { dhcp4: true, addresses: ['192.0.2.1/24'] } } }],
    ['expected dhcp4 or dhcp6', { ethernets: { ens5: { dhcp4: false } } }],
    ['accept-ra', { ethernets: { ens5: { dhcp4: true, 'accept-ra': false } } }],
    ['use-routes: false', { ethernets: { ens5: { dhcp4: true, 'dhcp4-overrides': { 'use-routes': false } } } }],
    ['bridges', { ethernets: { ens5: { dhcp4: true } }, bridges: { br0: {} } }],
    ['renderer: NetworkManager', { renderer: 'NetworkManager', ethernets: { ens5: { dhcp4: true } } }],
  ])('is kept back by %s', (text, network) => {
    expect(judge(network).obstacles).toEqual([expect.stringContaining(text)]);
  });

  it('is kept back by another file about the same', () => {
    const ethernets = { primary: { match: { name: 'ens5' }, dhcp4: true } };
    const addresses = { ethernets: { primary: { addresses: ['192.0.2.1/24'] } } };
    const bridge = { bridges: { br0: { interfaces: ['primary'] } } };
    for (const network of [addresses, bridge]) {
      const files = [
        { path: 'f', document: { network: { ethernets } } },
        { path: 'g', document: { network } },
      ];
      expect(judgeNetplan({ files, eniLinks: ['ens5'], otherLinks: [] })).toEqual({
        paths: ['f'],
        obstacles: ['g also configures primary, which would be removed with f'],
      });
    }
  });

  it('is kept back by a file that cannot be read', () => {
    expect(judge(null).obstacles).toEqual([expect.stringContaining('cannot be read')]);
  });

  it('gives no name to a shell', () => {
    const name = '$(id)';
    const connection = '00000000-0000-4000-8000-000000000001';
    const { steps } = planTakeover({
      ...bare,
      eniLinks: [name],
      units: {
        ...bare.units,
        'NetworkManager.service': on,
        'dhcpcd.service': on,
        'systemd-resolved.service': installed,
      },
      interfacesFiles: [{ path: '/etc/network/interfaces', text: `auto ${name}\niface ${name} inet dhcp\n` }],
      clients: [{ name: 'dhclient', processId: 321, words: ['dhclient', name] }],
      networkManagerDevices: [{ link: name, path: '/run/NetworkManager/devices/2', connection }],
    });
    const commands = steps.flatMap((step) =>
      step.kind === 'command' ? [step.argv, ...step.undo] : step.kind === 'kill' ? step.undo : [],
    );
    expect(commands.flat()).toContain(name);
    for (const [program] of commands) expect(program).toMatch(/^(systemctl|ifup|nmcli|rm)$/);
  });
});
