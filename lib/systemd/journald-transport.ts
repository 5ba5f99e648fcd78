/**
 * A transport of winston that writes to journald with fields. Invariant: it never throws and never
 * waits; what journald did not take is left to the transports after it.
 */

import type { LogEntry } from 'winston';
import TransportStream from 'winston-transport';
import { type JournalFields, JournalSender } from './journal.ts';

/** On an entry that journald has taken. */
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
   * Opens the socket in the background; until then, and where there is no journald, nothing is
   * taken.
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
      // Another transport may do better.
    }
    next();
  }
}

/** Whether a transport before this one has given the entry to journald. */
export function isTaken(entry: object): boolean {
  return taken in entry;
}
