/**
 * `enid run`: wires senses, reconciler, actuators and reports together, and keeps them running
 * until a signal.
 */

import { mkdir } from 'node:fs/promises';
import { Bus } from '../../lib/dbus/bus.ts';
import { removeLeftovers } from '../../lib/file/write-file.ts';
import { familyOf } from '../../lib/ip/address.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { type Actuators, applyChanges } from '../act/apply.ts';
import { applyKernelChange } from '../act/netlink.ts';
import { NetworkdBus } from '../act/networkd-bus.ts';
import { Removals } from '../act/removals.ts';
import { applyReplyChange } from '../act/reply-table.ts';
import { defaultConfig } from '../config/defaults.ts';
import { listDifferences } from '../config/differences.ts';
import type { Config } from '../config/types.ts';
import { explainDecisions, type Reason } from '../decide/explain/reasons.ts';
import { computeStanding } from '../decide/explain/standing.ts';
import { type EniReport, type KernelState, ownProtocol, type Snapshot } from '../model.ts';
import { ChangeLog } from '../report/change-log.ts';
import { DecisionLog } from '../report/decision-log.ts';
import { describeStart } from '../report/event-text.ts';
import type { EniHistory, RecentChange } from '../report/history.ts';
import type { Journal } from '../report/journal.ts';
import type { DaemonEvent } from '../report/metrics.ts';
import type { MetadataState } from '../report/status-row.ts';
import { TroubleLog } from '../report/trouble-log.ts';
import { listTroubles } from '../report/troubles.ts';
import { KernelMirror } from '../sense/kernel.ts';
import { leaseFiles, linkFiles, StateFiles } from '../sense/lease-files.ts';
import { LostRouters } from '../sense/lost-routers.ts';
import { NetworkdWatcher } from '../sense/networkd.ts';
import { NetworkdView } from '../sense/networkd-view.ts';
import { isForwarding, ReplyTableMirror } from '../sense/reply-table.ts';
import { version } from '../version.ts';
import { Arrivals } from '../watch/arrivals.ts';
import { Candidates } from '../watch/eni-links.ts';
import { wakeOnKernelChanges } from '../watch/kernel-wakes.ts';
import { RuntimeStore } from '../watch/runtime-store.ts';
import { OwnFiles } from '../watch/unit-files.ts';
import { MetadataSource } from './metadata-source.ts';
import { type PassResult, Reconciler } from './reconciler.ts';

/**
 * A boot must not wait for a metadata service that does not answer; what is stored is applied by
 * then.
 */
const patienceAtStartMs = 3_000;
/** Below the time that systemd gives a reload (TimeoutStartSec). */
const patienceAtReloadMs = 20_000;
/** Links of containers come by the hundred. */
const linksDelayMs = 1_000;

export interface DaemonOptions {
  readonly config: Config;
  readonly journal: Journal;
  /** Called after every pass. */
  readonly onPass?: (result: PassResult) => void;
  /** Gets the events that metrics count. */
  readonly observe?: (event: DaemonEvent) => void;
  /** Logs every decision with its reason. */
  readonly debug?: boolean;
}

/**
 * The parts of a running program. `openDaemon` opens it; `stop` ends it and leaves the network as
 * it is.
 */
export class Daemon {
  readonly #journal: Journal;
  readonly #store: RuntimeStore;
  readonly #bus: Bus;
  readonly #mirror: KernelMirror;
  readonly #client: RtnetlinkClient;
  readonly #view: NetworkdView;
  readonly #metadata: MetadataSource;
  readonly #reconciler: Reconciler;
  readonly #onPass: (result: PassResult) => void;
  readonly #observe: (event: DaemonEvent) => void;
  #config: Config;
  readonly #candidates: Candidates;
  readonly #files: OwnFiles;
  readonly #leases: StateFiles;
  readonly #replies: ReplyTableMirror;
  readonly #arrivals: Arrivals;
  readonly #linkFiles: StateFiles;
  #keepAliveTimer: NodeJS.Timeout | null = null;
  /** Of the last pass, with their standing. */
  #reports: readonly EniReport[] = [];
  /** Why networkd was not reloaded, while it is still to be. */
  #refusal: string | null = null;
  readonly #troubles: TroubleLog;
  readonly #changeLog: ChangeLog;
  /** Null: decisions are not logged. */
  readonly #decisions: DecisionLog | null;

  static async open(options: DaemonOptions): Promise<Daemon> {
    const store = new RuntimeStore(options.config.runtimeDirectory);
    await store.prepare();
    await store.lock();
    const { unitDirectory, prefix } = options.config.networkd;
    await mkdir(unitDirectory, { recursive: true, mode: 0o755 });
    await removeLeftovers(unitDirectory, `${prefix}-`);
    const lostRouters = new LostRouters();
    const mirror = await KernelMirror.open({
      onEvents: (events) => lostRouters.receive(events, performance.now()),
      onProblem: (problem) => {
        if (problem.code === 'events-lost') options.observe?.({ kind: 'events-lost' });
        options.journal.warning(problem.message);
      },
    });
    return new Daemon(options, store, mirror, lostRouters);
  }

  private constructor(
    { config, journal, onPass, observe, debug }: DaemonOptions,
    store: RuntimeStore,
    mirror: KernelMirror,
    lostRouters: LostRouters,
  ) {
    this.#config = config;
    this.#journal = journal;
    this.#troubles = new TroubleLog((message, fields) => journal.warning(message, fields));
    this.#changeLog = new ChangeLog({
      journal,
      troubles: this.#troubles,
      directory: config.networkd.unitDirectory,
      observe: (event) => this.#observe(event),
      findEni: (mac) => this.#metadata.find(mac),
    });
    this.#decisions = debug === true ? new DecisionLog((mac) => this.#changeLog.journalOf(mac)) : null;
    this.#onPass = onPass ?? (() => undefined);
    this.#observe = observe ?? (() => undefined);
    this.#store = store;
    this.#mirror = mirror;
    this.#client = new RtnetlinkClient();
    this.#candidates = new Candidates(mirror, {
      gone: (mac) => this.#metadata.forget(mac),
      changed: () => this.#view.linksChanged(),
      routesRead: () => this.#reconciler.wake(),
      problem: (message) => journal.warning(message),
    });
    this.#files = new OwnFiles(
      config.networkd,
      () => this.#reconciler.wake(),
      (message) => this.#troubles.report(message),
    );
    this.#leases = new StateFiles(() => this.#reconciler.wake(), leaseFiles);
    this.#linkFiles = new StateFiles(() => this.#reconciler.wake(), linkFiles);
    this.#replies = new ReplyTableMirror({
      onChanged: () => this.#reconciler.wake(),
      onTrouble: (message) => this.#troubles.report(message),
    });
    this.#arrivals = new Arrivals({
      onArrival: (address) => {
        // What a forwarding host has not itself is others'.
        if (!isForwarding(familyOf(address))) this.#metadata.arrived(address);
      },
      onTrouble: (message) => this.#troubles.report(message),
    });
    this.#bus = new Bus();
    const networkdBus = new NetworkdBus(this.#bus);
    this.#view = new NetworkdView({
      watcher: new NetworkdWatcher(this.#bus),
      linkIndexes: () => this.#candidates.indexes,
      onChanged: () => this.#reconciler.wake(),
      onRestart: () => {
        this.#reconciler.forgetOffers();
        this.#reconciler.wake();
      },
      onTrouble: (message) => journal.warning(message),
    });
    this.#metadata = new MetadataSource({
      ...{ config, journal, store, troubles: this.#troubles },
      kernel: () => mirror.state(),
      observe: (event) => this.#observe(event),
      onRead: () => this.#replies.readSoon(),
      onChanged: () => this.#reconciler.wake(),
    });
    const kernel = { client: this.#client, protocol: ownProtocol };
    const actuators: Actuators = {
      changeKernel: (change) => applyKernelChange(change, kernel),
      beginRemovals: () => new Removals(kernel),
      writeFile: (name, text) => this.#files.write(name, text),
      removeFile: (name) => this.#files.remove(name),
      reloadNetworkd: () => networkdBus.reload(),
      setDns: (linkIndex, isUsed) => networkdBus.setDns(linkIndex, isUsed),
      changeReplies: (change) =>
        applyReplyChange(change, this.#replies.client).finally(() => this.#replies.tableChanged()),
    };
    this.#reconciler = new Reconciler(
      config,
      {
        kernel: () => this.#mirror.state(),
        readKernel: () => this.#readKernel(),
        networkd: () => this.#leases.addTo(this.#linkFiles.addTo(this.#view.state())),
        lostRouters: () => lostRouters.list(),
        files: () => this.#files.list(),
        replies: () => this.#replies.state(),
        metadata: () => this.#metadata.state(),
      },
      {
        apply: (changes) => applyChanges(changes, actuators),
        readLedger: () => store.readLedger(),
        writeLedger: (ledger) => store.writeLedger(ledger),
      },
      {
        changed: ({ change, error }, repair) => {
          if (change.kind === 'reload') this.#refusal = error?.message ?? null;
          this.#changeLog.changed(change, error, repair);
        },
        fought: (change, count) => this.#changeLog.fought(change, count),
        passed: (result) => this.#afterPass(result),
        ledgerFailed: (error) => this.#troubles.report(`failed to write the ledger to disk, will retry: ${error}`),
        failed: (error) => {
          this.#troubles.report(`a pass failed, nothing was changed by it: ${error}`);
          this.#logStack(error);
        },
      },
    );
  }

  /** Of the daemon's own calls: shared, started and closed here. */
  get bus(): Bus {
    return this.#bus;
  }

  /** What was done for an ENI since the start. */
  historyOf(mac: string): EniHistory {
    return this.#changeLog.historyOf(mac);
  }

  /**
   * Inputs that could not be read lately, one line each: for these the last known state is used.
   */
  warnings(): readonly string[] {
    return [this.#metadata.failure, this.#refusal].flatMap((one) => one ?? []);
  }

  /** The host's last changes, the latest first. */
  get recentChanges(): readonly RecentChange[] {
    return this.#changeLog.recent;
  }

  /** How the reading of the metadata goes. */
  metadataState(): MetadataState {
    return this.#metadata.describe();
  }

  /** When the metadata was last read, ISO 8601; null: nothing of it is known. */
  metadataTime(): string | null {
    return this.#metadata.readTime;
  }

  /** What is known of the host now, without asking anybody. */
  known(): { readonly kernel: KernelState; readonly snapshot: Snapshot | null } {
    return { kernel: this.#mirror.state(), snapshot: this.#metadata.snapshot };
  }

  /**
   * Begins to listen and to act. Resolves when networkd was asked once and a pass is done; if
   * nothing is stored, also when the metadata service was asked, whether it answered or not.
   */
  async start(): Promise<void> {
    wakeOnKernelChanges({
      ...{ mirror: this.#mirror, candidates: this.#candidates, config: () => this.#config },
      wake: () => this.#reconciler.wake(),
    });
    // A container's link comes: by then the host may forward and track connections.
    this.#mirror.onChange((kinds) => {
      if (kinds.has('link')) this.#replies.readSoon(linksDelayMs);
    });
    this.#candidates.update(this.#config);
    this.#files.watch(this.#config.networkd);
    this.#arrivals.listen(this.#config.imds.wakeOnTraffic);
    await this.#bus.start();
    this.#view.start();
    await this.#view.refresh();
    // A route that was not read yet would be taken for missing: on a host with many routes, reading
    // them takes longer than connecting to the bus.
    await this.#candidates.settled();
    await this.#mirror.settled().catch((error) => this.#journal.warning(String(error)));
    await this.#replies.refresh();
    // From here on, with or without metadata, the objects in the ledger are kept in place.
    this.#reconciler.start();
    const isKnown = this.#metadata.snapshot !== null;
    if (!isKnown) await this.#metadata.readFirst(patienceAtStartMs);
    this.#reconciler.wake();
    await this.#reconciler.idle();
    this.#sayStarted();
    // What was accepted before the restart is in force already; a poll later it is looked at again,
    // and now is that poll. Not before the pass: loading the HTTP client would hold it up.
    if (isKnown) void this.#metadata.read(patienceAtStartMs);
  }

  #sayStarted(): void {
    const networkd = this.#view.state();
    const isKnown = this.#metadata.snapshot !== null;
    const settings = listDifferences(defaultConfig, this.#config);
    const message = describeStart({ version, networkd, reports: this.#reports, isKnown, settings });
    this.#changeLog.started(message, { ENID_VERSION: version });
  }

  /**
   * Reads everything again and reconciles; resolves when that is done, with the reason if the
   * metadata could not be read, null otherwise.
   */
  async reload(config: Config): Promise<string | null> {
    this.#config = config;
    this.#reconciler.setConfig(config);
    this.#metadata.setConfig(config);
    this.#files.watch(config.networkd);
    this.#arrivals.listen(config.imds.wakeOnTraffic);
    this.#candidates.update(this.#config);
    const [isRead] = await Promise.all([
      this.#metadata.read(patienceAtReloadMs),
      this.#candidates.settled(),
      this.#mirror.resync().catch((error) => this.#journal.warning(String(error))),
      this.#view.refresh(),
      this.#replies.refresh(),
    ]);
    this.#reconciler.wake();
    await this.#reconciler.idle();
    if (isRead) return null;
    return this.#metadata.failure ?? `no answer from the metadata service within ${patienceAtReloadMs / 1000} s`;
  }

  /**
   * Sends `alive` while idle too, but only after the reconciler has answered, so that neither a
   * stuck pass nor failing passes are hidden.
   */
  keepAlive(intervalMs: number, alive: () => void): void {
    const answer = () => {
      if (!this.#reconciler.isFailing) alive();
    };
    this.#keepAliveTimer = setInterval(() => void this.#reconciler.passed().then(answer), intervalMs);
  }

  /** Stops everything except the network. */
  async stop(): Promise<void> {
    if (this.#keepAliveTimer !== null) clearInterval(this.#keepAliveTimer);
    this.#files.close();
    this.#arrivals.close();
    this.#leases.close();
    this.#linkFiles.close();
    this.#metadata.stop();
    await this.#reconciler.stop();
    await this.#metadata.close();
    this.#view.stop();
    this.#mirror.close();
    this.#replies.close();
    this.#client.close();
    await this.#bus.close();
    await this.#store.unlock();
  }

  async #readKernel(): Promise<void> {
    await Promise.all([this.#mirror.resync(), this.#replies.refresh()]);
  }

  #afterPass(result: PassResult): void {
    const awaited = result.desired.reports
      .filter(({ linkIndex, eni, state }) => linkIndex !== null && eni === null && state.kind === 'waiting')
      .map(({ mac }) => mac);
    if (!result.remaining.some(({ kind }) => kind === 'reload')) this.#refusal = null;
    this.#metadata.await(awaited);
    for (const error of result.thrown.values()) this.#logStack(error);
    for (const message of listTroubles(result.desired.reports, result.conflicts)) this.#troubles.report(message);
    this.#troubles.passed(result.remaining.length === 0);
    const remaining = { changes: result.remaining, conflicts: result.conflicts };
    this.#reports = result.desired.reports.map((report) => ({ ...report, state: computeStanding(report, remaining) }));
    this.#changeLog.passed({ enis: result.desired.enis, reports: this.#reports });
    this.#decisions?.passed(this.#explain(result), result);
    this.#onPass(result);
  }

  #logStack(error: unknown): void {
    this.#journal.debug(error instanceof Error ? (error.stack ?? '') : '');
  }

  #explain(result: PassResult): Reason[] {
    const { snapshot, unconfirmed } = this.#metadata;
    return explainDecisions({ ...result, snapshot, unconfirmed, config: this.#config, kernel: this.#mirror.state() });
  }
}
