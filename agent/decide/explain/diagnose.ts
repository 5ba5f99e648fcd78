/** The checks of `enid doctor`: facts in, findings with suggested fixes out. Pure. */

import type {
  Change,
  Desired,
  EniReport,
  HostFacts,
  KernelState,
  NetworkdState,
  ReplyFacts,
  Snapshot,
} from '../../model.ts';
import { describeTooOld } from '../base/systemd.ts';
import { keepsAddresses } from '../desired/network-file.ts';
import type { Conflict } from '../diff/ownership.ts';
import { type AskedWays, checkLinkGroups, checkWays } from './check-ways.ts';
import { type ConfigurationState, checkConfiguration } from './diagnose-config.ts';
import { checkMemory, type DaemonMemory } from './diagnose-daemon.ts';
import { checkMetadata, checkTags } from './diagnose-metadata.ts';
import { checkCloudSetup, checkFiles, checkImdsNetwork } from './diagnose-others.ts';
import { checkPathMtus } from './diagnose-path-mtu.ts';
import { checkReplies } from './diagnose-replies.ts';
import { checkForeignRules, checkMainRule } from './diagnose-rules.ts';
import { type Finding, find, orFine } from './finding.ts';
import { computeStanding, describePending } from './standing.ts';

export interface Patient {
  readonly facts: HostFacts;
  readonly networkd: NetworkdState;
  readonly kernel: KernelState;
  readonly desired: Desired;
  /** What could not be read, as `inspectHost` returns it. */
  readonly warnings: readonly string[];
  /** Null: never read. */
  readonly snapshot: Snapshot | null;
  /** What separates the host from the desired state. */
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
  readonly replies?: ReplyFacts | undefined;
  readonly ways: AskedWays;
  readonly configuration: ConfigurationState;
  /** Null: no daemon answers. */
  readonly memory: DaemonMemory | null;
}

const checks: readonly ((patient: Patient) => Finding[])[] = [
  checkDaemon,
  (patient) => checkConfiguration(patient.configuration),
  checkNetworkd,
  checkReloadWays,
  checkForeignSettings,
  checkPrograms,
  checkFiles,
  checkMetadata,
  checkImdsNetwork,
  checkTags,
  checkEnis,
  (patient) => checkMemory(patient.memory),
  checkDrift,
  checkNumbers,
  checkMainRule,
  checkForeignRules,
  checkCloudSetup,
  (patient) => checkWays(patient.ways, patient),
  checkLinkGroups,
  checkReversePathFilters,
  checkReplies,
  checkKernel,
  checkPathMtus,
];

/** Every check has at least one finding: `ok` if it found no problem. */
export function diagnose(patient: Patient): Finding[] {
  return checks.flatMap((check) => check(patient));
}

/**
 * 0: nothing worse than `info`; 2: warnings; 3: errors. 1 is reserved for a doctor that could not
 * run its checks.
 */
export function computeExitCode(findings: readonly Finding[]): 0 | 2 | 3 {
  if (findings.some(({ severity }) => severity === 'error')) return 3;
  return findings.some(({ severity }) => severity === 'warning') ? 2 : 0;
}

function checkDaemon({ facts: { daemon } }: Patient): Finding[] {
  if (daemon === null) {
    const advice =
      'start it: sudo systemctl enable --now enid (until then the network stays up, but drift is not repaired)';
    return [find('daemon', 'error', 'enid is not running', advice)];
  }
  if (daemon.hasNetAdmin === false) {
    const advice = 'keep CAP_NET_ADMIN in AmbientCapabilities= and CapabilityBoundingSet= (systemctl cat enid)';
    return [find('daemon', 'error', `process ${daemon.processId} lacks CAP_NET_ADMIN: it can change nothing`, advice)];
  }
  return [find('daemon', 'ok', `running as process ${daemon.processId}`)];
}

function checkNetworkd({ networkd }: Patient): Finding[] {
  if (networkd.kind === 'absent' && networkd.isCutOff === true) {
    const message =
      'systemd-networkd runs and has left the system bus for good: leases go on, its files cannot be read';
    return [find('networkd', 'error', message, 'systemctl restart systemd-networkd')];
  }
  if (networkd.kind === 'absent' && networkd.isStarting === true) {
    return [find('networkd', 'warning', 'systemd-networkd starts, and is not on the bus yet', 'wait some seconds')];
  }
  if (networkd.kind === 'absent') {
    const advice =
      'systemctl enable --now systemd-networkd; for an ENI that another program configures: `manage: rules`';
    return [find('networkd', 'error', 'systemd-networkd is not running: no ENI gets its lease', advice)];
  }
  if (networkd.kind !== 'present') {
    return [find('networkd', 'error', 'the system bus does not answer', 'systemctl status dbus')];
  }
  const { version } = networkd;
  if (version === null) return [find('networkd', 'info', 'its version is not known: treated as an old one')];
  const tooOld = describeTooOld(version);
  if (tooOld !== null)
    return [find('networkd', 'error', tooOld, 'upgrade systemd, or set `manage: rules` for the ENIs')];
  if (!keepsAddresses(version)) {
    const meaning =
      'a reload drops the lease of links whose files changed, so enid leaves the files of configured links until networkd stops';
    return [find('networkd', 'info', `systemd ${version}: ${meaning}`)];
  }
  return [find('networkd', 'ok', `systemd ${version}: its reload keeps leases`)];
}

/** Nothing to say where a way is open: polkit may be missing on purpose. */
function checkReloadWays({ facts: { daemon, reloadWays } }: Patient): Finding[] {
  if (daemon === null || reloadWays === undefined) return [];
  const { polkit, hasHelper } = reloadWays;
  if (polkit === 'allows' || hasHelper) return [];
  if (polkit === 'unknown') {
    const message =
      'enid-reload.socket is not active, and whether polkit lets enid reload systemd-networkd, only root is told';
    return [find('networkd', 'info', message, 'run it as root')];
  }
  const cause = polkit === 'absent' ? 'polkit is not installed' : 'polkit refuses it';
  const message = `enid cannot have systemd-networkd read its files: ${cause}, and enid-reload.socket is not active`;
  return [find('networkd', 'error', message, 'systemctl restart enid-reload.socket, or install polkit')];
}

function checkForeignSettings({ facts }: Patient): Finding[] {
  const settings = [
    ['ManageForeignRoutes', facts.manageForeignRoutes],
    ['ManageForeignRoutingPolicyRules', facts.manageForeignRules],
  ] as const;
  const wrong = settings.filter(([, value]) => !/^(no|false|off|0|n|f)$/i.test(value ?? ''));
  const advice = 'install /usr/lib/systemd/networkd.conf.d/50-enid.conf and restart systemd-networkd';
  return orFine(
    'networkd.conf',
    "networkd leaves other programs' routes and rules alone",
    wrong.map(([key, value]) =>
      find(
        'networkd.conf',
        'warning',
        `${key}= is ${value ?? 'not set'}: networkd deletes other programs' objects`,
        advice,
      ),
    ),
  );
}

const adviceByProgram: Readonly<Record<string, string>> = {
  NetworkManager:
    'configure it to ignore the ENIs (unmanaged-devices in NetworkManager.conf), or set `manage: rules` for them',
  dhclient: 'stop it: networkd holds the leases (on Debian: remove the link from /etc/network/interfaces)',
};

function checkPrograms({ facts: { programs } }: Patient): Finding[] {
  return orFine(
    'programs',
    'no other program configures the network',
    programs.map(({ name, processId }) => {
      const advice = adviceByProgram[name] ?? 'stop it, or configure it to ignore the ENIs';
      return find('programs', 'warning', `${name} is running (process ${processId})`, advice);
    }),
  );
}

function checkEnis(patient: Patient): Finding[] {
  return patient.desired.reports.map((report) => checkEni(report, patient));
}

function checkEni(report: EniReport, patient: Patient): Finding {
  const { eni, mac, linkName } = report;
  const state = computeStanding(report, patient);
  const name = `${linkName ?? eni?.eniId ?? mac}`;
  const message = `${name}: ${state.kind}${'reason' in state ? `: ${state.reason}` : ''}`;
  switch (state.kind) {
    case 'configured':
      return find('enis', 'ok', message);
    case 'overridden':
      return find('enis', 'info', message, 'if not intended: remove that file, or take the link out of its master');
    case 'ignored':
    case 'detaching':
      return find('enis', 'info', message);
    case 'waiting':
      return find('enis', 'warning', message, 'wait a minute; then see `journalctl -u enid`');
    case 'degraded': {
      // Pending changes are usually made a moment later; conflicts stay.
      const isPendingOnly = report.state.kind === 'configured' && !patient.conflicts.some((one) => one.mac === mac);
      return find('enis', isPendingOnly ? 'warning' : 'error', message, 'see the reason and `enid plan`');
    }
  }
}

function checkDrift({ changes, facts }: Patient): Finding[] {
  const nameOf = ({ linkName, kind }: Change) =>
    linkName || (kind.endsWith('-replies') ? 'the host' : 'links that are gone');
  const links = [...new Set(changes.map(nameOf))];
  const advice =
    facts.daemon === null
      ? 'see `enid plan`; enid applies it once it is running'
      : 'see `enid plan` and `journalctl -u enid`';
  const found = links.map((name) => {
    const count = changes.filter((change) => nameOf(change) === name).length;
    return find('drift', 'warning', `${name}: ${describePending(count)}`, advice);
  });
  return orFine('drift', 'no drift', found);
}

function checkNumbers({ desired: { enis } }: Patient): Finding[] {
  const findDoubles = (what: 'table' | 'metric', read: (eni: Desired['enis'][number]) => number) => {
    const taken = new Map<number, string>();
    return enis.flatMap((eni) => {
      const other = taken.get(read(eni));
      taken.set(read(eni), eni.linkName);
      if (other === undefined) return [];
      const message = `${other} and ${eni.linkName} have the same ${what} ${read(eni)}`;
      return [find('numbers', 'error', message, `give one of them another \`${what}:\` in the configuration`)];
    });
  };
  const doubles = [...findDoubles('table', ({ tableId }) => tableId), ...findDoubles('metric', ({ metric }) => metric)];
  return orFine('numbers', 'every ENI has a table and a metric of its own', doubles);
}

/** Other programs' rules that lead into an ENI's table or have one of enid's priorities. */
/** The kernel takes the higher of `all` and the link's (ip-sysctl.rst): 1 strict, 2 loose. */
function checkReversePathFilters({ facts: { reversePathFilters } }: Patient): Finding[] {
  const { all = 0, ...links } = reversePathFilters;
  const strict = Object.entries(links).filter(([, value]) => Math.max(all, value) === 1);
  if (strict.length === 0) return [find('rp_filter', 'ok', 'no strict reverse path filter')];
  const names = strict.map(([name]) => name).join(', ');
  const advice = 'set `reversePathFilter: loose` for the ENI in /etc/enid/config.yaml if the host forwards packets';
  const message = `strict on ${names}: packets are dropped if the reply would leave by another link`;
  return [find('rp_filter', Object.keys(links).length > 1 ? 'warning' : 'info', message, advice)];
}

function checkKernel({ facts: { kernelRelease }, kernel: { lacksIpv6 } }: Patient): Finding[] {
  const without = `${kernelRelease} has no IPv6 (ipv6.disable=1, or built without it): enid sees to IPv4 alone`;
  return [...checkRelease(kernelRelease), ...(lacksIpv6 === true ? [find('kernel', 'info', without)] : [])];
}

function checkRelease(kernelRelease: string): Finding[] {
  const [major = 0, minor = 0] = kernelRelease.split('.').map(Number);
  // IFA_PROTO: linux 5.18.
  if (major > 5 || (major === 5 && minor >= 18)) return [find('kernel', 'ok', kernelRelease)];
  const message = `${kernelRelease} does not record the owner of an address: enid knows its own only from its ledger`;
  return [find('kernel', 'info', message)];
}
