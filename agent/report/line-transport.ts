/**
 * A transport of winston that writes lines. Not winston's own `Stream`, which writes nothing more
 * after one write that throws, and schedules an immediate for each line.
 */

import { MESSAGE } from 'triple-beam';
import winston from 'winston';
import TransportStream from 'winston-transport';
import { isTaken } from '../../lib/systemd/journald-transport.ts';
import { formatLine, type LineStyle } from './journal-line.ts';

export class LineTransport extends TransportStream {
  readonly #write: (line: string) => void;

  constructor(style: LineStyle, write: (line: string) => void) {
    const dropTaken = winston.format((entry) => !isTaken(entry) && entry);
    super({
      format: winston.format.combine(
        dropTaken(),
        winston.format.printf((entry) => formatLine(entry, style)),
      ),
    });
    this.#write = write;
  }

  override log(entry: { readonly [MESSAGE]: string }, next: () => void): void {
    try {
      this.#write(entry[MESSAGE]);
    } catch {
      // A failing log must not break what it reports on.
    }
    next();
  }
}
