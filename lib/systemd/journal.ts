/**
 * Writes entries to journald with their fields: its native protocol (systemd, "Native Journal
 * Protocol").
 */

import { fstatSync } from 'node:fs';
import { UnixDatagramSender } from './unix-datagram.ts';

/**
 * Field name (upper-case letters, digits, `_`; not beginning with `_`) → text or number; a list:
 * the entry has the field several times, and each value finds it.
 */
export type JournalFields = Readonly<Record<string, string | number | readonly string[]>>;

const socketPath = '/run/systemd/journal/socket';
/**
 * journald takes more, but what a sender may queue is bounded by net.core.wmem_default (208 KiB).
 */
const longestValueBytes = 32 * 1024;

export class JournalSender {
  readonly #sender: UnixDatagramSender;

  /** Rejects where unix datagrams cannot be sent at all. `path` is for tests. */
  static async open(path: string = socketPath): Promise<JournalSender> {
    return new JournalSender(await UnixDatagramSender.open(path));
  }

  private constructor(sender: UnixDatagramSender) {
    this.#sender = sender;
  }

  /**
   * False if journald did not accept it (it is absent, or its queue is full): the caller must write
   * the entry elsewhere.
   */
  send(fields: JournalFields): boolean {
    return this.#sender.send(encodeJournalEntry(fields)) === null;
  }

  close(): void {
    this.#sender.close();
  }
}

/**
 * One entry as a datagram. A value with a line break uses the binary form. Values that are too long
 * are cut; fields with a name that journald would refuse are left out, because it would drop the
 * whole entry.
 */
export function encodeJournalEntry(fields: JournalFields): Buffer {
  const parts: Buffer[] = [];
  const pairs = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one) => [name, one] as const));
  for (const [name, value] of pairs) {
    if (!/^[A-Z][A-Z0-9_]{0,63}$/.test(name)) continue;
    const bytes = Buffer.from(String(value)).subarray(0, longestValueBytes);
    if (bytes.includes(0x0a)) {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(bytes.length));
      parts.push(Buffer.from(`${name}\n`), length, bytes, Buffer.from('\n'));
    } else {
      parts.push(Buffer.from(`${name}=`), bytes, Buffer.from('\n'));
    }
  }
  return Buffer.concat(parts);
}

/**
 * Whether the file descriptor is journald's stream: JOURNAL_STREAM holds its device and inode
 * (systemd.exec(5)); a process that was started with its output redirected inherits the variable
 * but not the file.
 */
export function isJournalStream(journalStream: string | undefined, fd: number): boolean {
  const [, device, inode] = /^(\d+):(\d+)$/.exec(journalStream ?? '') ?? [];
  if (device === undefined || inode === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return dev === BigInt(device) && ino === BigInt(inode);
  } catch {
    return false;
  }
}
