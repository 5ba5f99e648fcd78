/**
 * The ledger: what this program declared or installed, so that it knows its own objects that carry
 * no mark in the kernel.
 */

import type { Desired, DesiredEni, KernelState, Ledger, ProvisionalEni } from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import {
  identifyAddress,
  identifyAltName,
  identifyDnsOff,
  identifyFile,
  identifyGroup,
  identifyMtu,
  identifyRoute,
  identifyRouteMtu,
  identifyRule,
} from '../base/identity.ts';
import { rememberLast } from '../base/memo.ts';
import { isDnsOff } from '../desired/link-settings.ts';
import { listRouteMtus } from '../desired/outside.ts';

export interface LedgerInput {
  readonly desired: Desired;
  /** The previous ledger, including what is declared. */
  readonly previous: Ledger;
  /** What our files declare. */
  readonly declared: Ledger;
  readonly kernel: KernelState;
}

/**
 * The ledger before a pass is applied: everything desired, everything that our files declare
 * (networkd may make it at any time), the leased addresses that were seen, and what was recorded
 * before and still exists. Any other entry whose object is gone is forgotten, so that the same
 * object made by another program later is not taken for ours. Unchanged parts are computed once.
 */
export class LedgerKeeper {
  readonly #wanted = rememberLast(({ desired, declared }: Pick<LedgerInput, 'desired' | 'declared'>) => {
    const entries = new Map<string, string>(Object.entries(declared));
    for (const eni of desired.provisional) for (const key of listProvisional(eni)) entries.set(key, eni.mac);
    for (const eni of desired.enis) for (const key of listKeys(eni)) entries.set(key, eni.mac);
    return entries;
  });
  /** What was recorded and is no longer desired. */
  readonly #others = rememberLast(({ wanted, previous }: { wanted: ReadonlyMap<string, string>; previous: Ledger }) =>
    Object.keys(previous).filter((key) => !wanted.has(key)),
  );
  readonly #complete = rememberLast(
    ({ wanted, additions }: { wanted: ReadonlyMap<string, string>; additions: string }): Ledger => {
      const added: [string, string][] = JSON.parse(additions);
      return Object.fromEntries([...wanted, ...added].sort(([left], [right]) => (left < right ? -1 : 1)));
    },
  );

  compute({ desired, previous, declared, kernel }: LedgerInput): Ledger {
    const wanted = this.#wanted({ desired, declared });
    const leases = desired.enis.flatMap((eni) => {
      const key = identifyLease(eni);
      return key !== null && (key in previous || isLeased(eni, kernel)) ? [[key, eni.mac] as const] : [];
    });
    const leased = new Set(leases.map(([key]) => key));
    const others = this.#others({ wanted, previous }).filter((key) => !leased.has(key));
    const present = others.length === 0 ? null : new Set(listKernelKeys(kernel));
    const kept = others.filter((key) => present?.has(key)).map((key) => [key, previous[key] ?? ''] as const);
    return this.#complete({ wanted, additions: JSON.stringify([...leases, ...kept]) });
  }
}

function identifyLease({ linkIndex, lease }: DesiredEni): string | null {
  return lease === null || lease.address === null ? null : identifyAddress({ linkIndex, address: lease.address });
}

function isLeased({ linkIndex, lease }: DesiredEni, { addresses }: KernelState): boolean {
  return listOfLink(addresses, linkIndex).some((have) => have.address === lease?.address);
}

function listProvisional({ routes, rules, group, linkIndex }: ProvisionalEni): string[] {
  const ofGroup = group === null ? [] : [identifyGroup(linkIndex, group)];
  return [...routes.map(identifyRoute), ...rules.map(identifyRule), ...ofGroup];
}

function listKeys(eni: DesiredEni): string[] {
  return [
    ...listProvisional(eni),
    ...eni.addresses.map(identifyAddress),
    ...listRouteMtus(eni),
    ...eni.networkFiles.map(({ name }) => identifyFile(name)),
    ...(eni.mtu === null ? [] : [identifyMtu(eni.linkIndex, eni.mtu)]),
    ...(isDnsOff(eni) ? [identifyDnsOff(eni.linkIndex)] : []),
    ...eni.altNames.map((altName) => identifyAltName(eni.linkIndex, altName)),
  ];
}

function* listKernelKeys(kernel: KernelState): Generator<string> {
  for (const address of kernel.addresses) yield identifyAddress(address);
  for (const route of kernel.routes) {
    yield identifyRoute(route);
    if (route.mtu !== undefined) yield identifyRouteMtu(route, route.mtu);
  }
  for (const rule of kernel.rules) yield identifyRule(rule);
  for (const { index, group, altNames, mtu } of kernel.links) {
    yield identifyMtu(index, mtu);
    // The kernel does not know, and networkd does not report who set it: kept as long as the link
    // exists.
    yield identifyDnsOff(index);
    if (group !== 0) yield identifyGroup(index, group);
    for (const altName of altNames) yield identifyAltName(index, altName);
  }
}
