/**
 * Reports each change: to the journal with fields to search by, to the metrics, to the history. The
 * journal has each command at debug, and one line for what came of a pass.
 */

import type { Change, EniMetadata, RepairKind } from '../model.ts';
import { describeChange } from './change-text.ts';
import { EventLog, type SeenHost } from './event-log.ts';
import { FightLog } from './fight-log.ts';
import { type EniHistory, History, type RecentChange } from './history.ts';
import type { Fields, Journal } from './journal.ts';
import { messageId } from './journal-line.ts';
import type { DaemonEvent } from './metrics.ts';
import type { TroubleLog } from './trouble-log.ts';

export interface ChangeLogOptions {
  readonly journal: Journal;
  readonly troubles: TroubleLog;
  /** Of networkd's files. */
  readonly directory: string;
  readonly observe: (event: DaemonEvent) => void;
  /** A detached ENI is known from an earlier read. */
  readonly findEni: (mac: string) => EniMetadata | undefined;
}

export class ChangeLog {
  readonly #options: ChangeLogOptions;
  readonly #history: History;
  readonly #fights: FightLog;
  readonly #events: EventLog;

  constructor(options: ChangeLogOptions) {
    this.#options = options;
    this.#history = new History(options.directory);
    this.#fights = new FightLog(options.directory);
    this.#events = new EventLog({
      directory: options.directory,
      journalOf: (mac) => this.journalOf(mac),
      isFought: (command) => this.#fights.isFought(command, performance.now()),
    });
  }

  /** A change was made (`error` null), or refused. */
  changed(change: Change, error: Error | null, repair: RepairKind | null): void {
    const { troubles, observe } = this.#options;
    observe({ kind: 'change', change: change.kind, isFailure: error !== null, repair });
    const fields = { ...fieldsOfChange(change), ...(repair === null ? {} : { REPAIR: repair }) };
    if (error !== null) {
      troubles.report(error.message, { ...messageId('refused'), ...this.#fieldsOf(change.mac), ...fields });
      return;
    }
    this.#history.record(change, repair, new Date());
    this.journalOf(change.mac).debug(`${describeChange(change, this.#options.directory)} (${change.reason})`, {
      ...messageId('change'),
      ...fields,
    });
    this.#events.made(change, repair);
  }

  /** Another program undoes a change so often that it is retried less often. */
  fought(change: Change, count: number): void {
    this.#history.fought(change, count, new Date());
    const { message, isNew } = this.#fights.note(change, count, performance.now());
    this.#options.observe({ kind: 'fight', object: describeChange(change, this.#options.directory), isNew });
    if (message === null) return;
    this.journalOf(change.mac).warning(message, { ...messageId('fight'), ...fieldsOfChange(change) });
  }

  /** After each pass. */
  passed(host: SeenHost): void {
    this.#events.passed(host);
  }

  /** After the first pass: `message` says what the program has found. */
  started(message: string, fields: Fields): void {
    this.#options.journal.info(message, { ...messageId('started'), ...fields });
    this.#events.start();
  }

  /** The host's last changes, the latest first. */
  get recent(): readonly RecentChange[] {
    return this.#history.recent;
  }

  historyOf(mac: string): EniHistory {
    return this.#history.of(mac);
  }

  /** Journal fields that select the entries about an ENI. */
  #fieldsOf(mac: string): Fields {
    const eni = this.#options.findEni(mac);
    const name = eni?.eniId ?? mac;
    return {
      ...(name === '' ? {} : { ENI: name }),
      ...(eni === undefined ? {} : { DEVICE_NUMBER: eni.deviceNumber }),
    };
  }

  /** The journal with an ENI's fields; null: as it is. */
  journalOf(mac: string | null): Journal {
    const { journal } = this.#options;
    return mac === null ? journal : journal.child(this.#fieldsOf(mac));
  }
}

/** A detached ENI has no link any more. */
function fieldsOfChange({ linkName, kind }: Change): Fields {
  return { ...(linkName === '' ? {} : { INTERFACE: linkName }), CHANGE: kind };
}
