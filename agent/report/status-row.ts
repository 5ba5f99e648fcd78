/** One ENI as `enid status` and the bus show it. Pure. */

import type { DesiredEni, EniReport, EniState } from '../model.ts';
import type { EniHistory } from './history.ts';

/** One ENI as `enid status --json` prints it: keys are only ever added. */
export interface StatusRow {
  readonly eni: string | null;
  readonly mac: string;
  readonly link: string | null;
  readonly primary: boolean;
  readonly device: number | null;
  readonly card: number | null;
  readonly state: EniState['kind'];
  readonly reason: string | null;
  readonly table: number | null;
  /** The MTU that is configured for what leaves the VPC; null: none, or not in force. */
  readonly mtuOutside: number | null;
  readonly addresses: readonly string[];
  readonly prefixes: readonly string[];
  /** Public IPv4 address → the private ones that carry it. */
  readonly publicAddresses: Readonly<Record<string, readonly string[]>>;
  readonly networkFile: string | null;
  readonly changesPending: number;
  /**
   * From the running daemon, since its start; null: no daemon was asked, or nothing was changed.
   */
  readonly lastChange: EniHistory['lastChange'];
  /** Null: no daemon was asked. */
  readonly repairs: EniHistory['repairs'] | null;
  /** Repairs that were made three times or more, the most frequent first. */
  readonly recurringRepairs: EniHistory['recurring'];
  /** What another program undid so often that it is retried less often; null: none does. */
  readonly lastFight: EniHistory['lastFight'];
}

/** How the daemon's reading of the metadata goes. */
export interface MetadataState {
  /** ISO 8601; null: never. */
  readonly lastRead: string | null;
  /** Why the last read failed; null: it did not. */
  readonly failure: string | null;
  readonly intervalMs: number;
}

export interface StatusInput {
  /** With the state that takes pending changes into account (agent/decide/explain/standing.ts). */
  readonly report: EniReport;
  readonly desired: DesiredEni | null;
  readonly networkFile: string | null;
  readonly changesPending: number;
  /** Null if no daemon was asked. */
  readonly history: EniHistory | null;
}

export function buildStatusRow({ report, desired, networkFile, changesPending, history }: StatusInput): StatusRow {
  const { eni, state } = report;
  return {
    eni: eni?.eniId ?? null,
    mac: report.mac,
    link: report.linkName,
    primary: report.isPrimary,
    device: eni?.deviceNumber ?? null,
    card: eni?.networkCard ?? null,
    state: state.kind,
    reason: 'reason' in state ? state.reason : null,
    table: desired?.routes.some(({ table }) => table === desired.tableId) === true ? desired.tableId : null,
    mtuOutside: desired?.mtuOutside ?? null,
    addresses: eni === null ? [] : [...eni.ipv4Addresses, ...eni.ipv6Addresses],
    prefixes: eni === null ? [] : [...eni.ipv4Prefixes, ...eni.ipv6Prefixes],
    publicAddresses: eni?.publicIpv4 ?? {},
    networkFile,
    changesPending,
    lastChange: history?.lastChange ?? null,
    repairs: history?.repairs ?? null,
    recurringRepairs: history?.recurring ?? [],
    lastFight: history?.lastFight ?? null,
  };
}
