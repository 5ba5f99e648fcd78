/**
 * The checks of `enid doctor` about other programs that configure the network: their files, rules
 * and routes. Pure.
 */

import type { HostFacts, KernelState } from '../../model.ts';
import { mainTable } from '../base/numbers.ts';
import { isCloudSetupRoute, isCloudSetupRule } from '../base/other-managers.ts';
import { checkNetworkFiles, type MetadataPatient } from './diagnose-metadata.ts';
import { type Finding, find, orFine } from './finding.ts';

/** What a file belongs to, and what to do about it. */
const origins: readonly { readonly pattern: RegExp; readonly origin: string; readonly advice: string }[] = [
  {
    pattern: /nm-cloud-setup/,
    origin: 'nm-cloud-setup is enabled',
    advice: 'systemctl disable --now nm-cloud-setup.timer nm-cloud-setup.service (`enid takeover` does it)',
  },
  {
    pattern: /cloud-init|hook-hotplug/,
    origin: 'cloud-init configures the network',
    advice: 'write `network: {config: disabled}` to /etc/cloud/cloud.cfg.d/99-disable-network.cfg and remove the file',
  },
  {
    pattern: /netplan/,
    origin: 'netplan configures the network',
    advice: 'remove the ENIs from it (netplan.io writes files that sort before 70-), or set `manage: rules` for them',
  },
  {
    pattern: /^\/run\/systemd\/network\//,
    origin: 'amazon-ec2-net-utils has left a file that systemd-networkd reads',
    advice: 'remove the package if it is installed; then `enid takeover`, which moves the file away',
  },
  {
    pattern: /policy-routes/,
    origin: 'amazon-ec2-net-utils is installed',
    advice: 'remove the package: it writes the same files and rules (docs/coming-from-amazon-ec2-net-utils.md)',
  },
];

interface Patient extends MetadataPatient {
  readonly facts: HostFacts;
}

export function checkFiles(patient: Patient): Finding[] {
  const found = patient.facts.files.map((path) => {
    const { origin, advice } = origins.find(({ pattern }) => pattern.test(path)) ?? {
      origin: 'another program configures the network',
      advice: 'remove the file',
    };
    return find('files', 'warning', `${origin} (${path})`, advice);
  });
  const all = [...checkNetworkFiles(patient), ...found];
  return orFine('files', 'no files of cloud-init, netplan, nm-cloud-setup or amazon-ec2-net-utils', all);
}

/** They stand behind enid's rules, and hold a source to its ENI of then when enid's are gone. */
export function checkCloudSetup({ kernel: { rules, routes } }: { readonly kernel: KernelState }): Finding[] {
  const left = rules.filter(isCloudSetupRule);
  const tables = [...new Set(routes.filter(isCloudSetupRoute).map(({ table }) => table))];
  if (left.length === 0 && tables.length === 0)
    return [find('cloud-setup', 'ok', 'no rule or route of nm-cloud-setup')];
  const priorities = [...new Set(left.map(({ priority }) => priority))];
  const message = `rules and routes of nm-cloud-setup: priorities ${join(priorities)}, tables ${join(tables)}`;
  const commands = [
    ...left.map(({ priority }) => `ip rule del pref ${priority}`),
    ...tables.map((table) => `ip route flush table ${table}`),
  ];
  const advice = `\`enid takeover\` from NetworkManager removes them; by hand: ${commands.join('; ')}`;
  return [find('cloud-setup', 'warning', message, advice)];
}

function join(numbers: readonly number[]): string {
  return numbers.length === 0 ? 'none' : [...numbers].sort((left, right) => left - right).join(', ');
}

/** RTN_PROHIBIT (linux/rtnetlink.h). */
const prohibit = 8;
/** systemd-imdsd --setup-network (systemd ≥ 261) writes it below /run/systemd/network. */
const imdsFile = '85-imds-early.network';

interface ImdsPatient {
  readonly facts: HostFacts;
  readonly kernel: KernelState;
  readonly desired: {
    readonly enis: readonly { readonly networkFiles: readonly { readonly name: string }[] }[];
  };
}

/**
 * `systemd.imds.network=locked` blocks programs from the metadata service by a route of that file,
 * for links that have no other.
 */
export function checkImdsNetwork({ facts: { imdsNetwork }, kernel, desired }: ImdsPatient): Finding[] {
  const check = 'imds network';
  const unlock = 'boot with systemd.imds.network=unlocked: enid asks the metadata service itself';
  const isProhibited = kernel.routes.some(
    ({ table, type, destination }) => table === mainTable && type === prohibit && destination === '169.254.169.254/32',
  );
  if (isProhibited) return [find(check, 'error', 'a route in main prohibits 169.254.169.254', unlock)];
  if (imdsNetwork === undefined) return [find(check, 'ok', 'systemd has no network file for the metadata service')];
  const late = desired.enis.flatMap(({ networkFiles }) => networkFiles).find(({ name }) => name > imdsFile);
  if (late !== undefined) {
    const message = `${imdsFile} of systemd sorts before ${late.name}, so it applies to the link`;
    return [find(check, 'error', message, 'choose a `networkd.prefix:` below 85')];
  }
  const order = `enid's files sort before ${imdsFile} of systemd, which is for links without another`;
  if (imdsNetwork === 'unlocked') return [find(check, 'info', order)];
  return [find(check, 'warning', `${order}: systemd.imds.network=locked locks no ENI that enid configures`, unlock)];
}
