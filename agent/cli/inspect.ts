/**
 * A one-off inspection for `status` and `plan`: reads the host and the metadata, and decides as the
 * daemon does. Changes nothing.
 */

import { Bus } from '../../lib/dbus/bus.ts';
import { isWantedRoute, makeRouteFilter } from '../../lib/rtnetlink/route-interest.ts';
import type { Config } from '../config/types.ts';
import { Decider, lookOnce } from '../decide/decider.ts';
import { asksForVpc, listTagKeys } from '../decide/desired/policy.ts';
import type { Sensed } from '../decide/desired/world.ts';
import type { Conflict } from '../decide/diff/ownership.ts';
import { acceptSnapshot, initialAcceptState } from '../decide/inputs/accept-snapshot.ts';
import { findCandidates, listLocalAddresses } from '../decide/inputs/match-links.ts';
import type { Change, Desired, KernelState, NetworkdState, ReplyFacts, Snapshot } from '../model.ts';
import { KernelMirror } from '../sense/kernel.ts';
import { leaseFiles, linkFiles, StateFiles } from '../sense/lease-files.ts';
import { openMetadataReader } from '../sense/metadata.ts';
import { NetworkdWatcher } from '../sense/networkd.ts';
import { readReplyFacts } from '../sense/reply-table.ts';
import { findRouteInterest } from '../watch/route-interest.ts';
import { RuntimeStore } from '../watch/runtime-store.ts';
import { readDirectory } from '../watch/unit-files.ts';

export interface Inspection {
  readonly desired: Desired;
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
  readonly kernel: KernelState;
  /** Null: never read. */
  readonly snapshot: Snapshot | null;
  readonly networkd: NetworkdState;
  readonly replies?: ReplyFacts | undefined;
  /** What could not be read, one line each: the answer is based on what was known before. */
  readonly warnings: readonly string[];
}

/** All that a look at the host has found: what a decision follows from, and nothing decided yet. */
export interface HostSight extends Omit<Sensed, 'lostRouters'> {
  /** False: the metadata is remembered, and the service has not confirmed it. */
  readonly isConfirmed: boolean;
  readonly warnings: readonly string[];
  /** On the clock of `networkd`'s times. */
  readonly nowMs: number;
}

/** Throws a KernelError if the kernel cannot be read. */
export async function inspectHost(config: Config): Promise<Inspection> {
  return decideOnce(await lookAtHost(config));
}

/** Throws a KernelError if the kernel cannot be read. */
export async function lookAtHost(config: Config): Promise<HostSight> {
  const warnings: string[] = [];
  const bus = new Bus();
  const mirror = await KernelMirror.open({ isRelevantRoute: () => true });
  // A command looks once.
  const watcher = new NetworkdWatcher(bus, { startMs: 0 });
  try {
    const kernel = mirror.state();
    const indexes = listCandidateIndexes(kernel, config);
    const [metadata, networkd, replies] = await Promise.all([
      readMetadata(config, kernel, warnings),
      readNetworkd(bus, watcher, indexes, warnings),
      readReplyFacts(),
    ]);
    const directory = readDirectory(config.networkd);
    const ledger = new RuntimeStore(config.runtimeDirectory).readLedger();
    return { config, kernel, networkd, directory, ...metadata, ledger, replies, warnings, nowMs: performance.now() };
  } finally {
    mirror.close();
    await bus.close();
  }
}

/** What follows from a look at a host, wherever it was made. */
export function decideOnce(sight: HostSight): Inspection {
  const { config, kernel, networkd, snapshot, replies, warnings, nowMs } = sight;
  const isRelevant = makeRouteFilter(findRouteInterest(config, listCandidateIndexes(kernel, config)));
  // As the daemon's mirror has them; of all routes only a question about a way needs more.
  const routes = kernel.routes.filter((route) => isWantedRoute(isRelevant, route));
  const known = lookOnce({ ...sight, lostRouters: [], kernel: { ...kernel, routes } });
  const { desired, changes, conflicts } = new Decider().decide(known, nowMs);
  return { desired, changes, conflicts, kernel, snapshot, networkd, replies, warnings };
}

function listCandidateIndexes(kernel: KernelState, config: Config): number[] {
  return [...findCandidates(kernel, config.drivers).values()].flat().map(({ link }) => link.index);
}

/**
 * What the service says now, merged with what was accepted before; only the latter if it does not
 * answer.
 */
async function readMetadata(config: Config, kernel: KernelState, warnings: string[]) {
  const stored = new RuntimeStore(config.runtimeDirectory).readMetadata();
  try {
    const candidate = await openMetadataReader({
      ...config.imds,
      localAddresses: () => listLocalAddresses(kernel, config.drivers),
      hasIpv6: () => kernel.lacksIpv6 !== true,
      tagKeys: listTagKeys(config),
      readsVpc: asksForVpc(config),
    }).readSnapshot();
    const state = stored === null ? initialAcceptState : { accepted: stored.snapshot, missing: {} };
    const { accepted: snapshot } = acceptSnapshot(state, candidate);
    return { snapshot, departed: stored?.departed ?? [], isSilent: false, isConfirmed: true };
  } catch (error) {
    warnings.push(error instanceof Error ? error.message : String(error));
    const { snapshot = null, departed = [] } = stored ?? {};
    return { snapshot, departed, isSilent: true, isConfirmed: false };
  }
}

function adviseStart({ isCutOff }: NetworkdState): string {
  return isCutOff === true
    ? 'systemd-networkd runs and has left the system bus for good. Restart it: systemctl restart systemd-networkd'
    : 'systemd-networkd is not running. Start it: systemctl start systemd-networkd';
}

async function readNetworkd(
  bus: Bus,
  watcher: NetworkdWatcher,
  linkIndexes: readonly number[],
  warnings: string[],
): Promise<NetworkdState> {
  try {
    await bus.start();
    watcher.start();
    const leases = new StateFiles(() => undefined, leaseFiles);
    const dns = new StateFiles(() => undefined, linkFiles);
    const state = leases.addTo(dns.addTo(await watcher.readState(linkIndexes)));
    leases.close();
    dns.close();
    if (state.kind === 'absent') warnings.push(adviseStart(state));
    return state;
  } catch (error) {
    warnings.push(error instanceof Error ? error.message : String(error));
    return { kind: 'unknown', version: null, links: [] };
  } finally {
    watcher.stop();
  }
}
