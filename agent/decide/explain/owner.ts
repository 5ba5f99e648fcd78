/**
 * The owner of a source address: the ENI that EC2 assigned it to, and whether that ENI's link has
 * it. Pure.
 */

import { contains, hostCidr } from '../../../lib/ip/cidr.ts';
import type { Desired, DesiredEni, EniMetadata, EniReport, KernelState } from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import { rememberOf } from '../base/memo.ts';

/** What the source address is to this instance. */
export interface SourceOwner {
  readonly role: 'primary address' | 'secondary address' | 'IPv6 address' | 'within a delegated prefix';
  readonly report: EniReport;
}

export function findOwner(source: string, reports: readonly EniReport[]): SourceOwner | null {
  for (const report of reports) {
    const { eni } = report;
    if (eni === null) continue;
    if (eni.ipv4Addresses[0] === source) return { role: 'primary address', report };
    if (eni.ipv4Addresses.includes(source)) return { role: 'secondary address', report };
    if (eni.ipv6Addresses.includes(source)) return { role: 'IPv6 address', report };
    if (listPrefixes(eni).some((prefix) => contains(prefix, hostCidr(source)))) {
      return { role: 'within a delegated prefix', report };
    }
  }
  return null;
}

export function listPrefixes(eni: EniMetadata): string[] {
  return [...eni.ipv4Prefixes, ...eni.ipv6Prefixes];
}

export interface MissingAddress {
  readonly address: string;
  readonly report: EniReport;
  readonly linkName: string;
  /** The link that has it instead; null: none. */
  readonly holder: string | null;
}

/**
 * An address that should be on its ENI's link, by enid or by the lease, and is not
 * there. The host does not forward for such a source: no packet has it until the changes of `enid
 * plan` are made.
 */
export function findMissing(source: string, desired: Placed, kernel: Held): MissingAddress | null {
  const eni = desired.enis.find((one) => wantedBy(one).has(source));
  return eni === undefined ? null : (listMissingOf(eni, [source], desired, kernel)[0] ?? null);
}

/**
 * Whether a source that no link has is looked up as sent by this host nevertheless: EC2 assigned it
 * to an ENI whose link lacks it or does not exist, so no host behind this one sends from it.
 */
export function isOurs(source: string, desired: Placed, kernel: Held): boolean {
  if (findMissing(source, desired, kernel) !== null) return true;
  const owner = findOwner(source, desired.reports);
  return owner !== null && owner.role !== 'within a delegated prefix' && owner.report.linkIndex === null;
}

/** All missing addresses of the host. */
export function listMissing(desired: Placed, kernel: Held): MissingAddress[] {
  return desired.enis.flatMap((eni) => listMissingOf(eni, [...wantedBy(eni)], desired, kernel));
}

type Placed = Pick<Desired, 'reports' | 'enis'>;
type Held = Pick<KernelState, 'links' | 'addresses'>;

/** Including the address of the lease. */
const wantedBy = rememberOf(({ lease, addresses }: DesiredEni): ReadonlySet<string> => {
  const leased = lease?.address ?? null;
  return new Set([...(leased === null ? [] : [leased]), ...addresses.map(({ address }) => address)]);
});

function listMissingOf(eni: DesiredEni, wanted: readonly string[], desired: Placed, kernel: Held): MissingAddress[] {
  const report = desired.reports.find(({ mac }) => mac === eni.mac);
  if (report === undefined) return [];
  const held = new Set(listOfLink(kernel.addresses, eni.linkIndex).map(({ address }) => address));
  return wanted
    .filter((address) => !held.has(address))
    .map((address) => {
      const elsewhere = kernel.addresses.find((one) => one.address === address);
      const holder = kernel.links.find(({ index }) => index === elsewhere?.linkIndex)?.name ?? null;
      return { address, report, linkName: eni.linkName, holder };
    });
}
