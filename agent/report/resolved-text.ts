/**
 * What `enid config show --resolved` prints, as plain data with the keys of configuration files.
 */

import { familyOf } from '../../lib/ip/address.ts';
import { describeRoute, describeRule } from '../../lib/text/ip-words.ts';
import { formatPolicy } from '../config/format.ts';
import type { InterfaceEntry, InterfacePolicy } from '../config/types.ts';
import type { DesiredEni, EniReport } from '../model.ts';

/** As `agent/decide/explain/resolve.ts` returns it, with the entry and its place. */
export interface ResolvedInput {
  readonly report: EniReport;
  /** Null: none matches. */
  readonly entry: (InterfaceEntry & { readonly place: string }) | null;
  readonly policy: InterfacePolicy | null;
  readonly desired: DesiredEni | null;
}

/** One ENI: keys are only ever added. */
export function describeResolved({ report, entry, policy, desired }: ResolvedInput): Record<string, unknown> {
  const { eni, mac, linkName, isPrimary, state } = report;
  return {
    eni: eni?.eniId ?? null,
    mac,
    link: linkName,
    device: eni?.deviceNumber ?? null,
    card: eni?.networkCard ?? null,
    primary: isPrimary,
    state: state.kind,
    reason: 'reason' in state ? state.reason : null,
    entry: entry === null ? null : { place: entry.place, match: entry.match, sets: formatPolicy(entry.policy) },
    policy: policy === null ? null : formatPolicy(policy),
    follows: desired === null ? null : describeFollowing(desired),
  };
}

/** As behind ip(8): what has no address in it does not tell its family. */
function withFamily(family: 4 | 6, words: string): string {
  return family === 6 ? `-6 ${words}` : words;
}

function describeFollowing(desired: DesiredEni): Record<string, unknown> {
  const { tableId, metric, addresses, routes, rules, altNames, networkFiles, linkName, settings } = desired;
  return {
    table: tableId,
    metric,
    files: networkFiles.map(({ name }) => name),
    addresses: addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    routes: routes.map((route) => withFamily(familyOf(route.destination), describeRoute(route, linkName))),
    rules: rules.map((rule) => withFamily(rule.family, describeRule(rule))),
    names: altNames,
    settings,
  };
}
