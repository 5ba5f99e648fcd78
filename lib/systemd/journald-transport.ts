/**
 * A winston transport that writes to journald with fields. Invariant: it never throws and never
 * waits; entries that journald did not accept are left to the transports after it.
 */

import type { LogEntry } from 'winston';
import TransportStream from 'winston-transport';
import { type JournalFields, JournalSender } from './journal.ts';

/** Set on an entry that journald has accepted. */
const taken = Symbol('taken by journald');

export interface JournaldTransportOptions {
  /** An entry as fields: MESSAGE, PRIORITY, … */
  readonly toFields: (entry: LogEntry) => JournalFields;
  /** How to reach journald. */
  readonly openSender?: (() => Promise<Pick<JournalSender, 'send'>>) | undefined;
}

export class JournaldTransport extends TransportStream {
  readonly #toFields: JournaldTransportOptions['toFields'];
  #sender: Pick<JournalSender, 'send'> | null = null;

  /**
   * Opens the socket in the background; until then, and if there is no journald, nothing is
   * accepted.
   */
  constructor({ toFields, openSender = () => JournalSender.open() }: JournaldTransportOptions) {
    super();
    this.#toFields = toFields;
    openSender().then(
      (sender) => {
        this.#sender = sender;
      },
      // Not on this system.
      () => {},
    );
  }

  override log(entry: LogEntry & { [taken]?: boolean }, next: () => void): void {
    try {
      if (this.#sender?.send(this.#toFields(entry)) === true) entry[taken] = true;
    } catch {
      // The transports after this one handle it.
    }
    next();
  }
}

/** Whether a transport before this one has given the entry to journald. */
export function isTaken(entry: object): boolean {
  return taken in entry;
}
