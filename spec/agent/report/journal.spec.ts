import { describe, expect, it } from '@jest/globals';
import { createJournal, type Level } from '../../../agent/report/journal.ts';
import { formatLine, messageId, toJournalEntry } from '../../../agent/report/journal-line.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('formatLine', () => {
  it('is one line whatever is in it', () => {
    const line = {
      level: 'warning',
      message: 'a\n<3>b \u001b[31m',
      ...{ ENI: 'eni-1', X: 'two words', N: 5 },
    } as const;
    expect(formatLine(line, 'plain')).toBe('warning a <3>b \\u001b[31m ENI=eni-1 X="two words" N=5\n');
    expect(formatLine(line, 'prefixed')).toBe('<4>a <3>b \\u001b[31m ENI=eni-1 X="two words" N=5\n');
  });
});

describe('toJournalEntry', () => {
  it('names the program, the priority, and what a change is', () => {
    expect(toJournalEntry({ level: 'info', message: 'm', ...messageId('change'), CHANGE: 'add-rule' })).toEqual({
      MESSAGE: 'm',
      PRIORITY: 6,
      SYSLOG_IDENTIFIER: 'enid',
      MESSAGE_ID: expect.stringMatching(/^[0-9a-f]{32}$/),
      CHANGE: 'add-rule',
    });
    expect(toJournalEntry({ level: 'error', message: 'm' })).not.toHaveProperty('MESSAGE_ID');
  });
});

describe('createJournal', () => {
  it.each<[Level, string[]]>([
    ['error', ['error e\n']],
    ['info', ['error e\n', 'warning w\n', 'info i A=1\n']],
    ['debug', ['error e\n', 'warning w\n', 'info i A=1\n', 'debug d\n']],
  ])('writes from %s on, at once', (level, want) => {
    const lines: string[] = [];
    const journal = createJournal({ level, style: 'plain', write: (line) => lines.push(line) });
    journal.error('e');
    journal.warning('w');
    journal.info('i', { A: 1 });
    journal.debug('d');
    expect(lines).toEqual(want);
  });

  it('goes to journald as soon as it is open, and to stderr while it does not take entries', async () => {
    const lines: string[] = [];
    const entries: unknown[] = [];
    let isFull = false;
    const journal = createJournal({
      level: 'info',
      style: 'journal',
      write: (line) => lines.push(line),
      openSender: async () => ({ send: (entry) => !isFull && entries.push(entry) > 0 }),
    });
    journal.info('early');
    await tick();
    journal.info('native', { ENI: 'eni-1' });
    isFull = true;
    journal.error('full');
    expect(lines).toEqual(['<6>early\n', '<3>full\n']);
    expect(entries).toEqual([expect.objectContaining({ MESSAGE: 'native', ENI: 'eni-1' })]);
  });

  it('lives without journald, and survives a writer that throws, many times over', async () => {
    let attempts = 0;
    const journal = createJournal({
      level: 'info',
      style: 'journal',
      write: () => {
        attempts += 1;
        throw new Error('EPIPE');
      },
      openSender: () => Promise.reject(new Error('no addon')),
    });
    await tick();
    for (let count = 0; count < 100; count += 1) journal.info('x');
    expect(attempts).toBe(100);
  });

  it('has children with fields of their own, and takes nothing in a message for a placeholder', async () => {
    const lines: string[] = [];
    const entries: unknown[] = [];
    const journal = createJournal({
      level: 'info',
      style: 'journal',
      write: (line) => lines.push(line),
      openSender: async () => ({ send: (entry) => entries.push(entry) > 0 }),
    });
    const child = journal.child({ ENI: 'eni-1', DEVICE_NUMBER: 1 });
    child.warning('100 %s of %d', { ...messageId('fight'), INTERFACE: 'ens6' });
    await tick();
    child.child({ ENI: 'eni-2' }).info('%j', { CHANGE: 'add-rule' });
    journal.info('none');
    expect(lines).toEqual(['<4>100 %s of %d ENI=eni-1 DEVICE_NUMBER=1 INTERFACE=ens6\n']);
    expect(entries).toMatchObject([
      {
        ...{ MESSAGE: '%j', PRIORITY: 6, SYSLOG_IDENTIFIER: 'enid' },
        ...{ ENI: 'eni-2', DEVICE_NUMBER: 1, CHANGE: 'add-rule' },
      },
      { MESSAGE: 'none', PRIORITY: 6, SYSLOG_IDENTIFIER: 'enid' },
    ]);
    expect(entries[1]).not.toHaveProperty('ENI');
  });

  it('a flood in one go: every line is written before the call returns, in order', () => {
    const lines: string[] = [];
    const journal = createJournal({ level: 'info', style: 'plain', write: (line) => lines.push(line) });
    for (let count = 0; count < 10_000; count++) {
      journal.info(`n${count}`);
      journal.debug('not written');
      expect(lines.length).toBe(count + 1);
    }
    expect(lines.at(-1)).toBe('info n9999\n');
  });
});
