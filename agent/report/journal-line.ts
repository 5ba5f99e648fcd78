/** Log entries as lines of text and as fields of journald. Pure. */

export type Level = 'debug' | 'info' | 'warning' | 'error';

export interface Line {
  readonly level: Level;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** `plain`: level, message, fields, for people. `prefixed`: `<N>` instead of the level, which systemd reads. */
export type LineStyle = 'plain' | 'prefixed';

/** syslog(3) priorities. */
const priorities: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6, debug: 7 };

/** MESSAGE_ID of all entries that tell of one change to the system (CHANGE= says which kind). */
export const changeMessageId = '5f0c2a3e9b7d4d5c8a41e6b9d27f1c36';

/** One line with its newline. Text from outside (metadata, other programs' errors) can neither end it nor colour it. */
export function formatLine({ level, message, fields }: Line, style: LineStyle): string {
  const start = style === 'prefixed' ? `<${priorities[level]}>` : `${level} `;
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${quote(String(value))}`);
  return `${start}${escapeControls(message)}${pairs.join('')}\n`;
}

/** What journald's native protocol takes. */
export function toJournalEntry({ level, message, fields }: Line): Record<string, string | number> {
  return {
    MESSAGE: message,
    PRIORITY: priorities[level],
    SYSLOG_IDENTIFIER: 'enid',
    ...('CHANGE' in fields ? { MESSAGE_ID: changeMessageId } : {}),
    ...fields,
  };
}

function quote(value: string): string {
  return /^[^\s"\p{Cc}]+$/u.test(value) ? value : JSON.stringify(escapeControls(value));
}

function escapeControls(text: string): string {
  return text
    .replaceAll(/[\r\n\t]+/g, ' ')
    .replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
