/** Reports each change: to the journal with fields to search by, to the metrics, to the history. */

import type { Change, EniMetadata, RepairKind } from '../model.ts';
import { describeChange } from './change-text.ts';
import { type EniHistory, History } from './history.ts';
import type { Fields, Journal } from './journal.ts';
import { messageId } from './journal-line.ts';
import type { DaemonEvent } from './metrics.ts';
import type { TroubleLog } from './trouble-log.ts';

export interface ChangeLogOptions {
  readonly journal: Journal;
  readonly troubles: TroubleLog;
  readonly observe: (event: DaemonEvent) => void;
  /** A detached ENI is known from an earlier read. */
  readonly findEni: (mac: string) => EniMetadata | undefined;
}

export class ChangeLog {
  readonly #options: ChangeLogOptions;
  readonly #history = new History();

  constructor(options: ChangeLogOptions) {
    this.#options = options;
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
    this.journalOf(change.mac).info(`${describeChange(change)} (${change.reason})`, {
      ...messageId('change'),
      ...fields,
    });
  }

  /** Another program has undone a change so often that it is retried less often from now on. */
  fought(change: Change, count: number): void {
    this.#options.observe({ kind: 'fight', object: describeChange(change), isNew: true });
    const text = describeChange(change);
    const message = `another program keeps undoing \`${text}\`: done ${count} times in a row; retrying less often from now on, down to once a minute. ${adviseOnFight(change)}, or set \`manage: none\` for the ENI`;
    this.journalOf(change.mac).warning(message, { ...messageId('fight'), ...fieldsOfChange(change) });
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

/** When it happens, and who does it. */
function adviseOnFight({ kind }: Change): string {
  const kinds = { route: /route/, rule: /rule/, address: /address/ };
  const object = Object.entries(kinds).find(([, pattern]) => pattern.test(kind))?.[0] ?? 'link';
  if (/file|reload/.test(kind))
    return 'Find the program (`auditctl -w /run/systemd/network -p wa`, then `ausearch -f`)';
  if (kind === 'set-dns') return 'Find the program (`busctl monitor org.freedesktop.network1`)';
  return `Find the program (\`ip -ts monitor ${object}\` shows when, \`bpftrace -e 'k:rtnetlink_rcv_msg { @[comm, pid] = count() }'\` who)`;
}
