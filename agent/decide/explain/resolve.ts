/**
 * Which entry of the configuration decides about each ENI, and what follows from it: `enid config
 * show --resolved`. Pure.
 */

import type { Config, InterfacePolicy } from '../../config/types.ts';
import type { Desired, DesiredEni, EniReport, KernelState, Snapshot } from '../../model.ts';
import { findEntry, findIgnoringEntry, isUndecided, resolvePolicy } from '../desired/policy.ts';
import { findCandidates } from '../inputs/match-links.ts';

export interface Resolved {
  readonly report: EniReport;
  /** Index in `interfaces`; null: none matches, the defaults apply. */
  readonly entry: number | null;
  /** Null: not known yet, since the metadata is not. */
  readonly policy: InterfacePolicy | null;
  /** Null: nothing is desired, for the reason in the report. */
  readonly desired: DesiredEni | null;
}

export interface ResolveInput {
  readonly config: Config;
  readonly snapshot: Snapshot | null;
  readonly kernel: KernelState;
  readonly desired: Desired;
}

/**
 * One for each report, in their order. An ENI without a link is matched as one without name and
 * driver.
 */
export function resolveEnis({ config, snapshot, kernel, desired }: ResolveInput): Resolved[] {
  const candidates = findCandidates(kernel, config.drivers);
  return desired.reports.map((report): Resolved => {
    const { eni, mac, linkName, isPrimary } = report;
    const driver = candidates.get(mac)?.find(({ link }) => link.name === linkName)?.driver ?? null;
    const unknown = (entry: number | null) => ({ report, entry, policy: null, desired: null });
    if (eni === null) {
      const link = linkName === null || driver === null ? null : { mac, name: linkName, driver };
      return unknown(link === null ? null : nullIfNone(findIgnoringEntry(config, link)));
    }
    const subject = { eni, isPrimary, linkName: linkName ?? '', driver, tags: snapshot?.tags };
    if (isUndecided(config, subject)) return unknown(null);
    return {
      report,
      entry: nullIfNone(findEntry(config, subject)),
      policy: resolvePolicy(config, subject),
      desired: desired.enis.find((one) => one.mac === mac) ?? null,
    };
  });
}

function nullIfNone(index: number): number | null {
  return index === -1 ? null : index;
}
