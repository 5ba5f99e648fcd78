/** Log entries as lines of text and as fields of journald. Pure. */

import winston from 'winston';
import type { JournalFields } from '../../lib/systemd/journal.ts';
import { escapeLine } from '../../lib/text/printable.ts';

export type Level = 'debug' | 'info' | 'warning' | 'error';

/** `INTERFACE`, `ENI`, `CHANGE`, …: names as journald requires them, upper-case with `_`. */
export type Fields = JournalFields;

/** An entry of winston: the fields beside the message. */
export interface Entry {
  readonly level: string;
  readonly message: unknown;
  readonly [field: string]: unknown;
}

/**
 * `plain`: level, message, fields, for people. `prefixed`: `<N>` instead of the level, which
 * systemd reads.
 */
export type LineStyle = 'plain' | 'prefixed';

/** syslog(3) names and priorities: the more severe, the lower the number. */
export const levels = winston.config.syslog.levels;

/**
 * What an entry is about: MESSAGE_ID= in the journal, explained by units/catalog/enid.catalog. They
 * never change.
 */
export const messageIds = {
  /** The program has started, and what it found. */
  started: 'be901ea26fee429bb02ec31b4fa2256e',
  /** An ENI is configured for the first time, or it is said why it is not. */
  attached: 'def3fc39dcd04f9abcb19c8bdf8d280a',
  /** An ENI is gone, or EC2 lists it no more. */
  detached: '1882e5d8c1564d14b1fe7d1778ac6104',
  /** Changes to the system; CHANGE= says which kinds, REPAIR= what they put back. */
  change: '5f0c2a3e9b7d4d5c8a41e6b9d27f1c36',
  /** A change that the kernel, networkd or the file system refused. */
  refused: '98751878650e4c128c3adf87ca9d0999',
  /** Another program keeps undoing a change. */
  fight: '873cc72e8ed44349843e21637db47b89',
  /** The metadata cannot be read or used. */
  metadata: '60d996febe134895826d4332f02a11e1',
  /** It can be read again. */
  metadataBack: '3a37e49cae3144eead9fe114ec5e48d9',
  /** Configuration, metadata and kernel were read again. */
  reloaded: 'e8ea3fd535cc427bb5991629c7811b62',
  /** A configuration that was refused. */
  configuration: '3aa70a7b29b14591b119385b9be7a246',
} as const;

/** The field that names the kind of an entry. */
export function messageId(kind: keyof typeof messageIds): { readonly MESSAGE_ID: string } {
  return { MESSAGE_ID: messageIds[kind] };
}

/**
 * One line with its newline. Text from outside (metadata, other programs' errors) can neither break
 * the line nor colour it.
 */
export function formatLine({ level, message, ...fields }: Entry, style: LineStyle): string {
  const start = style === 'prefixed' ? `<${levels[level]}>` : `${level} `;
  const shown = Object.entries(fields).filter(([name]) => name !== 'MESSAGE_ID');
  const pairs = shown.flatMap(([name, value]) => [value].flat().map((one) => ` ${name}=${quote(String(one))}`));
  return `${start}${escapeLine(String(message))}${pairs.join('')}\n`;
}

/** What journald's native protocol takes. */
export function toJournalEntry({ level, message, ...fields }: Entry): JournalFields {
  return {
    MESSAGE: escapeLine(String(message)),
    PRIORITY: levels[level] ?? levels['info'],
    SYSLOG_IDENTIFIER: 'enid',
    ...fields,
  };
}

function quote(value: string): string {
  return /^[^\s"]+$/.test(value) && escapeLine(value) === value ? value : JSON.stringify(escapeLine(value));
}
