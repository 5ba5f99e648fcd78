/** `enid status` as a table. Pure. */

import { countOf } from '../../lib/text/count.ts';
import { escapeLine } from '../../lib/text/printable.ts';
import { formatAge, formatTime } from '../../lib/text/time.ts';
import type { EniState } from '../model.ts';
import type { StatusRow } from './status-row.ts';

/** How a state looks on a terminal: the same text with escape sequences around it. */
export type PaintState = (state: EniState['kind'], text: string) => string;

export interface TableLook {
  readonly paint?: PaintState;
  /** Columns of the terminal; by default as many as it takes. */
  readonly width?: number;
  /** Every column, as wide as it takes (`-o wide`). */
  readonly isWide?: boolean;
  /** Times in place of ages. */
  readonly hasFullTimes?: boolean;
  /** In ms since 1970: what ages count from. */
  readonly nowMs?: number;
  /** Whether a row is to stand out: it has changed. */
  readonly highlight?: (row: StatusRow, line: string) => string;
}

interface Column {
  readonly title: string;
  readonly cell: (row: StatusRow) => string;
  /** A cell that is too long loses its middle, down to this; no key: it stays whole. */
  readonly least?: number;
}

/** A table like networkctl's; the reason of a state follows on lines of its own, if it has one. */
export function renderStatusTable(rows: readonly StatusRow[], look: TableLook = {}): string {
  const columns = listColumns(rows, look);
  const cells = rows.map((row) => columns.map(({ cell }) => escapeLine(cell(row))));
  const width = look.isWide === true ? Number.POSITIVE_INFINITY : (look.width ?? Number.POSITIVE_INFINITY);
  const widths = fitWidths(columns, cells, width);
  const paint = look.paint ?? ((_state, text) => text);
  const render = (line: readonly string[], row?: StatusRow): string =>
    line
      .map((cell, index) => shorten(cell, widths[index] ?? 0).padEnd(widths[index] ?? 0))
      .map((cell, index) => (row !== undefined && columns[index]?.title === 'STATE' ? paint(row.state, cell) : cell))
      .join('  ')
      .trimEnd();
  const lines = [render(columns.map(({ title }) => title))];
  rows.forEach((row, index) => {
    const line = render(cells[index] ?? [], row);
    lines.push(look.highlight?.(row, line) ?? line);
    if (row.reason !== null) lines.push(...wrap(`  └─ ${escapeLine(row.reason)}`, width));
  });
  const configured = rows.filter((row) => row.state === 'configured').length;
  lines.push('', `${countOf(rows.length, 'ENI')}, ${configured} configured. * primary`);
  return `${lines.join('\n')}\n`;
}

function listColumns(
  rows: readonly StatusRow[],
  { isWide = false, hasFullTimes = false, nowMs = 0 }: TableLook,
): Column[] {
  const changed = ({ lastChange }: StatusRow): string => {
    if (lastChange === null) return '-';
    return hasFullTimes ? formatTime(lastChange.time) : formatAge(nowMs - Date.parse(lastChange.time));
  };
  return [
    { title: 'ENI', cell: ({ eni, mac }) => eni ?? mac, least: 12 },
    { title: 'LINK', cell: ({ link }) => link ?? '-', least: 8 },
    { title: 'DEVICE', cell: describeDevice },
    { title: 'STATE', cell: ({ state }) => state },
    ...(isWide ? [{ title: 'TABLE', cell: ({ table }: StatusRow) => String(table ?? '-') }] : []),
    { title: 'ADDRESSES', cell: ({ addresses }) => summarise(addresses), least: 12 },
    ...(isWide
      ? [
          { title: 'PREFIXES', cell: ({ prefixes }: StatusRow) => summarise(prefixes) },
          { title: 'PUBLIC', cell: ({ publicAddresses }: StatusRow) => summarise(Object.keys(publicAddresses)) },
          { title: 'NETWORK FILE', cell: ({ networkFile }: StatusRow) => networkFile ?? '-' },
        ]
      : []),
    ...(rows.some(({ mtuOutside }) => mtuOutside !== null)
      ? [{ title: 'MTU OUTSIDE', cell: ({ mtuOutside }: StatusRow) => String(mtuOutside ?? '-') }]
      : []),
    { title: 'CHANGED', cell: changed },
    { title: 'REPAIRS', cell: ({ repairs }) => (repairs === null ? '-' : String(countRepairs(repairs))) },
  ];
}

export function describeDevice({ device, card, primary }: StatusRow): string {
  return device === null ? '-' : `${device}.${card}${primary ? ' *' : ''}`;
}

/** Of all kinds. */
export function countRepairs(repairs: NonNullable<StatusRow['repairs']>): number {
  return Object.values(repairs).reduce((sum, count) => sum + count, 0);
}

/** A terminal too narrow for what is left overflows. */
function fitWidths(columns: readonly Column[], cells: readonly (readonly string[])[], width: number): number[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  // In this order: an ENI's id is what is copied.
  for (const title of ['ADDRESSES', 'LINK', 'ENI']) {
    const index = columns.findIndex((column) => column.title === title);
    const excess = widths.reduce((sum, column) => sum + column + 2, -2) - width;
    const least = Math.max(columns[index]?.least ?? 0, title.length);
    if (excess > 0) widths[index] = Math.max(least, (widths[index] ?? 0) - excess);
  }
  return widths;
}

/** Its two ends, where it does not fit: `2001:db8:12…4:5678 +1`. */
function shorten(cell: string, width: number): string {
  if (cell.length <= width) return cell;
  const [, text = cell, rest = ''] = /^(.*?)( \+\d+)?$/.exec(cell) ?? [];
  const room = width - rest.length - 1;
  const end = Math.floor(room / 2);
  return `${text.slice(0, room - end)}…${text.slice(text.length - end)}${rest}`;
}

/** At spaces; the lines that follow are indented like the text. */
function wrap(line: string, width: number): string[] {
  const indent = '     ';
  const lines: string[] = [];
  for (const word of line.split(/(?<=\S) /)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `${indent}${word}`);
  }
  return lines;
}

function summarise(values: readonly string[]): string {
  const [first] = values;
  if (first === undefined) return '-';
  return values.length === 1 ? first : `${first} +${values.length - 1}`;
}
