/**
 * Why each ENI is treated as it is, in words: for `enid run --debug`. Derived from the desired
 * state only. Pure.
 */

import { defaultDestination } from '../../../lib/ip/default-route.ts';
import type { Config, InterfacePolicy } from '../../config/types.ts';
import type {
  Desired,
  DesiredEni,
  EniMetadata,
  EniReport,
  Family,
  KernelState,
  NetworkdState,
  Snapshot,
} from '../../model.ts';
import { keepsAddresses } from '../desired/network-file.ts';
import { listAddressSources } from '../desired/sources.ts';
import type { Conflict } from '../diff/ownership.ts';
import { findCandidates } from '../inputs/match-links.ts';
import { type Resolved, resolveEnis } from './resolve.ts';

export interface Decided {
  readonly config: Config;
  readonly snapshot: Snapshot | null;
  readonly kernel: KernelState;
  readonly networkd: NetworkdState;
  readonly desired: Desired;
  readonly conflicts: readonly Conflict[];
  /** Removals in the metadata that a second read must confirm. */
  readonly unconfirmed: readonly string[];
}

export interface Reason {
  /** The ENI's; null: about the host. */
  readonly mac: string | null;
  /** What was decided: an ENI has at most one reason per topic. */
  readonly topic: string;
  readonly text: string;
}

/** In the order of the reports, those about the host first. */
export function explainDecisions(decided: Decided): Reason[] {
  const candidates = findCandidates(decided.kernel, decided.config.drivers);
  const ofEnis = resolveEnis(decided).flatMap((resolved) => {
    const { mac, linkName } = resolved.report;
    const [candidate] = candidates.get(mac) ?? [];
    const link =
      candidate === undefined
        ? 'no link has this MAC'
        : `${candidate.link.name} has its ${candidate.link.permanentMac === null ? 'MAC' : 'permanent MAC'}, driver ${candidate.driver}`;
    const lines: [string, string][] = [
      ['link', link],
      ['policy', explainPolicy(resolved, decided.config)],
      ['state', explainState(resolved.report)],
      ...explainDesired(resolved),
      ...decided.conflicts
        .filter((conflict) => conflict.mac === mac)
        .map(({ reason }, index): [string, string] => [`conflict ${index}`, reason]),
    ];
    return lines.map(([topic, text]) => ({ mac, topic, text: `${linkName ?? mac}: ${text}` }));
  });
  return [...explainHost(decided), ...ofEnis];
}

function explainHost({ snapshot, networkd, unconfirmed, desired }: Decided): Reason[] {
  const metadata =
    snapshot === null
      ? 'never read: nothing is known, so nothing is removed'
      : `${snapshot.enis.length} ENIs, primary ${snapshot.primaryMac} (the top-level mac)`;
  const waits =
    unconfirmed.length === 0 ? '' : `; kept until a second read confirms the removal: ${unconfirmed.join(', ')}`;
  const files = keepsAddresses(networkd.version)
    ? 'a reload keeps leases: files are kept up to date'
    : 'a reload may drop leases: the files of configured links are not changed until networkd stops';
  const unknown = desired.unknownMacs.length === 0 ? '' : `; not changed: ${desired.unknownMacs.join(', ')}`;
  return [
    { mac: null, topic: 'metadata', text: `metadata: ${metadata}${waits}${unknown}` },
    {
      mac: null,
      topic: 'networkd',
      text: `networkd: ${networkd.kind}, version ${networkd.version ?? 'unknown'}: ${files}`,
    },
  ];
}

function explainPolicy({ entry, policy, report }: Resolved, config: Config): string {
  if (entry === null)
    return policy === null ? 'policy not known, since the metadata is not' : 'no entry matches: the defaults apply';
  const { match = {}, policy: sets = {} } = config.interfaces[entry] ?? {};
  const what = Object.keys(sets).length === 0 ? 'sets nothing' : `sets ${JSON.stringify(sets)}`;
  return `interfaces[${entry}] matches ${report.eni?.eniId ?? report.mac} by ${JSON.stringify(match)} and ${what}`;
}

function explainState({ state }: EniReport): string {
  return 'reason' in state ? `${state.kind}: ${state.reason}` : state.kind;
}

function explainDesired({ report: { eni }, policy, desired }: Resolved): [string, string][] {
  if (eni === null || policy === null || desired === null) return [];
  return [
    ['numbers', explainNumbers(eni, policy, desired)],
    ['addresses', explainAddresses(eni, policy, desired)],
    ...([4, 6] as const).map((family): [string, string] => [
      `rules IPv${family}`,
      `IPv${family}: ${explainRules(policy, desired, family)}; ${explainDefault(desired, family)}`,
    ]),
  ];
}

function explainNumbers(eni: EniMetadata, policy: InterfacePolicy, { tableId, metric }: DesiredEni): string {
  const byPlace = `by card ${eni.networkCard} and device ${eni.deviceNumber}`;
  const by = (own: number | null) => (own === null ? byPlace : 'by the configuration');
  return `table ${tableId} ${by(policy.table)}, metric ${metric} ${by(policy.metric)}`;
}

function explainAddresses(eni: EniMetadata, policy: InterfacePolicy, desired: DesiredEni): string {
  if (policy.manage !== 'full') return `none put on the link: manage: ${policy.manage}`;
  const assigned = eni.ipv4Addresses.length + eni.ipv6Addresses.length;
  const excluded = assigned - listAddressSources(eni, policy).length;
  return [
    `${assigned} assigned, ${desired.addresses.length} put on the link`,
    eni.ipv4Addresses.length > 0 ? 'the lease brings the first' : '',
    policy.secondary === 'route-only' ? 'secondary: route-only' : '',
    excluded > 0 ? `${excluded} excluded` : '',
  ]
    .filter((word) => word !== '')
    .join(', ');
}

function explainRules(policy: InterfacePolicy, desired: DesiredEni, family: Family): string {
  const rules = desired.rules.filter((rule) => rule.family === family && rule.source !== null);
  if (desired.vrf !== null) return `no rules: in VRF ${desired.vrf}`;
  if (rules.length === 0) {
    if (policy.rules === 'none') return 'no rules: rules: none';
    return desired.isPrimary ? 'no rules: no other ENI has this family' : 'no rules: no source of this family';
  }
  if (policy.rules === 'classic') return `${rules.length} rules: one for each source (rules: classic)`;
  if (rules.some(({ inputInterface }) => inputInterface === 'lo'))
    return `${rules.length} rules, one pair for the whole subnet: no other source in it needs another way`;
  return `${rules.length} rules for the fewest blocks: not every source in the subnet is the ENI's own`;
}

function explainDefault({ routes, tableId, unresolvedFamilies }: DesiredEni, family: Family): string {
  if (unresolvedFamilies.includes(family)) return 'no router known yet: the present default is kept';
  const route = routes.find(
    ({ table, destination, gateway }) =>
      table === tableId && gateway !== null && destination === defaultDestination[family],
  );
  return route === undefined ? 'no default route of its own' : `default via ${route.gateway} in table ${tableId}`;
}
