import { fstatSync, openSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { encodeJournalEntry, isJournalStream, JournalSender } from '../../../lib/systemd/journal.ts';

describe('encodeJournalEntry', () => {
  it('writes plain fields as lines, others in binary form, and leaves out what is no field', () => {
    const entry = encodeJournalEntry({ MESSAGE: 'a=b\nc', PRIORITY: 6, _PID: '1', lower: 'x', EMPTY: '' });
    expect(entry.toString('latin1')).toBe('MESSAGE\n\x05\0\0\0\0\0\0\0a=b\nc\nPRIORITY=6\nEMPTY=\n');
  });

  it('is bounded', () => {
    expect(encodeJournalEntry({ MESSAGE: 'x'.repeat(1_000_000) }).length).toBeLessThan(40_000);
  });
});

describe('isJournalStream', () => {
  it('compares device and inode', () => {
    const fd = openSync('/dev/null', 'r');
    const { dev, ino } = fstatSync(fd);
    expect(isJournalStream(`${dev}:${ino}`, fd)).toBe(true);
    expect(isJournalStream(`${dev}:${ino + 1}`, fd)).toBe(false);
    expect(isJournalStream(undefined, fd)).toBe(false);
    expect(isJournalStream('x', fd)).toBe(false);
    expect(isJournalStream(`${dev}:${ino}`, 99_999)).toBe(false);
  });
});

it('says that journald is not there', async () => {
  const sender = await JournalSender.open('/nonexistent/socket');
  expect(sender.send({ MESSAGE: 'x' })).toBe(false);
  sender.close();
  expect(sender.send({ MESSAGE: 'x' })).toBe(false);
});
