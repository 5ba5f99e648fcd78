import { describe, expect, it } from '@jest/globals';
import { openNotifier, parseWatchdogMs } from '../../../lib/systemd/notify.ts';
import { encodeUnixAddress } from '../../../lib/systemd/unix-datagram.ts';

describe('parseWatchdogMs', () => {
  it.each([
    [{}, null],
    [{ WATCHDOG_USEC: '30000000' }, 30_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' }, 30_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '43' }, null],
    [{ WATCHDOG_USEC: '0' }, null],
    [{ WATCHDOG_USEC: '-5' }, null],
    [{ WATCHDOG_USEC: '' }, null],
  ])('%j → %p', (environment, want) => {
    expect(parseWatchdogMs(environment, 42)).toBe(want);
  });
});

describe('encodeUnixAddress', () => {
  it('writes paths and abstract names', () => {
    expect(encodeUnixAddress('/run/x').toString('latin1')).toBe('\x01\0/run/x\0');
    expect(encodeUnixAddress('@x').toString('latin1')).toBe('\x01\0\0x');
  });

  it.each(['relative', '', `/${'x'.repeat(107)}`])('refuses %j', (address) => {
    expect(() => encodeUnixAddress(address)).toThrow(/^expected /);
  });
});

describe('openNotifier', () => {
  it('does nothing without a socket', async () => {
    const notifier = await openNotifier({ WATCHDOG_USEC: '1000' });
    notifier.ready();
    notifier.close();
    expect(notifier.watchdogMs).toBeNull();
  });

  it('tells once of an address that cannot be one', async () => {
    const problems: string[] = [];
    const notifier = await openNotifier({ NOTIFY_SOCKET: 'vsock:2:1234' }, (message) => problems.push(message));
    notifier.ready();
    expect(problems).toEqual([
      'failed to notify the service manager at vsock:2:1234: expected a path or an abstract name, got vsock:2:1234',
    ]);
  });
});
