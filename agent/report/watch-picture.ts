/**
 * One picture of `enid status --watch` on a terminal: a clock, the table, the last changes. Pure.
 */

import { escapeLine } from '../../lib/text/printable.ts';
import { formatAge, formatTime } from '../../lib/text/time.ts';
import type { RecentChange } from './history.ts';

export interface WatchPicture {
  /** What could not be read, one line each. */
  readonly notes: readonly string[];
  /** The table, one line each. */
  readonly table: readonly string[];
  /** Null: no daemon was asked, so none is known. */
  readonly recentChanges: readonly RecentChange[] | null;
  readonly now: Date;
}

export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

const mostChanges = 5;

/**
 * As many lines as the screen has, each no wider than it. The last changes stay where the table is
 * too long: its end goes.
 */
export function renderWatch({ notes, table, recentChanges, now }: WatchPicture, { columns, rows }: Screen): string {
  const clock = formatTime(now.toISOString());
  const title = 'enid status --watch';
  const end = 'q: quit';
  const room = Math.max(1, columns - title.length - clock.length - end.length - 2);
  const head = [`${title}${' '.repeat(room)}${clock}  ${end}`, ...notes, ''];
  const changes = recentChanges === null ? [] : ['', 'Last changes', ...listChanges(recentChanges, now)];
  const body = table.slice(0, Math.max(0, rows - head.length - changes.length));
  return [...head, ...body, ...changes]
    .slice(0, rows)
    .map((line) => cut(line, columns))
    .join('\n');
}

function listChanges(changes: readonly RecentChange[], now: Date): string[] {
  if (changes.length === 0) return ['  none since the daemon started'];
  return changes.slice(0, mostChanges).map(({ time, link, command, reason, repair }) => {
    const age = formatAge(now.getTime() - Date.parse(time)).padStart(4);
    const why = repair === null ? reason : `repaired: ${reason}`;
    return escapeLine(`  ${age}  ${link || '-'}  ${command}  (${why})`);
  });
}

/** Colours take no room; what is cut off ends them. */
function cut(line: string, columns: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are this program's own colours.
  const parts = line.split(/(\x1b\[\d+m)/);
  let left = columns;
  let text = '';
  let isCut = false;
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 1) {
      text += part;
      continue;
    }
    if (part.length > left) isCut = true;
    text += part.slice(0, left);
    left = Math.max(0, left - part.length);
  }
  return isCut && text.length > 0 && !text.includes('\x1b') ? `${text.slice(0, -1)}…` : text;
}
