/** What `status` and `plan` look at: one whole look at the host and the metadata, along the daemon's very path, without acts. */

import { Bus } from '../../lib/dbus/bus.ts';
import type { Config } from '../config/types.ts';
import { identifyGroup } from '../decide/base/identity.ts';
import { eniGroup } from '../decide/base/numbers.ts';
import { computeDesired } from '../decide/desired/desired.ts';
import { listTagKeys } from '../decide/desired/policy.ts';
import { findForeignGroups } from '../decide/desired/situation.ts';
import { listForeignFiles } from '../decide/desired/unit-directory.ts';
import { computeDifference } from '../decide/diff/diff.ts';
import { readDeclared } from '../decide/diff/on-file.ts';
import type { Conflict } from '../decide/diff/ownership.ts';
import { acceptSnapshot, initialAcceptState } from '../decide/inputs/accept-snapshot.ts';
import { findCandidates, listLocalAddresses } from '../decide/inputs/match-links.ts';
import { rememberRouters } from '../decide/inputs/routers.ts';
import type { Change, Desired, KernelState, NetworkdState, Snapshot } from '../model.ts';
import { KernelMirror } from '../sense/kernel.ts';
import { leaseFiles, linkFiles, StateFiles } from '../sense/lease-files.ts';
import { openMetadataReader } from '../sense/metadata.ts';
import { NetworkdWatcher } from '../sense/networkd.ts';
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
  /** What could not be asked, one line each: the answer leans on what was known before. */
  readonly warnings: readonly string[];
}

/** Throws a KernelError where the kernel cannot be asked. */
export async function inspectHost(config: Config): Promise<Inspection> {
  const warnings: string[] = [];
  const bus = new Bus();
  const mirror = await KernelMirror.open({ isRelevantRoute: () => true });
  const watcher = new NetworkdWatcher(bus);
  try {
    const kernel = mirror.state();
    const candidates = findCandidates(kernel, config.drivers);
    const [stored, networkd] = await Promise.all([
      readMetadata(config, () => listLocalAddresses(kernel, config.drivers), warnings),
      readNetworkd(
        bus,
        watcher,
        [...candidates.values()].flat().map(({ link }) => link.index),
        warnings,
      ),
    ]);
    const directory = readDirectory(config.networkd);
    const files = directory.own;
    const recorded = new RuntimeStore(config.runtimeDirectory).readLedger();
    const desired = computeDesired({
      config,
      ...stored,
      kernel,
      routers: rememberRouters([], kernel, 0),
      networkd,
      ownFiles: files,
      foreignFiles: listForeignFiles(directory, recorded),
      foreignGroups: findForeignGroups(kernel.links, (index) => identifyGroup(index, eniGroup) in recorded),
    });
    const ledger = { ...readDeclared(files, candidates), ...recorded };
    const [settling, unread] = [new Set<string>(), new Set<string>()];
    const offered = new Set(files.map(({ name }) => name));
    const actual = { kernel, files, networkd, ledger, settling, offered, unread };
    return { desired, ...computeDifference(desired, actual), kernel, snapshot: stored.snapshot, networkd, warnings };
  } finally {
    mirror.close();
    await bus.close();
  }
}

/** What the service says now over what was accepted before; alone the latter where it does not answer. */
async function readMetadata(config: Config, localAddresses: () => readonly string[], warnings: string[]) {
  const stored = new RuntimeStore(config.runtimeDirectory).readMetadata();
  try {
    const candidate = await openMetadataReader({
      ...config.imds,
      localAddresses,
      tagKeys: listTagKeys(config),
    }).readSnapshot();
    const state = stored === null ? initialAcceptState : { accepted: stored.snapshot, missing: {} };
    return { snapshot: acceptSnapshot(state, candidate).accepted, departed: stored?.departed ?? [] };
  } catch (error) {
    warnings.push(error instanceof Error ? error.message : String(error));
    return { snapshot: stored?.snapshot ?? null, departed: stored?.departed ?? [], isSilent: true };
  }
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
    const state = dns.addTo(leases.addTo(await watcher.readState(linkIndexes)));
    leases.close();
    dns.close();
    if (state.kind === 'absent')
      warnings.push(
        'systemd-networkd is not on the system bus: expected it to run. Start it (systemctl start systemd-networkd)',
      );
    return state;
  } catch (error) {
    warnings.push(error instanceof Error ? error.message : String(error));
    return { kind: 'unknown', version: null, links: [] };
  } finally {
    watcher.stop();
  }
}
