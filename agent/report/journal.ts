/**
 * The program's log, by winston: one line for each thing that an operator should know, with fields
 * to search by. To journald with fields where it listens, else to stderr. Invariant: logging never
 * throws and never waits.
 */

import winston from 'winston';
import { isJournalStream, type JournalSender } from '../../lib/systemd/journal.ts';
import { JournaldTransport } from '../../lib/systemd/journald-transport.ts';
import { type Fields, type Level, type LineStyle, levels, toJournalEntry } from './journal-line.ts';
import { LineTransport } from './line-transport.ts';

export type { Fields, Level } from './journal-line.ts';

export interface Journal {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warning(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** The same log; each entry has these fields, too. */
  child(fields: Fields): Journal;
}

export interface JournalOptions {
  /** The lowest severity that is written. */
  readonly level: Level;
  /** By default what suits stderr; `journal` is `prefixed` unless journald accepts entries. */
  readonly style?: LineStyle | 'journal';
  /** Where lines go; by default stderr. */
  readonly write?: (line: string) => void;
  /** How to reach journald. */
  readonly openSender?: () => Promise<Pick<JournalSender, 'send'>>;
}

/**
 * Makes the log. Cheap: journald is opened in the background, and lines until then go to stderr,
 * which it reads too.
 */
export function createJournal(options: JournalOptions): Journal {
  const { level, style = chooseStyle(), write = writeToStderr(), openSender } = options;
  const lines = new LineTransport(style === 'journal' ? 'prefixed' : style, write);
  const logger = winston.createLogger({
    level,
    levels,
    // Each transport has its own format; by default winston would render each entry as JSON.
    format: winston.format((entry) => entry)(),
    // In this order: an entry that journald accepted is not written as a line.
    transports: [
      ...(style === 'journal' ? [new JournaldTransport({ toFields: toJournalEntry, openSender })] : []),
      lines,
    ],
  });
  return ofLogger(logger);
}

function ofLogger(logger: winston.Logger): Journal {
  const log = (level: Level, message: string, fields: Fields = {}): void => {
    try {
      // As one object: with a message of its own, winston looks for placeholders in it, and fields
      // beside one are lost.
      if (logger.isLevelEnabled(level)) logger.log({ ...fields, level, message });
    } catch {
      // A failing log must not break what it reports on.
    }
  };
  return {
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warning: (message, fields) => log('warning', message, fields),
    error: (message, fields) => log('error', message, fields),
    child: (fields) => ofLogger(logger.child(fields)),
  };
}

function chooseStyle(): LineStyle | 'journal' {
  if (process.stderr.isTTY) return 'plain';
  if (isJournalStream(process.env['JOURNAL_STREAM'], process.stderr.fd)) return 'journal';
  // INVOCATION_ID: started by systemd, whose log targets all read the prefix.
  return process.env['INVOCATION_ID'] ? 'prefixed' : 'plain';
}

function writeToStderr(): (line: string) => void {
  // A reader that exited (`enid run 2>&1 | head`) causes an `error` event, which would end the
  // process.
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => {});
  return (line) => process.stderr.write(line);
}
