/**
 * `enid run`: the daemon in the foreground, its signals, and what it reports to the service
 * manager.
 */

import { readFileSync } from 'node:fs';
import { Bus } from '../../lib/dbus/bus.ts';
import { openNotifier } from '../../lib/systemd/notify.ts';
import { countOf } from '../../lib/text/count.ts';
import { listDifferences } from '../config/differences.ts';
import { listIgnored, summariseFaults } from '../config/fault.ts';
import { formatConfig } from '../config/format.ts';
import { type ConfigReading, requireConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { computeStanding, describePending } from '../decide/explain/standing.ts';
import type { KernelState } from '../model.ts';
import { type BusActions, BusService } from '../report/bus-service.ts';
import { describeReload } from '../report/event-text.ts';
import type { Journal } from '../report/journal.ts';
import { messageId } from '../report/journal-line.ts';
import type { Metrics } from '../report/metrics.ts';
import { Daemon } from '../run/daemon.ts';
import { HostnameSetter } from '../run/hostname.ts';
import { settleMemory } from '../run/memory.ts';
import { leaveRoot } from '../run/own-user.ts';
import type { PassResult } from '../run/reconciler.ts';
import { RuntimeStore } from '../watch/runtime-store.ts';
import { buildRows, describePlan } from './status.ts';

export interface RunOptions {
  /** What the files say now. */
  readonly readConfig: () => ConfigReading;
  readonly journal: Journal;
  /** Exit when nothing is left to do, or nothing more can be done. */
  readonly once: boolean;
  /** Log every decision with its reason. */
  readonly debug: boolean;
}

/** Far below any sensible WatchdogSec=. */
const feedingMs = 250;
/** How long `--once` waits for leases and metadata. */
const onceMs = 45_000;
/** CAP_NET_ADMIN in the effective set (linux/capability.h; proc_pid_status(5)). */
const netAdminBit = 1n << 12n;

/**
 * Resolves with the exit code: 0 after a signal or convergence, 1 if the start fails or `--once`
 * does not converge.
 */
export async function run({ readConfig, journal, once, debug }: RunOptions): Promise<number> {
  // First of all: a program that sees the lock may send SIGHUP, which kills a process without a
  // handler.
  const signals = catchSignals();
  const reading = readConfig();
  let config: Config;
  try {
    config = requireConfig(reading);
  } catch (error) {
    journal.error(error instanceof Error ? error.message : String(error), messageId('configuration'));
    return 1;
  }
  let ignored = listIgnored(reading.faults);
  if (!hasNetAdmin()) {
    journal.error('enid run: expected the capability CAP_NET_ADMIN, got none: run it as root or by its systemd unit');
    return 1;
  }
  reportTolerated(reading, journal);
  // networkd and all others must be able to read its files, whatever umask root's shell has.
  process.umask(0o022);
  leaveRoot(config.runtimeDirectory, config.networkd.unitDirectory);
  const notifier = await openNotifier(process.env, (message) => journal.warning(message));
  // The runtime directory stays the same until it exits, whatever a reload says.
  const store = new RuntimeStore(config.runtimeDirectory);
  let last: PassResult | null = null;
  let reported = { text: '', atMs: 0 };
  let updateService: (result: PassResult) => void = () => undefined;
  let notQuiet: (passCount: number) => void = () => undefined;
  const counts = { changes: 0, failures: 0 };
  const metrics = once ? null : await openMetrics(config, journal);
  metrics?.setIgnored(ignored.length);
  const daemon = await Daemon.open({
    config,
    journal,
    debug,
    onPass: (result) => {
      last = result;
      // A burst of passes must not fill the manager's socket, which drops what does not fit.
      const text = summarise(result);
      const nowMs = performance.now();
      if (text !== reported.text || nowMs - reported.atMs > feedingMs) {
        reported = { text, atMs: nowMs };
        notifier.watchdog(text);
      }
      updateService(result);
      notQuiet(1);
    },
    observe: (event) => {
      if (event.kind === 'change') counts[event.isFailure ? 'failures' : 'changes']++;
      metrics?.observe(event);
    },
  });
  metrics?.configured({ isAccepted: true, intervalMs: config.imds.intervalMs });
  const stopCounting = metrics === null ? () => undefined : await countWaysOf(daemon, metrics, () => last, journal);
  const hostname = new HostnameSetter(daemon.bus, journal);
  /** Resolves with why the configuration was refused; null: it is in force. */
  const reload = async (): Promise<string | null> => {
    notifier.reloading();
    const before = config;
    let problem: string | null = null;
    try {
      config = requireConfig(readConfig(), { isStrict: true });
      ignored = [];
      metrics?.setIgnored(0);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
      journal.error(`${problem}; the previous configuration stays in force`, messageId('configuration'));
    }
    metrics?.configured({ isAccepted: problem === null, intervalMs: config.imds.intervalMs });
    const countsBefore = { ...counts };
    const warning = await daemon.reload(config);
    const knownSince = warning === null ? null : daemon.metadataTime();
    if (problem === null) journal.info(describeReload(listDifferences(before, config), warning), messageId('reloaded'));
    hostname.start(config);
    notifier.ready(last === null ? undefined : summarise(last));
    await store
      .writeReload({
        ...{ problem, warning, knownSince },
        changes: counts.changes - countsBefore.changes,
        failures: counts.failures - countsBefore.failures,
      })
      .catch((error) => journal.warning(`failed to report that the reload is done: ${error}`));
    return problem;
  };
  // Reloads never overlap; all callers that ask during one share the next.
  let reloading: Promise<string | null> | null = null;
  let nextReload: Promise<string | null> | null = null;
  const beginReload = () => {
    nextReload = null;
    reloading = reload().finally(() => {
      reloading = null;
    });
    return reloading;
  };
  const requestReload = (): Promise<string | null> => {
    if (nextReload !== null) return nextReload;
    if (reloading === null) return beginReload();
    nextReload = reloading.then(beginReload, beginReload);
    return nextReload;
  };
  const warnings = () => [...ignored, ...daemon.warnings()];
  const offer = { last: () => last, config: () => config, warnings, requestReload, called: () => notQuiet(0) };
  const service = once ? null : offerOnBus(daemon, { journal, ...offer });
  updateService = (result) => {
    if (service === null) return;
    const rows = buildRows({ ...result, changes: result.remaining }, (mac) => daemon.historyOf(mac));
    service.update(rows);
    metrics?.update(rows, result.durationMs);
  };
  signals.onReload(() => void requestReload());
  await daemon.start();
  if (!once) hostname.start(config);
  notifier.ready();
  notQuiet = settleMemory();
  if (notifier.watchdogMs !== null) daemon.keepAlive(notifier.watchdogMs / 3, () => notifier.watchdog());
  const exitCode = once
    ? await awaitConvergence(
        () => last,
        () => daemon.warnings().length > 0,
      )
    : await signals.stopped.then(() => 0);
  notifier.stopping();
  hostname.stop();
  stopCounting();
  metrics?.close();
  service?.close();
  await daemon.stop();
  notifier.close();
  return exitCode;
}

/** What a start takes so that no host is without enid after an upgrade or a downgrade. */
function reportTolerated({ faults }: ConfigReading, journal: Journal): void {
  for (const line of listIgnored(faults)) journal.warning(line, messageId('configuration'));
  const taken = faults.filter(({ isUnknownKey }) => isUnknownKey !== true);
  if (taken.length === 0) return;
  const message = `${summariseFaults(taken)}: taken as \`match: {}\` at this start, as by enid 0.1.0; a reload refuses it`;
  journal.warning(message, messageId('configuration'));
}

function hasNetAdmin(): boolean {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return line !== undefined && (BigInt(`0x${line}`) & netAdminBit) !== 0n;
}

/**
 * Null if metrics are off. A busy address or unwritable file is logged and does not block the
 * start.
 */
async function openMetrics(config: Config, journal: Journal): Promise<Metrics | null> {
  const { metricsListen: address, metricsTextfile: path } = config;
  if (address === null && path === null) return null;
  const { Metrics } = await import('../report/metrics.ts');
  const metrics = new Metrics();
  const refuse = (what: string) => (error: unknown) => journal.warning(`failed to ${what}: ${error}`);
  if (address !== null) await metrics.listen(address).catch(refuse(`offer metrics at ${address}`));
  if (path !== null) await metrics.writeTextfile(path, once(refuse(`write metrics to ${path}`)));
  return metrics;
}

async function countWaysOf(
  daemon: Daemon,
  metrics: Metrics,
  last: () => PassResult | null,
  journal: Journal,
): Promise<() => void> {
  const { countWays } = await import('./ways-metric.ts');
  const onProblem = once((error) => journal.warning(`failed to look up the ways out of the host: ${error}`));
  const host = () => {
    const pass = last();
    return pass === null ? null : { ...daemon.known(), ...pass, changes: pass.remaining };
  };
  return countWays({ host, report: (counts) => metrics.setWays(counts), onProblem });
}

/** The first call counts. */
function once(log: (error: unknown) => void): (error: unknown) => void {
  let isLogged = false;
  return (error) => {
    if (!isLogged) log(error);
    isLogged = true;
  };
}

interface BusOffer {
  readonly journal: Journal;
  readonly last: () => PassResult | null;
  readonly config: () => Config;
  readonly warnings: () => readonly string[];
  readonly requestReload: () => Promise<string | null>;
  readonly called: () => void;
}

function offerOnBus(daemon: Daemon, offer: BusOffer): BusService {
  const { journal, last, config, warnings, requestReload, called } = offer;
  const actions: BusActions = {
    plan: () => {
      const { remaining = [], conflicts = [], desired = { reports: [] }, networkd = null } = last() ?? {};
      const { snapshot } = daemon.known();
      const directory = config().networkd.unitDirectory;
      return describePlan({
        ...{ changes: remaining, conflicts, desired, snapshot, networkd, directory },
        warnings: warnings(),
      });
    },
    describeHost: () => ({
      warnings: warnings(),
      recentChanges: daemon.recentChanges,
      metadata: daemon.metadataState(),
    }),
    describeConfiguration: () => formatConfig(config()),
    explain: async (source, destination, userId) => {
      const { lookUpPacket, readPacket } = await import('./explain.ts');
      const known = daemon.known();
      const packet = readPacket(source, destination || undefined, (name) => listAddresses(known.kernel, name));
      if (typeof packet === 'string') throw new Error(packet);
      const pass = last();
      if (pass === null) throw new Error('the first pass is not done yet: try again');
      const { desired, conflicts, remaining: changes } = pass;
      return await lookUpPacket({ ...known, desired, conflicts, changes }, packet, userId);
    },
    reconcile: async () => {
      const problem = await requestReload();
      if (problem !== null) throw new Error(problem);
    },
    called,
  };
  return new BusService(new Bus(), actions, (message) => journal.warning(message));
}

function listAddresses({ links, addresses }: KernelState, linkName: string): string[] {
  const index = links.find(({ name }) => name === linkName)?.index;
  return addresses.filter(({ linkIndex }) => linkIndex === index).map(({ address }) => address);
}

interface CaughtSignals {
  /** Resolves at SIGTERM or SIGINT. */
  readonly stopped: Promise<void>;
  /** SIGHUP: called once for those that came before this call. */
  onReload(listener: () => void): void;
}

function catchSignals(): CaughtSignals {
  let isAwaited = false;
  let notify = () => {
    isAwaited = true;
  };
  process.on('SIGHUP', () => notify());
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  return {
    stopped,
    onReload: (listener) => {
      notify = listener;
      if (isAwaited) listener();
    },
  };
}

/**
 * `hasFailed`: the metadata service was asked and has not answered; what is remembered has to do
 * then.
 */
async function awaitConvergence(last: () => PassResult | null, hasFailed: () => boolean): Promise<number> {
  const untilMs = performance.now() + onceMs;
  while (performance.now() < untilMs) {
    const result = last();
    const isWaiting = result?.desired.reports.some(
      ({ linkIndex, state }) => linkIndex !== null && state.kind === 'waiting',
    );
    const isDone = result !== null && result.remaining.length === 0 && result.applied === 0;
    if (isDone && isWaiting === false && (result.isConfirmed || hasFailed())) return 0;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return 1;
}

/** Counts as `enid status` does. */
function summarise({ desired, remaining, conflicts }: PassResult): string {
  const states = desired.reports.map((report) => computeStanding(report, { changes: remaining, conflicts }));
  const configured = states.filter(({ kind }) => kind === 'configured').length;
  const pending = remaining.length === 0 ? '' : `, ${describePending(remaining.length)}`;
  return `${countOf(desired.reports.length, 'ENI')}, ${configured} configured${pending}`;
}
