/**
 * The steps of `enid takeover` on a host that another manager configures: first what applies to the
 * next boot, then the hand-over, in which the links keep their addresses. Pure.
 */

import type { CommandStep, KillStep, TakeoverFacts, TakeoverPlan, TakeoverStep } from '../../takeover-model.ts';
import { cloudSetupName, peerName } from '../base/other-managers.ts';
import { describeTooOld } from '../base/systemd.ts';
import { removeFromInterfaces } from './ifupdown.ts';
import { judgeNetplan } from './netplan.ts';

/** One manager's part. */
interface Part {
  readonly managers: readonly string[];
  readonly files: readonly TakeoverStep[];
  /**
   * Before systemd-networkd starts: the previous manager releases the links without removing the
   * addresses.
   */
  readonly letGo: readonly (CommandStep | KillStep)[];
  /** After all other steps. */
  readonly resume: readonly CommandStep[];
  readonly obstacles: readonly string[];
}

const nothing: Part = { managers: [], files: [], letGo: [], resume: [], obstacles: [] };
const networkd = 'systemd-networkd.service';
const resolved = 'systemd-resolved.service';
const networkManager = 'NetworkManager.service';
/** It asks the metadata service every 5 minutes, and has NetworkManager apply what it finds. */
const cloudSetupUnits = ['nm-cloud-setup.timer', 'nm-cloud-setup.service'];
const networkManagerFile = '/etc/NetworkManager/conf.d/90-enid.conf';
const fallbackFile = '/etc/systemd/network/80-ec2.network';
const cloudInitFile = '/etc/cloud/cloud.cfg.d/99-enid-network.cfg';

export function planTakeover(facts: TakeoverFacts): TakeoverPlan {
  const parts = [planIfupdown, planNetworkManager, planDhcpcd, planNetplan].map((plan) => plan(facts));
  const managers = parts.flatMap((part) => part.managers);
  const obstacles = [...judgeHost(facts), ...parts.flatMap((part) => part.obstacles)];
  if (managers.length === 0 && facts.units[networkd] !== undefined && !isRunning(facts, networkd))
    obstacles.push(
      'it is not known what configures the ENIs now: neither systemd-networkd nor a manager that enid can take over from',
    );
  const notes =
    facts.units[resolved] === undefined ? ['systemd-resolved is not installed: /etc/resolv.conf stays as it is'] : [];
  if (managers.length === 0 && isRunning(facts, 'enid.service') && isRunning(facts, networkd)) {
    return { managers, steps: [], obstacles: [], notes: [] };
  }
  if (managers.length === 0 && isRunning(facts, networkd)) {
    obstacles.push(
      ...facts.unclaimedLinks.map(
        (link) => `it is not known what configures ${link} now: systemd-networkd has no file for it`,
      ),
    );
  }
  const steps = [
    // First, so that a host that is cut off from here on has a network after a reboot.
    ...enable(facts, networkd),
    ...enable(facts, 'enid.service'),
    ...parts.flatMap((part) => part.files),
    ...(facts.isFallbackMasked ? [{ kind: 'remove', path: fallbackFile } as const] : []),
    ...(facts.hasCloudInit && managers.length > 0
      ? [
          write(
            cloudInitFile,
            '# Written by enid takeover: cloud-init leaves the network alone.\nnetwork: {config: disabled}\n',
          ),
        ]
      : []),
    // Written before networkd starts: no reload, no second lease.
    ...facts.networkFiles.map(({ path, text }): TakeoverStep => ({ kind: 'write', path, text, owner: 'enid' })),
    ...planResolver(facts),
    ...parts.flatMap((part) => part.letGo),
    ...(managers.length > 0 ? facts.heldAddresses : []).map(
      (held): TakeoverStep => ({ kind: 'renew-address', ...held }),
    ),
    isRunning(facts, networkd)
      ? command(['systemctl', 'restart', networkd], [['systemctl', 'restart', networkd]])
      : command(['systemctl', 'start', networkd], [['systemctl', 'stop', 'systemd-networkd.socket', networkd]]),
    ...(isRunning(facts, 'enid.service')
      ? [command(['systemctl', 'restart', 'enid.service'], [])]
      : [
          {
            ...command(['systemctl', 'start', 'enid.service'], [['systemctl', 'stop', 'enid.service']]),
            isUndoneFirst: true,
          },
        ]),
    ...parts.flatMap((part) => part.resume),
  ];
  return { managers, steps, obstacles, notes };
}

function judgeHost(facts: TakeoverFacts): string[] {
  const { isRoot, hasSystemd, eniLinks, networkFiles, unconfigured, isTaken, units, resolvConf } = facts;
  const found: string[] = [];
  if (!isRoot) found.push('must be run as root');
  if (!hasSystemd) found.push('systemd is not process 1 here');
  const tooOld = describeTooOld(facts.systemdVersion);
  if (tooOld !== null) found.push(tooOld);
  if (units[networkd] === undefined) found.push('systemd-networkd is not installed');
  if (eniLinks.length === 0) found.push('no ENI found (see `drivers` in the configuration)');
  else if (networkFiles.length === 0 && unconfigured.length > 0) found.push(...unconfigured);
  else if (networkFiles.length === 0) found.push('the metadata service does not answer: what the ENIs need is unknown');
  if (units[resolved] === undefined && resolvConf === 'volatile')
    found.push(
      '/etc/resolv.conf links to a file that no program would write after the next boot. Install systemd-resolved',
    );
  if (isTaken) found.push('a takeover was already made and not undone: enid takeover --undo');
  return found;
}

function planIfupdown({ interfacesFiles, eniLinks, otherLinks, clients }: TakeoverFacts): Part {
  const { links, changed, obstacles } = removeFromInterfaces(interfacesFiles, eniLinks);
  if (links.length === 0) return { ...nothing, obstacles };
  // DHCP clients of other links keep running.
  const ours = clients.filter(({ words }) => words.some((word) => eniLinks.includes(word)));
  const shared = ours.filter(({ words }) => words.some((word) => otherLinks.includes(word)));
  return {
    ...nothing,
    managers: [`ifupdown (${links.join(', ')})`],
    files: changed.map(({ path, text }) => write(path, text)),
    // ifdown would take the link down. Killed, a client leaves lease and addresses.
    letGo: [killAll(ours, ['ifup', '--force', ...links])],
    obstacles: [
      ...obstacles,
      ...shared.map(({ name, processId }) => `${name} (process ${processId}) also serves a link that is not an ENI`),
      ...(ours.length === 0
        ? clients.map(({ name, processId }) => `it is not known which links ${name} (process ${processId}) serves`)
        : []),
    ],
  };
}

/** It keeps managing other links, and ignores the ENIs, including those attached later. */
function planNetworkManager(facts: TakeoverFacts): Part {
  const { units, drivers, eniLinks, networkManagerDevices: devices, isNetworkManagerTold } = facts;
  const unit = units[networkManager];
  if (unit === undefined || isNetworkManagerTold || (!unit.isActive && !unit.isEnabled)) return nothing;
  const matches = [...drivers.map((driver) => `driver:${driver}`), ...eniLinks.map((link) => `interface-name:${link}`)];
  const dns = units[resolved] === undefined ? '\n[main]\ndns=none\n' : '';
  const text = `# Written by enid takeover: systemd-networkd and enid manage the ENIs.\n[device-enid]\nmatch-device=${matches.join(',')}\nmanaged=0\n${dns}`;
  const [stop, start] = [
    ['systemctl', 'stop', networkManager],
    ['systemctl', 'start', networkManager],
  ];
  const cloudSetup = cloudSetupUnits.filter((name) => units[name]?.isActive || units[name]?.isEnabled);
  const managers = ['NetworkManager', ...(cloudSetup.length > 0 ? [cloudSetupName] : [])];
  const undoCloudSetup = cloudSetup.filter((name) => units[name]?.isEnabled);
  return {
    ...nothing,
    managers,
    files: [write(networkManagerFile, text)],
    // A stop keeps the addresses; unmanaging a link while it runs would not. The state that it
    // keeps for a link when it starts again takes precedence over its configuration (1.42).
    letGo: [
      ...(cloudSetup.length > 0
        ? [
            command(
              ['systemctl', 'disable', '--now', ...cloudSetup],
              undoCloudSetup.length > 0 ? [['systemctl', 'enable', '--now', ...undoCloudSetup]] : [],
            ),
          ]
        : []),
      ...(unit.isActive
        ? [
            command(stop, resumeConnections(start, devices)),
            ...(devices.length > 0 ? [command(['rm', '-f', ...devices.map(({ path }) => path)], [])] : []),
          ]
        : []),
    ],
    resume: unit.isActive ? [command(start, [stop])] : [],
  };
}

/**
 * Without this it would treat the addresses on the links as external, and never request a lease
 * again.
 */
function resumeConnections(
  start: readonly string[],
  devices: TakeoverFacts['networkManagerDevices'],
): readonly (readonly string[])[] {
  const activations = devices.flatMap(({ link, connection }) =>
    connection === null ? [] : [['nmcli', '--wait', '60', 'connection', 'up', 'uuid', connection, 'ifname', link]],
  );
  return [start, ...activations];
}

function planDhcpcd({ units, clients, otherLinks }: TakeoverFacts): Part {
  const unit = units['dhcpcd.service'];
  const processes = clients.filter(({ name }) => name.startsWith('dhcpcd'));
  if (unit === undefined || (!unit.isActive && !unit.isEnabled)) return nothing;
  return {
    ...nothing,
    managers: ['dhcpcd'],
    letGo: [
      command(
        ['systemctl', 'disable', 'dhcpcd.service'],
        unit.isEnabled ? [['systemctl', 'enable', 'dhcpcd.service']] : [],
      ),
      ...(unit.isActive ? [killAll(processes, ['systemctl', 'restart', 'dhcpcd.service'])] : []),
    ],
    obstacles: otherLinks.map((link) => `dhcpcd may configure ${link}, which is not an ENI`),
  };
}

/**
 * Including managers whose files networkd reads: cloud-init, and leftovers of amazon-ec2-net-utils.
 */
function planNetplan({ netplanFiles, generatedFiles, eniLinks, otherLinks }: TakeoverFacts): Part {
  const { paths, obstacles } = judgeNetplan({ files: netplanFiles, eniLinks, otherLinks });
  const generated = generatedFiles.filter((path) => paths.length > 0 || !path.includes('netplan'));
  if (paths.length === 0 && generated.length === 0) return nothing;
  const isPeer = generated.some((path) => /^\/run\/systemd\/network\/(07|70)-/.test(path));
  const managers = [
    ...(paths.length > 0 ? ['netplan'] : []),
    ...(generated.some((path) => path.includes('cloud-init')) ? ['cloud-init'] : []),
    ...(isPeer ? [peerName] : []),
  ];
  return {
    ...nothing,
    managers,
    files: [...paths, ...generated].map((path): TakeoverStep => ({ kind: 'remove', path })),
    letGo: isPeer ? [command(['systemctl', 'stop', 'refresh-policy-routes@*.timer'], [])] : [],
    obstacles,
  };
}

/** As the installation of amazon-ec2-net-utils does. */
function planResolver(facts: TakeoverFacts): TakeoverStep[] {
  if (facts.units[resolved] === undefined) return [];
  return [
    ...enable(facts, resolved),
    ...(isRunning(facts, resolved)
      ? []
      : [command(['systemctl', 'start', resolved], [['systemctl', 'stop', resolved]])]),
    ...(facts.resolvConf === 'resolved'
      ? []
      : [{ kind: 'link', path: '/etc/resolv.conf', target: '../run/systemd/resolve/resolv.conf' } as const]),
  ];
}

function isRunning({ units }: TakeoverFacts, unit: string): boolean {
  return units[unit]?.isActive ?? false;
}

function enable({ units }: TakeoverFacts, unit: string): CommandStep[] {
  if (units[unit]?.isEnabled === true) return [];
  return [command(['systemctl', 'enable', unit], [['systemctl', 'disable', unit]])];
}

/** Without a client there is nothing to kill, but the undo commands still apply. */
function killAll(clients: TakeoverFacts['clients'], undo: readonly string[]): KillStep {
  return { kind: 'kill', processIds: clients.map(({ processId }) => processId), undo: [undo] };
}

function write(path: string, text: string): TakeoverStep {
  return { kind: 'write', path, text, owner: 'root' };
}

function command(argv: readonly string[], undo: readonly (readonly string[])[]): CommandStep {
  return { kind: 'command', argv, undo, isUndoneFirst: false };
}
