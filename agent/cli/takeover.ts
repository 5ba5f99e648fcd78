/**
 * `enid takeover`: from another network manager to systemd-networkd and enid, on the running host,
 * and back.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultDestination } from '../../lib/ip/default-route.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { accept } from '../act/kernel-request.ts';
import { Takeover } from '../act/takeover.ts';
import type { Config } from '../config/types.ts';
import { globalScope } from '../decide/base/kernel-numbers.ts';
import { mainTable } from '../decide/base/numbers.ts';
import { findLeftoverRules, findLeftoverTables } from '../decide/base/other-managers.ts';
import { Decider, lookOnce } from '../decide/decider.ts';
import { findCandidates, listLocalAddresses } from '../decide/inputs/match-links.ts';
import { findHeldAddresses, findLeftoverAddresses, findLeftovers } from '../decide/takeover/leftovers.ts';
import { planTakeover } from '../decide/takeover/takeover.ts';
import type { KernelState, NetworkdLink } from '../model.ts';
import { renderStep, renderTakeoverPlan } from '../report/takeover-text.ts';
import { askMetadata } from '../sense/host-facts.ts';
import { readTakeoverFacts } from '../sense/takeover-facts.ts';
import type { TakeoverPlan } from '../takeover-model.ts';
import { type Inspection, inspectHost } from './inspect.ts';
import type { CommandResult } from './status.ts';

/** Survives a boot, so that an undo is possible for as long as the package is installed. */
const stateDirectory = '/var/lib/enid/takeover';
/**
 * A takeover that has not reached the metadata service and the gateway by then rolls itself back.
 */
const verifyMs = 60_000;
const pollMs = 500;

export interface TakeoverOptions {
  readonly dryRun: boolean;
  readonly undo: boolean;
  /** Proceed despite obstacles. */
  readonly force: boolean;
  /** Change nothing if there are obstacles, and say what to run: for the package's script. */
  readonly ifSafe: boolean;
  readonly write: (text: string) => void;
}

/** Exit code 0: done, or nothing to do; 2: obstacles; 1: failed and rolled back. */
export async function takeOver(config: Config, options: TakeoverOptions): Promise<CommandResult> {
  // The session that started it may end with the network: neither SIGHUP nor EPIPE may stop a
  // takeover half-way.
  for (const signal of ['SIGHUP', 'SIGPIPE', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  // networkd and enid must be able to read its files.
  process.umask(0o022);
  const takeover = new Takeover(stateDirectory);
  const print = (text: string) => options.write(`${text}\n`);
  if (options.undo) return await undo(takeover, print);

  const inspection = await inspectHost(config);
  const plan = await makePlan(config, inspection, takeover.isTaken);
  if (options.dryRun)
    return { stdout: renderTakeoverPlan(plan), stderr: '', exitCode: plan.obstacles.length > 0 ? 2 : 0 };
  if (plan.steps.length === 0 && plan.obstacles.length === 0)
    return done('systemd-networkd and enid already manage the ENIs.\n');
  if (plan.obstacles.length > 0 && !options.force) {
    const advice = 'See `enid takeover --dry-run`; `--force` proceeds despite obstacles.';
    const stderr = [...plan.obstacles.map((obstacle) => `enid: ${obstacle}`), advice, ''].join('\n');
    return { stdout: '', stderr, exitCode: options.ifSafe ? 0 : 2 };
  }
  for (const note of plan.notes) print(`Note: ${note}`);
  try {
    await takeover.apply(plan.steps, (step) => print(renderStep(step)));
    await awaitNetwork(config);
    await removeLeftovers(config, plan.managers);
    await takeover.complete();
    return done('Done. To undo it: enid takeover --undo\n');
  } catch (error) {
    print(`${error instanceof Error ? error.message : error}. Rolling back:`);
    const { stderr } = await undo(takeover, print);
    return { stdout: '', stderr: `${stderr}enid: the takeover failed and was rolled back\n`, exitCode: 1 };
  }
}

function done(stdout: string): CommandResult {
  return { stdout, stderr: '', exitCode: 0 };
}

async function undo(takeover: Takeover, print: (text: string) => void): Promise<CommandResult> {
  if (!takeover.isTaken) return { stdout: '', stderr: 'enid: there is no takeover to undo\n', exitCode: 1 };
  const problem = await takeover.undo(print);
  if (problem === null) return done('Restored. Rules and routes of secondary ENIs stay until the next boot.\n');
  return { stdout: '', stderr: `enid: ${problem}. When that is fixed: enid takeover --undo\n`, exitCode: 1 };
}

async function makePlan(config: Config, inspection: Inspection, isTaken: boolean): Promise<TakeoverPlan> {
  const { kernel, snapshot } = inspection;
  const candidates = [...findCandidates(kernel, config.drivers).values()].flat();
  const eniLinks = candidates.map(({ link }) => link.name);
  const physical = kernel.links.filter(({ kind, isLoopback }) => kind === null && !isLoopback).map(({ name }) => name);
  const facts = await readTakeoverFacts(candidates.map(({ link }) => link));
  // As if networkd had taken the links up without a file: the previous manager's files are removed
  // with it, while what an administrator wrote for networkd stays in force.
  const findKnown = (index: number) => inspection.networkd.links.find(({ linkIndex }) => linkIndex === index);
  const links = candidates.map(({ link }): NetworkdLink => {
    const known = findKnown(link.index);
    const isKept = known !== undefined && !facts.generatedFiles.includes(known.networkFile ?? '');
    return isKept ? known : { linkIndex: link.index, networkFile: null, setupState: 'configured' };
  });
  const known = lookOnce({
    ...{ config, snapshot, departed: [], isSilent: false, kernel, lostRouters: [], ledger: {} },
    networkd: { kind: 'present', version: inspection.networkd.version, links },
    directory: { own: [], unsigned: [] },
  });
  const { desired } = new Decider().decide(known, performance.now());
  const files = desired.enis.flatMap(({ networkFiles }) => networkFiles);
  return planTakeover({
    ...facts,
    systemdVersion: inspection.networkd.version,
    eniLinks,
    unclaimedLinks: candidates
      .filter(({ link }) => findKnown(link.index)?.networkFile == null && hasGlobalAddress(kernel, link.index))
      .map(({ link }) => link.name),
    heldAddresses: findHeldAddresses(kernel, desired),
    otherLinks: physical.filter((name) => !eniLinks.includes(name)),
    drivers: config.drivers,
    networkFiles: files.map(({ name, text }) => ({ path: join(config.networkd.unitDirectory, name), text })),
    unconfigured:
      snapshot === null
        ? []
        : desired.reports.flatMap(({ linkName, state }) =>
            linkName !== null && 'reason' in state ? [`${linkName}: ${state.reason}`] : [],
          ),
    isTaken,
  });
}

function hasGlobalAddress({ addresses }: KernelState, index: number): boolean {
  return addresses.some(({ linkIndex, scope }) => linkIndex === index && scope === globalScope);
}

/** Throws if the network does not work in time, with what was missing last. */
async function awaitNetwork(config: Config): Promise<void> {
  const untilMs = performance.now() + verifyMs;
  for (;;) {
    const problem = await findProblem(config);
    if (problem === null) return;
    if (performance.now() > untilMs) throw new Error(`${problem} within ${verifyMs / 1000} s`);
    await sleep(pollMs);
  }
}

/**
 * Null: networkd and enid manage every ENI, and the metadata service answers through the primary,
 * via its gateway.
 */
async function findProblem(config: Config): Promise<string | null> {
  const { desired, kernel, changes } = await inspectHost(config);
  const unready = desired.reports.find(
    ({ linkIndex, state }) => linkIndex !== null && (state.kind === 'waiting' || state.kind === 'degraded'),
  );
  if (unready !== undefined) return `${unready.linkName} was not configured`;
  const primary = desired.enis.find(({ isPrimary }) => isPrimary);
  if (primary === undefined) return 'the primary ENI was not configured';
  if (changes.some(({ mac }) => mac === primary.mac)) return `changes of ${primary.linkName} were not applied`;
  const links = kernel.links.filter(({ index }) => index === primary.linkIndex);
  const addresses = listLocalAddresses({ ...kernel, links }, config.drivers);
  const { endpoints, timeoutMs } = config.imds;
  const ways = await askMetadata({ links: [{ name: primary.linkName, addresses }], endpoints, timeoutMs });
  if (!ways.some(({ failure }) => failure === null))
    return `the metadata service was not reached through ${primary.linkName}`;
  return findSilentGateway(kernel, primary.linkIndex);
}

/**
 * The request to the metadata service went through the gateway, so by now the kernel knows its MAC.
 * Without IPv4 there is no file to read that from; the answer itself came through it.
 */
function findSilentGateway({ routes }: KernelState, linkIndex: number): string | null {
  const gateway = routes.find(
    (route) =>
      route.table === mainTable && route.linkIndex === linkIndex && route.destination === defaultDestination[4],
  )?.gateway;
  if (gateway === undefined || gateway === null) return null;
  const entry = readFileSync('/proc/net/arp', 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${gateway} `));
  // ATF_COM (linux/if_arp.h): the entry is complete.
  const isComplete = (Number(entry?.split(/\s+/)[2]) & 0x02) !== 0;
  return isComplete ? null : `the gateway ${gateway} was not reached`;
}

/** The previous manager may remove some of it itself meanwhile. */
async function removeLeftovers(config: Config, managers: readonly string[]): Promise<void> {
  const { kernel, desired } = await inspectHost(config);
  const client = new RtnetlinkClient();
  try {
    for (const rule of findLeftoverRules(kernel, desired, managers)) await accept(['ENOENT'], client.deleteRule(rule));
    for (const route of [...findLeftovers(kernel, desired), ...findLeftoverTables(kernel, managers)])
      await accept(['ESRCH'], client.deleteRoute(route));
    for (const address of findLeftoverAddresses(kernel, desired))
      await accept(['EADDRNOTAVAIL'], client.deleteAddress(address));
  } finally {
    client.close();
  }
}
