import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { DatagramReceiver } from '../../../fixtures/datagram-receiver.ts';
import { JournalSender } from '../../../lib/systemd/journal.ts';
import { openNotifier } from '../../../lib/systemd/notify.ts';

const directory = mkdtempSync(join(tmpdir(), 'enid-dgram-'));
afterAll(() => rmSync(directory, { recursive: true }));

it.each([join(directory, 'notify'), `@enid-test-${process.pid}`])('notifies a manager at %s', async (address) => {
  const receiver = new DatagramReceiver(address);
  const notifier = await openNotifier({ NOTIFY_SOCKET: address, WATCHDOG_USEC: '2000000' });
  expect(notifier.watchdogMs).toBe(2_000);
  notifier.ready('2 ENIs\n configured');
  notifier.reloading();
  notifier.watchdog('idle');
  notifier.watchdog();
  notifier.stopping('bye');
  notifier.close();
  notifier.watchdog();
  expect(receiver.read()).toBe('READY=1\nSTATUS=2 ENIs configured');
  const [, usec] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(receiver.read() ?? '') ?? [];
  expect(Math.abs(Number(usec) - Number(process.hrtime.bigint() / 1000n))).toBeLessThan(5_000_000);
  expect(receiver.read()).toBe('STATUS=idle\nWATCHDOG=1');
  expect(receiver.read()).toBe('WATCHDOG=1');
  expect(receiver.read()).toBe('STOPPING=1\nSTATUS=bye');
  expect(receiver.read()).toBeNull();
  receiver.close();
});

it('hands entries to journald, and never waits for one that is full', async () => {
  const receiver = new DatagramReceiver(join(directory, 'journal'));
  const sender = await JournalSender.open(join(directory, 'journal'));
  expect(sender.send({ MESSAGE: 'hello', PRIORITY: 6 })).toBe(true);
  expect(receiver.read()).toBe('MESSAGE=hello\nPRIORITY=6\n');
  let taken = 0;
  while (taken < 100_000 && sender.send({ MESSAGE: 'again' })) taken += 1;
  expect(taken).toBeLessThan(100_000);
  sender.close();
  receiver.close();
});
