/**
 * The program's log: one line for each thing that an operator should know, with fields to search by. To journald with
 * fields where it listens, else to stderr. Invariant: logging never throws and never waits.
 */

import { isJournalStream, JournalSender } from '../../lib/systemd/journal.ts';
import { formatLine, type Level, type Line, type LineStyle, toJournalEntry } from './journal-line.ts';

export type { Level } from './journal-line.ts';

/** `INTERFACE`, `ENI`, `CHANGE`, …: names as journald wants them, upper-case with `_`. */
export type Fields = Readonly<Record<string, string | number>>;

export interface Journal {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warning(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export interface JournalOptions {
  /** The least grave that is written. */
  readonly level: Level;
  /** By default what fits stderr; `journal` is `prefixed` until and unless journald takes entries. */
  readonly style?: LineStyle | 'journal';
  /** Where lines go; by default stderr. */
  readonly write?: (line: string) => void;
  /** How to reach journald. */
  readonly openSender?: () => Promise<Pick<JournalSender, 'send'>>;
}

/** The graver the lower. */
const levels: Record<Level, number> = { error: 0, warning: 1, info: 2, debug: 3 };

/** Makes the log. Cheap: journald is opened in the background, and lines until then go to stderr, which it reads too. */
export function createJournal(options: JournalOptions): Journal {
  const style = options.style ?? chooseStyle();
  const lineStyle = style === 'journal' ? 'prefixed' : style;
  const write = options.write ?? writeToStderr();
  let sender: Pick<JournalSender, 'send'> | null = null;
  if (style === 'journal') {
    const open = options.openSender ?? (() => JournalSender.open());
    open().then(
      (opened) => {
        sender = opened;
      },
      // Not on this system: stderr does.
      () => {},
    );
  }
  const put = (line: Line): void => {
    if (sender?.send(toJournalEntry(line)) !== true) write(formatLine(line, lineStyle));
  };
  const log = (level: Level, message: string, fields: Fields = {}): void => {
    if (levels[level] > levels[options.level]) return;
    try {
      put({ level, message, fields });
    } catch {
      // A log that fails must not fail what it tells of.
    }
  };
  return {
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warning: (message, fields) => log('warning', message, fields),
    error: (message, fields) => log('error', message, fields),
  };
}

function chooseStyle(): LineStyle | 'journal' {
  if (process.stderr.isTTY) return 'plain';
  if (isJournalStream(process.env['JOURNAL_STREAM'], process.stderr.fd)) return 'journal';
  // INVOCATION_ID: started by systemd, whose log targets all read the prefix.
  return process.env['INVOCATION_ID'] ? 'prefixed' : 'plain';
}

function writeToStderr(): (line: string) => void {
  // A reader that went away (`enid run 2>&1 | head`) is an `error` event, which would end the process.
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => {});
  return (line) => process.stderr.write(line);
}
