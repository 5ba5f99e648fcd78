/**
 * Prometheus metrics, over HTTP or in a file; off by default, and not even
 * loaded then. Labels have few values: kinds, states, and the ENIs of the instance.
 */

import type { Server } from 'node:http';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { writeFileAtomically } from '../../lib/file/write-file.ts';
import type { RepairKind } from '../model.ts';
import { version } from '../version.ts';
import { openScrapeServer } from './scrape-server.ts';
import type { StatusRow } from './status-row.ts';

/** What the daemon reports as it happens. */
export type DaemonEvent =
  | {
      readonly kind: 'change';
      readonly change: string;
      readonly isFailure: boolean;
      readonly repair: RepairKind | null;
    }
  /** Another program has undone a change so often that it is retried less often. */
  | { readonly kind: 'fight'; readonly object: string; readonly isNew: boolean }
  | { readonly kind: 'events-lost' }
  /** One request to the metadata service. */
  | { readonly kind: 'metadata-request'; readonly outcome: string }
  /** One read of the metadata. `failure`: the kind of error, null for a complete snapshot. */
  | { readonly kind: 'metadata-read'; readonly failure: string | null; readonly durationMs: number };

/** What came of looking up every way out of the host (agent/decide/explain/ways.ts). */
export interface WayCounts {
  readonly checked: number;
  /** EC2 drops what takes them. */
  readonly dropped: number;
}

/** Every state is a series of its own, so that an alert can compare them with 1. */
const states = ['configured', 'waiting', 'overridden', 'ignored', 'degraded', 'detaching'] as const;
/** As often as Prometheus scrapes node-exporter in most places. */
const textfileMs = 15_000;
/** Exported as 0 from the start, so that the first one is seen as an increase. */
const repairKinds: readonly RepairKind[] = ['address', 'file', 'metric', 'name', 'route', 'rule', 'setting', 'table'];
/** Of lib/imds/errors.ts and agent/sense/metadata.ts, for the same reason. */
const readFailureKinds = [
  ...['unreachable', 'timeout', 'status', 'token', 'token-expired', 'too-large', 'truncated'],
  ...['absent', 'inconsistent', 'unparsable'],
];
/** A fought change is retried once a minute at least; half a minute without one and it is over. */
const fightMs = 90_000;
/** More objects than a large instance has; those fought longest ago are forgotten first. */
const mostFought = 5_000;
/** Gauges of prom-client with a suffix of counters: `promtool check metrics` refuses them. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];
/** A scraper that asks more often gets the same text again: rendering takes some milliseconds. */
const renderMs = 500;
/**
 * Seconds: an idle pass takes well below a millisecond, one that configures an ENI some hundred.
 */
const passBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

export class Metrics {
  readonly #registry = new Registry();
  /** Of prom-client: node-exporter has metrics of the same names. */
  readonly #processRegistry = new Registry();
  readonly #states: Gauge<'eni' | 'interface' | 'state'>;
  readonly #pending: Gauge;
  readonly #passes: Histogram;
  readonly #changes: Counter<'kind' | 'result'>;
  readonly #repairs: Counter<'kind'>;
  readonly #fights: Counter;
  readonly #losses: Counter;
  readonly #requests: Counter<'outcome'>;
  readonly #reads: Histogram;
  readonly #readFailures: Counter<'kind'>;
  readonly #snapshotTime: Gauge;
  readonly #pollInterval: Gauge;
  readonly #isReloaded: Gauge;
  readonly #reloadTime: Gauge;
  readonly #ways: Gauge;
  readonly #waysDropped: Gauge;
  /** Object → when it was last fought over, in ms on a monotonic clock; the latest is last. */
  readonly #fought = new Map<string, number>();
  readonly #ignored: Gauge;
  #server: Server | null = null;
  #timer: NodeJS.Timeout | null = null;
  #rendered: { readonly text: Promise<string>; readonly untilMs: number } | null = null;

  constructor() {
    const registers = [this.#registry];
    const make = (name: string, help: string) => ({ name: `enid_${name}`, help, registers });
    collectDefaultMetrics({ register: this.#processRegistry });
    for (const name of misnamed) this.#processRegistry.removeSingleMetric(name);
    const labelNames = ['version'] as const;
    new Gauge({ ...make('build_info', '1, with the version as label'), labelNames }).set({ version }, 1);
    this.#states = new Gauge({
      ...make('eni_state', '1 for the state that the ENI is in'),
      labelNames: ['eni', 'interface', 'state'],
    });
    this.#pending = new Gauge(make('changes_pending', 'Changes that the last pass left undone'));
    this.#passes = new Histogram({
      ...make('pass_duration_seconds', 'Passes of the reconciler'),
      buckets: passBuckets,
    });
    this.#changes = new Counter({
      ...make('changes_total', 'Changes made to the system, by kind and result'),
      labelNames: ['kind', 'result'],
    });
    this.#repairs = new Counter({
      ...make('repairs_total', 'Objects put back that another program had removed or altered, by kind'),
      labelNames: ['kind'],
    });
    for (const kind of repairKinds) this.#repairs.inc({ kind }, 0);
    this.#fights = new Counter(make('fights_total', 'Times that another program kept undoing a change'));
    const fought = this.#fought;
    new Gauge({
      ...make('fights_active', 'Objects that another program keeps removing or altering at the moment'),
      collect() {
        const sinceMs = performance.now() - fightMs;
        for (const [object, lastMs] of fought) if (lastMs < sinceMs) fought.delete(object);
        this.set(fought.size);
      },
    });
    this.#losses = new Counter(
      make('kernel_events_lost_total', 'Overruns of the rtnetlink socket; each is a fresh dump'),
    );
    this.#requests = new Counter({
      ...make('metadata_requests_total', 'Requests to the metadata service, tokens included, by outcome'),
      labelNames: ['outcome'],
    });
    this.#reads = new Histogram({
      ...make('metadata_read_duration_seconds', 'Whole reads of the metadata'),
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    });
    this.#readFailures = new Counter({
      ...make('metadata_read_failures_total', 'Reads of the metadata that failed, by kind'),
      labelNames: ['kind'],
    });
    for (const kind of readFailureKinds) this.#readFailures.inc({ kind }, 0);
    this.#snapshotTime = new Gauge(
      make(
        'metadata_last_read_timestamp_seconds',
        'When the metadata was last read completely; 0: not since the start',
      ),
    );
    this.#pollInterval = new Gauge(
      make('metadata_poll_interval_seconds', 'How often the metadata is read, by the configuration in force'),
    );
    this.#isReloaded = new Gauge(
      make('config_last_reload_successful', '1 if the configuration files were accepted when last read, else 0'),
    );
    this.#reloadTime = new Gauge(
      make('config_last_reload_success_timestamp_seconds', 'When the configuration in force was read'),
    );
    this.#ways = new Gauge(
      make('ways_checked', 'Ways out of the host, from each source of each ENI, that were looked up in the kernel'),
    );
    this.#waysDropped = new Gauge(
      make('ways_dropped', 'Those by which a packet leaves by an ENI that does not own its source: EC2 drops it'),
    );
    this.#ignored = new Gauge(
      make('configuration_ignored_keys', 'Unknown keys that the configuration of the start was read without'),
    );
  }

  observe(event: DaemonEvent): void {
    switch (event.kind) {
      case 'change':
        this.#changes.inc({ kind: event.change, result: event.isFailure ? 'failed' : 'made' });
        if (event.repair !== null) this.#repairs.inc({ kind: event.repair });
        break;
      case 'fight':
        if (event.isNew) this.#fights.inc();
        this.#fight(event.object);
        break;
      case 'events-lost':
        this.#losses.inc();
        break;
      case 'metadata-request':
        this.#requests.inc({ outcome: event.outcome });
        break;
      case 'metadata-read':
        if (event.failure !== null) this.#readFailures.inc({ kind: event.failure });
        else {
          this.#reads.observe(event.durationMs / 1000);
          this.#snapshotTime.setToCurrentTime();
        }
        break;
    }
  }

  #fight(object: string): void {
    this.#fought.delete(object);
    this.#fought.set(object, performance.now());
    const [oldest] = this.#fought.keys();
    if (this.#fought.size > mostFought && oldest !== undefined) this.#fought.delete(oldest);
  }

  /** The files were read: `intervalMs` is `imds.interval` of what is in force now. */
  configured({ isAccepted, intervalMs }: { readonly isAccepted: boolean; readonly intervalMs: number }): void {
    this.#isReloaded.set(isAccepted ? 1 : 0);
    if (isAccepted) this.#reloadTime.setToCurrentTime();
    this.#pollInterval.set(intervalMs / 1000);
  }

  /** At the start, and 0 from the first reload that is not refused. */
  setIgnored(count: number): void {
    this.#ignored.set(count);
  }

  setWays({ checked, dropped }: WayCounts): void {
    this.#ways.set(checked);
    this.#waysDropped.set(dropped);
  }

  /** After each pass. */
  update(rows: readonly StatusRow[], durationMs: number): void {
    this.#passes.observe(durationMs / 1000);
    this.#pending.set(rows.reduce((sum, { changesPending }) => sum + changesPending, 0));
    this.#states.reset();
    for (const row of rows) {
      for (const state of states) {
        this.#states.set({ eni: row.eni ?? row.mac, interface: row.link ?? '', state }, row.state === state ? 1 : 0);
      }
    }
  }

  /** All metrics in the text format of Prometheus. */
  async render(): Promise<string> {
    return (await this.#registry.metrics()) + (await this.#processRegistry.metrics());
  }

  /**
   * Keeps a file for node-exporter's textfile collector up to date, without the metrics of the
   * process, whose names node-exporter itself uses. The file stays when the daemon exits:
   * node-exporter exports its age.
   */
  async writeTextfile(path: string, onProblem: (error: unknown) => void): Promise<void> {
    const write = async () => {
      await writeFileAtomically(path, await this.#registry.metrics()).catch(onProblem);
    };
    this.#timer = setInterval(() => void write(), textfileMs);
    await write();
  }

  /** `127.0.0.1:9469` or `unix:/path`. Rejects where that is taken or forbidden. */
  async listen(address: string): Promise<void> {
    const { contentType } = this.#registry;
    this.#server = await openScrapeServer(address, { contentType, render: () => this.#renderSometimes() });
  }

  #renderSometimes(): Promise<string> {
    const nowMs = performance.now();
    if (this.#rendered === null || nowMs >= this.#rendered.untilMs) {
      this.#rendered = { text: this.render(), untilMs: nowMs + renderMs };
    }
    return this.#rendered.text;
  }

  /** Ends listening and writing; a scrape under way is cut off. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#server?.closeAllConnections();
    this.#server?.close();
    this.#server = null;
  }
}
