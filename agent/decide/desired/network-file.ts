/**
 * The networkd files of an ENI: `70-ens6.network` contains what only networkd can do, and takes
 * effect by a reload; `70-ens6.network.d/sources.conf` repeats what is kept up to date by
 * rtnetlink, for networkd's own next start.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import type { InterfacePolicy } from '../../config/types.ts';
import {
  type DesiredAddress,
  type DesiredRoute,
  type DesiredRule,
  type EniMetadata,
  type Link,
  type NetworkFile,
  ownProtocol,
} from '../../model.ts';
import { leaseMetric } from '../base/numbers.ts';
import { hasFamily } from './sources.ts';

/**
 * First line of every file: marks it as ours and names the ENI. Files without it are never changed
 * or removed.
 */
const headerStart = '# Written by enid for ';

/**
 * Since this version of systemd a reload keeps leases and addresses (measured on 257: nothing
 * lost).
 */
const firstLosslessVersion = 257;

export interface NetworkFileInput {
  readonly eni: EniMetadata;
  readonly link: Link;
  readonly isPrimary: boolean;
  /** systemd's major version; null: unknown. */
  readonly networkdVersion: number | null;
  readonly policy: InterfacePolicy;
  /** The ENI's VRF is not the operator's: networkd should make it. */
  readonly makesVrf: boolean;
  /** The desired link group; null: unchanged. */
  readonly group: number | null;
  /** Otherwise networkd is told of IPv4 alone. */
  readonly kernelHasIpv6: boolean;
  readonly tableId: number;
  readonly metric: number;
  /** The MTU of the default routes; null: that of the link. */
  readonly mtuOutside: number | null;
  readonly addresses: readonly DesiredAddress[];
  /** Without the default routes: networkd makes those from lease and RA. */
  readonly routes: readonly DesiredRoute[];
  readonly rules: readonly DesiredRule[];
}

type Entry = readonly [key: string, value: string | number];

/** MAC in the header of a file of ours, null for any other file. */
export function readFileOwner(text: string): string | null {
  if (!text.startsWith(headerStart)) return null;
  return /^# Written by enid for (?<mac>[0-9a-f:]{17})\b/.exec(text)?.groups?.['mac'] ?? null;
}

/** File name of a link below the unit directory. */
export function nameNetworkFile(prefix: string, linkName: string): string {
  return `${prefix}-${linkName}.network`;
}

export function nameSourcesFile(prefix: string, linkName: string): string {
  return `${nameNetworkFile(prefix, linkName)}.d/sources.conf`;
}

/** Of the VRF `name`: the file that creates it, and the one that brings it up. */
export function nameVrfFiles(prefix: string, name: string): { readonly device: string; readonly network: string } {
  return { device: `${prefix}-${name}.netdev`, network: nameNetworkFile(prefix, name) };
}

export function renderNetworkFiles(prefix: string, input: NetworkFileInput): NetworkFile[] {
  const name = nameNetworkFile(prefix, input.link.name);
  return [
    { name, role: 'link', text: renderLinkFile(input) },
    { name: nameSourcesFile(prefix, input.link.name), role: 'sources', text: renderSourcesFile(input) },
    ...(input.policy.vrf === null || !input.makesVrf ? [] : renderVrfFiles(prefix, input, input.policy.vrf)),
  ];
}

/**
 * networkd puts a link only into a VRF with a .netdev file, and leaves a device without a .network
 * file down.
 */
function renderVrfFiles(prefix: string, input: NetworkFileInput, vrf: string): NetworkFile[] {
  const device = [
    section('NetDev', [
      ['Name', vrf],
      ['Kind', 'vrf'],
    ]),
    section('VRF', [['Table', input.tableId]]),
  ];
  const network = [
    section('Match', [
      ['Name', vrf],
      ['Kind', 'vrf'],
    ]),
    section('Link', [['RequiredForOnline', 'no']]),
    section('Network', [
      ['LinkLocalAddressing', 'no'],
      ['IPv6AcceptRA', 'no'],
      // Foreign addresses and routes on it stay.
      ['KeepConfiguration', 'yes'],
    ]),
  ];
  const names = nameVrfFiles(prefix, vrf);
  return [
    { name: names.device, role: 'vrf', text: renderHeader(input) + device.join('') },
    { name: names.network, role: 'vrf', text: renderHeader(input) + network.join('') },
  ];
}

/**
 * Also these words stay as they are: on systemd ≤ 256 a changed file makes the next reload drop the
 * lease, so an upgrade of this program must not change it.
 */
function renderHeader({ eni }: NetworkFileInput): string {
  const where = `device ${eni.deviceNumber}, card ${eni.networkCard}`;
  return `${headerStart}${eni.mac} (${eni.eniId ?? 'unnamed ENI'}, ${where}).\n# To decide yourself, put a .network file for this link into /etc/systemd/network.\n`;
}

function renderLinkFile(input: NetworkFileInput): string {
  const { eni, link, isPrimary, kernelHasIpv6, policy, metric, tableId } = input;
  const [hasIpv4, hasIpv6] = [hasFamily(eni, 4), hasFamily(eni, 6)];
  const isAddressless = !hasIpv4 && !hasIpv6;
  const yesNo = (value: boolean) => (value ? 'yes' : 'no');
  // networkd gives no MTU to the default route that it makes by itself: [Route] has it then.
  const usesGateway = yesNo(policy.defaultRoute && input.mtuOutside === null);
  // The default where networkd itself knows the VRF.
  const inVrf: Entry[] = policy.vrf === null ? [] : [['RouteTable', tableId]];
  const sections = [
    section('Match', [
      [link.permanentMac === null ? 'MACAddress' : 'PermanentMACAddress', eni.mac],
      // VLAN, macvlan and bridge links repeat the MAC: only a link of this kind is meant.
      ['Kind', link.kind ?? '!*'],
    ]),
    section('Link', [
      ['MTUBytes', policy.mtu],
      ['RequiredForOnline', yesNo(policy.requiredForOnline ?? isPrimary)],
    ]),
  ];
  if (isAddressless) {
    sections.push(
      section('Network', [
        ['DHCP', 'no'],
        ['IPv6AcceptRA', 'no'],
        ['LinkLocalAddressing', 'no'],
      ]),
    );
    return renderHeader(input) + sections.join('');
  }
  sections.push(
    section('Network', [
      // An IPv4 subnet may get IPv6 later; requesting both from the start avoids the reload that
      // would drop the lease. An IPv6-only subnet leases 169.254.x.y/32, to which the metadata
      // service answers.
      ['DHCP', kernelHasIpv6 ? 'yes' : 'ipv4'],
      ['IPv6AcceptRA', yesNo(kernelHasIpv6)],
      ['LinkLocalAddressing', kernelHasIpv6 ? 'ipv6' : 'no'],
      ...(kernelHasIpv6 ? [['IPv6DuplicateAddressDetection', 0] as const] : []),
      ['LLMNR', 'no'],
      ['DNSDefaultRoute', yesNo(policy.dns)],
      ['KeepConfiguration', chooseKeeping(input.networkdVersion)],
      ...(policy.vrf === null ? [] : [['VRF', policy.vrf] as const]),
    ]),
    section('DHCPv4', [
      ['RouteMetric', leaseMetric(metric, hasIpv4)],
      ...inVrf,
      ['UseGateway', usesGateway],
      ['UseDNS', yesNo(policy.dns)],
      ['UseDomains', yesNo(policy.dns)],
      ['UseHostname', 'no'],
      ['SendRelease', 'no'],
    ]),
  );
  if (kernelHasIpv6) {
    sections.push(
      section('DHCPv6', [
        ['UseDNS', yesNo(policy.dns)],
        ['UseDomains', yesNo(policy.dns)],
        ['UseHostname', 'no'],
      ]),
      section('IPv6AcceptRA', [
        ['RouteMetric', metric],
        ...inVrf,
        ['UseGateway', usesGateway],
        ['UseDNS', yesNo(policy.dns)],
        ['UseDomains', yesNo(policy.dns)],
      ]),
    );
  }
  sections.push(...renderLeasedDefaults(input));
  if (!isPrimary) sections.push(...renderDefaults(input));
  return renderHeader(input) + sections.join('');
}

/**
 * The default routes of lease and router advertisement, where they have an MTU of their own.
 * Without `Protocol=` they carry the marks that networkd gives them in any case.
 */
function renderLeasedDefaults({ eni, policy, metric, mtuOutside, kernelHasIpv6, tableId }: NetworkFileInput): string[] {
  if (mtuOutside === null || !policy.defaultRoute) return [];
  const gateways: Entry[] = [['_dhcp4', leaseMetric(metric, hasFamily(eni, 4))]];
  if (kernelHasIpv6) gateways.push(['_ipv6ra', metric]);
  return gateways.map(([gateway, ofGateway]) =>
    section('Route', [
      ['Gateway', gateway],
      ...(policy.vrf === null ? [] : [['Table', tableId] as const]),
      ['Metric', ofGateway],
      ['MTUBytes', mtuOutside],
    ]),
  );
}

/**
 * The default routes of the ENI's own table, which follow the lease and the router advertisement.
 */
function renderDefaults({ eni, policy, tableId, metric, mtuOutside, kernelHasIpv6 }: NetworkFileInput): string[] {
  const [hasIpv4, hasIpv6] = [hasFamily(eni, 4), hasFamily(eni, 6)];
  if (policy.rules === 'none' || (!hasIpv4 && !hasIpv6)) return [];
  const gateways = [...(hasIpv4 ? ['_dhcp4'] : []), ...(kernelHasIpv6 ? ['_ipv6ra'] : [])];
  return gateways.map((gateway) =>
    section('Route', [
      ['Gateway', gateway],
      ['Table', tableId],
      ['Metric', metric],
      ['Protocol', ownProtocol],
      ...(mtuOutside === null ? [] : [['MTUBytes', mtuOutside] as const]),
    ]),
  );
}

/**
 * What networkd keeps when it restarts or reconfigures the link. Measured with probes every 5 ms:
 * 252 loses IPv4 for 25 ms at a reload with `yes` and nothing with `dhcp`; 257 loses IPv4 for 50 ms
 * at its restart with `dhcp` and nothing with `yes`. Without either 252 drops the lease at every
 * reload.
 */
function chooseKeeping(version: number | null): 'dhcp' | 'yes' {
  return keepsAddresses(version) ? 'yes' : 'dhcp';
}

/** Whether this version of systemd keeps addresses when it reconfigures a link. */
export function keepsAddresses(version: number | null): boolean {
  return version !== null && version >= firstLosslessVersion;
}

function renderSourcesFile(input: NetworkFileInput): string {
  return [
    renderHeader(input),
    // Here and not in the link's own file: enid 0.1.0 wrote neither, and a changed file of the link
    // would require a reload.
    ...(input.group === null ? [] : [section('Link', [['Group', input.group]])]),
    ...(input.isPrimary ? renderDefaults(input) : []),
    ...input.addresses.map(renderAddress),
    ...input.routes.map(renderRoute),
    ...input.rules.map(renderRule),
  ].join('');
}

function renderAddress({ address, prefixLength, isDeprecated }: DesiredAddress): string {
  return section('Address', [
    ['Address', `${address}/${prefixLength}`],
    ['AddPrefixRoute', 'no'],
    // EC2 guarantees uniqueness; duplicate detection would keep the address unusable for up to a
    // second.
    ['DuplicateAddressDetection', 'none'],
    ...(isDeprecated === true ? [['PreferredLifetime', 0] as const] : []),
  ]);
}

function renderRoute(route: DesiredRoute): string {
  const entries: Entry[] = [
    ['Destination', route.destination],
    ['Table', route.table],
    ['Metric', route.metric],
    ['Protocol', ownProtocol],
  ];
  if (route.gateway !== null) entries.push(['Gateway', route.gateway]);
  if (route.type === 'local') entries.push(['Type', 'local']);
  else if (route.gateway === null && familyOf(route.destination) === 4) entries.push(['Scope', 'link']);
  return section('Route', entries);
}

function renderRule(rule: DesiredRule): string {
  const entries: Entry[] = [];
  if (rule.source !== null) entries.push(['From', rule.source]);
  if (rule.destination !== null) entries.push(['To', rule.destination]);
  if (rule.source === null && rule.destination === null) entries.push(['Family', rule.family === 4 ? 'ipv4' : 'ipv6']);
  if (rule.mark !== null) entries.push(['FirewallMark', `${rule.mark.value}/${rule.mark.mask}`]);
  if (rule.users !== null) entries.push(['User', `${rule.users.first}-${rule.users.last}`]);
  entries.push(['Table', rule.table], ['Priority', rule.priority]);
  if (rule.inputInterface !== null) entries.push(['IncomingInterface', rule.inputInterface]);
  if (rule.suppressPrefixLength !== null) entries.push(['SuppressPrefixLength', rule.suppressPrefixLength]);
  if (rule.suppressGroup !== null) entries.push(['SuppressInterfaceGroup', rule.suppressGroup]);
  return section('RoutingPolicyRule', entries);
}

function section(name: string, entries: readonly Entry[]): string {
  return `\n[${name}]\n${entries.map(([key, value]) => `${key}=${value}\n`).join('')}`;
}

/** The MTU that a link's file names. */
export function readMtu(text: string): number | null {
  const mtu = mtuLine.exec(text)?.groups?.['mtu'];
  return mtu === undefined ? null : Number(mtu);
}

/** Whether a link's file makes networkd use the DNS of a lease; null: it requests no lease. */
export function readDns(text: string): boolean | null {
  const value = /^DNSDefaultRoute=(?<value>yes|no)$/m.exec(text)?.groups?.['value'];
  return value === undefined ? null : value === 'yes';
}

/**
 * Whether two texts of a link's file are the same except for what takes effect without a
 * reload – the MTU, DNS – or counts at the next boot only.
 */
export function isSameButSettings(left: string, right: string): boolean {
  const strip = (text: string) => text.replace(mtuLine, '').replace(dnsLines, '').replace(onlineLine, '');
  return strip(left) === strip(right);
}

const onlineLine = /^RequiredForOnline=.*$/m;
const mtuLine = /^MTUBytes=(?<mtu>\d+)$/m;
const dnsLines = /^(?:UseDNS|UseDomains|DNSDefaultRoute)=.*$/gm;

/** The VRF that a link's file names. */
export function readVrf(text: string): string | null {
  return /^VRF=(.+)$/m.exec(text)?.[1] ?? null;
}

/**
 * The addresses and rules that a file of ours declares, read back; what cannot be read is left out.
 */
export function readSources(text: string): {
  readonly addresses: readonly Pick<DesiredAddress, 'address' | 'isDeprecated'>[];
  readonly rules: readonly DesiredRule[];
} {
  const sections = text.split(/^\[(?=\w+\]$)/m).map((part) => {
    const [name = '', ...lines] = part.split('\n');
    return { name, values: new Map(lines.map((line) => line.split('=', 2) as [string, string | undefined])) };
  });
  return {
    addresses: sections.flatMap(({ name, values }) => {
      const address = values.get('Address')?.split('/')[0];
      if (name !== 'Address]' || address === undefined) return [];
      return values.get('PreferredLifetime') === '0' ? [{ address, isDeprecated: true }] : [{ address }];
    }),
    rules: sections.flatMap(({ name, values }) => (name === 'RoutingPolicyRule]' ? [readRule(values)] : [])),
  };
}

function readRule(values: ReadonlyMap<string, string | undefined>): DesiredRule {
  const source = values.get('From') ?? null;
  const destination = values.get('To') ?? null;
  const [value, mask] = (values.get('FirewallMark') ?? '').split('/').map(Number);
  const [first, last] = (values.get('User') ?? '').split('-').map(Number);
  const suppress = values.get('SuppressPrefixLength');
  const group = values.get('SuppressInterfaceGroup');
  const selected = source ?? destination;
  return {
    family: selected === null ? (values.get('Family') === 'ipv6' ? 6 : 4) : familyOf(selected),
    source,
    destination,
    mark: value === undefined || mask === undefined ? null : { value, mask },
    users: first === undefined || last === undefined ? null : { first, last },
    inputInterface: values.get('IncomingInterface') === 'lo' ? 'lo' : null,
    table: Number(values.get('Table')),
    priority: Number(values.get('Priority')),
    suppressPrefixLength: suppress === undefined ? null : Number(suppress),
    suppressGroup: group === undefined ? null : Number(group),
  };
}
