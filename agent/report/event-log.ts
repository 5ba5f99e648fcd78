/**
 * One line for each thing that happened to an ENI: attached, changed, repaired, detached. The
 * single commands are at debug. Invariant: a pass that changes nothing, and no metadata that
 * changed, is no line.
 */

import type { Change, Desired, EniMetadata, EniReport, RepairKind } from '../model.ts';
import { describeChange } from './change-text.ts';
import {
  describeAssigned,
  describeAttached,
  describeDetached,
  describeDetaching,
  describeEc2Change,
  describeOtherChange,
  describeRepairs,
  type Repair,
} from './event-text.ts';
import type { Fields, Journal } from './journal.ts';
import { messageId } from './journal-line.ts';

/** After a pass: each report with its standing. */
export interface SeenHost extends Pick<Desired, 'enis'> {
  readonly reports: readonly EniReport[];
}

export interface EventLogOptions {
  /** Of networkd's files. */
  readonly directory: string;
  /** The journal with an ENI's fields. */
  readonly journalOf: (mac: string) => Pick<Journal, 'info'>;
  /** Another program keeps undoing this command: that has lines of its own. */
  readonly isFought: (command: string) => boolean;
}

/** What is being made of one ENI between two lines. */
interface Made {
  linkName: string;
  count: number;
  readonly kinds: Map<Change['kind'], number>;
  first: string;
  readonly repairs: { readonly change: Change; readonly repair: Repair }[];
}

interface KnownEni {
  readonly eni: EniMetadata;
  readonly linkName: string;
  /** It was configured, or it was said why it is not. */
  readonly isAttached: boolean;
  readonly isLeaving: boolean;
  /** It came after the start. */
  readonly isNew: boolean;
  readonly stateKind: EniReport['state']['kind'];
}

/** More objects than a large instance has; those repaired longest ago are forgotten first. */
const mostRepaired = 5_000;
/** Of one line; a host with more has lost everything, and the rest is only counted. */
const mostRepairs = 1_000;

export class EventLog {
  readonly #options: EventLogOptions;
  readonly #made = new Map<string, Made>();
  readonly #known = new Map<string, KnownEni>();
  /** Command → how often it repaired its object. */
  readonly #times = new Map<string, number>();
  #last: SeenHost = { reports: [], enis: [] };
  #isStarted = false;

  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  /** A change was made; `repair`: what it put back, null: nothing. */
  made(change: Change, repair: RepairKind | null): void {
    const made = this.#made.get(change.mac) ?? newMade();
    this.#made.set(change.mac, made);
    const command = describeChange(change, this.#options.directory);
    if (change.linkName !== '') made.linkName = change.linkName;
    if (repair !== null && made.repairs.length < mostRepairs) {
      const times = this.#countRepair(command);
      made.repairs.push({ change, repair: { kind: repair, command, reason: change.reason, times } });
      return;
    }
    if (made.count === 0) made.first = `${command} (${change.reason})`;
    made.count += 1;
    made.kinds.set(change.kind, (made.kinds.get(change.kind) ?? 0) + 1);
  }

  /** The line of the start is out: what is configured by now, and was not changed, has none. */
  start(): void {
    this.#isStarted = true;
    for (const report of this.#last.reports) {
      const known = toKnown(report, { isAttached: isFinal(report) && !this.#made.has(report.mac) });
      if (known !== null) this.#known.set(report.mac, known);
    }
    this.passed(this.#last);
  }

  passed(host: SeenHost): void {
    this.#last = host;
    if (!this.#isStarted) return;
    const reports = new Map(host.reports.map((report) => [report.mac, report]));
    for (const report of host.reports) this.#look(report, host);
    for (const [mac, known] of this.#known) {
      const report = reports.get(mac);
      if (report === undefined || report.linkIndex === null) this.#sayDetached(mac, known);
    }
    for (const [mac, made] of this.#made) {
      this.#sayRepairs(mac, made);
      // What is not configured yet has its line when it is.
      if (this.#known.get(mac)?.isAttached === false) continue;
      if (made.count > 0) this.#say(mac, describeOtherChange(made.linkName, made), fieldsOf(made));
      this.#made.delete(mac);
    }
  }

  #look(report: EniReport, host: SeenHost): void {
    const { mac, eni, linkName } = report;
    if (eni === null || linkName === null) return;
    const before = this.#known.get(mac);
    const desired = host.enis.find((one) => one.mac === mac) ?? null;
    const placed = { report, eni, desired };
    const made = this.#made.get(mac);
    const tally = made === undefined || made.count === 0 ? null : made;
    const isAttached = before?.isAttached === true;
    const isNew = before?.isNew ?? true;
    const stateKind = report.state.kind;
    if (!isAttached && isFinal(report)) {
      this.#say(mac, describeAttached(placed, tally, isNew), { ...fieldsOf(made), INTERFACE: linkName }, 'attached');
      made?.kinds.clear();
      if (made !== undefined) made.count = 0;
    } else if (before !== undefined && isAttached) this.#sayChanged(before, placed, made);
    const isLeaving = stateKind === 'detaching';
    if (isLeaving && before?.isLeaving !== true) {
      this.#say(mac, describeDetaching(linkName, eni), { INTERFACE: linkName }, 'detached');
    }
    this.#known.set(mac, { eni, linkName, isAttached: isAttached || isFinal(report), isLeaving, isNew, stateKind });
  }

  #sayChanged(before: KnownEni, placed: Parameters<typeof describeEc2Change>[0], made: Made | undefined): void {
    const { report, eni } = placed;
    const phrases = before.eni === eni ? [] : describeAssigned(before.eni, eni);
    const isStep = isFinal(report) && isSteppedBack(before.stateKind) !== isSteppedBack(report.state.kind);
    const reason = 'reason' in report.state ? `: ${report.state.reason}` : '';
    const all = [...phrases, ...(isStep ? [`the ENI is ${report.state.kind}${reason}`] : [])];
    if (all.length === 0) return;
    const tally = made === undefined || made.count === 0 ? null : made;
    const shown = isStep ? { ...placed, report: { ...report, state: { kind: 'configured' } as const } } : placed;
    this.#say(report.mac, describeEc2Change(shown, all, tally), {
      ...fieldsOf(made),
      INTERFACE: report.linkName ?? '',
    });
    if (made !== undefined) made.count = 0;
    made?.kinds.clear();
  }

  #sayDetached(mac: string, { eni, linkName, isAttached }: KnownEni): void {
    this.#known.delete(mac);
    const made = this.#made.get(mac);
    if (made?.repairs.length === 0) this.#made.delete(mac);
    if (!isAttached && made === undefined) return;
    const tally = made === undefined || made.count === 0 ? null : made;
    this.#say(mac, describeDetached(linkName, eni, tally), { ...fieldsOf(made), INTERFACE: linkName }, 'detached');
    if (made !== undefined) made.count = 0;
  }

  #sayRepairs(mac: string, made: Made): void {
    const repairs = made.repairs.filter(({ repair }) => !this.#options.isFought(repair.command));
    made.repairs.length = 0;
    if (repairs.length === 0) return;
    const texts = repairs.map(({ repair }) => repair);
    const kinds = [...new Set(repairs.map(({ change }) => change.kind))];
    const repaired = [...new Set(texts.map(({ kind }) => kind))];
    const fields = { ...(made.linkName === '' ? {} : { INTERFACE: made.linkName }), CHANGE: kinds, REPAIR: repaired };
    this.#say(mac, describeRepairs(made.linkName, texts), fields);
  }

  #say(mac: string, message: string, fields: Fields, kind: 'change' | 'attached' | 'detached' = 'change'): void {
    this.#options.journalOf(mac).info(message, { ...messageId(kind), ...fields });
  }

  #countRepair(command: string): number {
    const times = (this.#times.get(command) ?? 0) + 1;
    this.#times.delete(command);
    this.#times.set(command, times);
    const [oldest] = this.#times.keys();
    if (this.#times.size > mostRepaired && oldest !== undefined) this.#times.delete(oldest);
    return times;
  }
}

function newMade(): Made {
  return { linkName: '', count: 0, kinds: new Map(), first: '', repairs: [] };
}

/** Nothing is awaited for it. Degraded: that has a line of its own, with the reason. */
function isFinal({ state }: EniReport): boolean {
  return state.kind === 'configured' || isSteppedBack(state.kind);
}

function isSteppedBack(kind: EniReport['state']['kind']): boolean {
  return kind === 'overridden' || kind === 'ignored';
}

function toKnown(report: EniReport, { isAttached }: { readonly isAttached: boolean }): KnownEni | null {
  const { eni, linkName, state } = report;
  if (eni === null || linkName === null) return null;
  return { eni, linkName, isAttached, isLeaving: state.kind === 'detaching', isNew: false, stateKind: state.kind };
}

function fieldsOf(made: Made | undefined): Fields {
  if (made === undefined) return {};
  return {
    ...(made.linkName === '' ? {} : { INTERFACE: made.linkName }),
    ...(made.kinds.size === 0 ? {} : { CHANGE: [...made.kinds.keys()] }),
  };
}
