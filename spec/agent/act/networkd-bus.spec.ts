/** What systemd-networkd is told over the bus, and when. */

import { beforeEach, describe, expect, it } from '@jest/globals';
import { NetworkdBus } from '../../../agent/act/networkd-bus.ts';
import { NetworkdError } from '../../../agent/errors.ts';
import type { Bus } from '../../../lib/dbus/bus.ts';
import { DbusError } from '../../../lib/dbus/errors.ts';

interface Call {
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

let calls: Call[];
let answer: (call: Call) => Promise<void>;
let networkd: NetworkdBus;

beforeEach(() => {
  calls = [];
  answer = async () => undefined;
  const bus = {
    call: async (call: Call) => {
      calls.push(call);
      await answer(call);
      return [];
    },
  };
  networkd = new NetworkdBus(bus as unknown as Bus, { retryDelayMs: 1 });
});

const members = () => calls.map(({ member }) => member);

describe('a reload', () => {
  it('that is asked for during one begins after it, and all who ask meanwhile share it', async () => {
    const ends: (() => void)[] = [];
    answer = () => new Promise((resolve) => ends.push(resolve));
    const first = networkd.reload();
    const others = [networkd.reload(), networkd.reload(), networkd.reload()];
    await new Promise(setImmediate);
    expect(members()).toEqual(['Reload']);
    ends[0]?.();
    await first;
    await new Promise(setImmediate);
    expect(members()).toEqual(['Reload', 'Reload']);
    ends[1]?.();
    await Promise.all(others);
    expect(members()).toHaveLength(2);
  });

  it('begins after one that failed, too', async () => {
    answer = async () => Promise.reject(new DbusError('refused', 'failed'));
    const first = networkd.reload();
    const second = networkd.reload();
    const failed = expect(first).rejects.toThrow(NetworkdError);
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    answer = async () => undefined;
    await failed;
    await second;
    expect(members()).toHaveLength(2);
  });

  it('waits for somebody else’s, which may have begun before the files were written', async () => {
    let busy = 3;
    answer = async () => {
      if (busy-- > 0) throw new DbusError('refused', 'Already reloading');
    };
    await networkd.reload();
    expect(members()).toHaveLength(4);
  });

  it('gives up where somebody else’s never ends', async () => {
    answer = async () => Promise.reject(new DbusError('refused', 'Already reloading'));
    await expect(networkd.reload()).rejects.toThrow(/failed to reload systemd-networkd/);
    expect(members()).toHaveLength(50);
  });
});

describe('the DNS of a link', () => {
  it('is left unused by three empty settings, and again used by what lease and file say', async () => {
    await networkd.setDns(3, false);
    expect(calls.map(({ member, body }) => [member, ...(body ?? [])])).toEqual([
      ['SetLinkDNS', 3, []],
      ['SetLinkDomains', 3, []],
      ['SetLinkDefaultRoute', 3, false],
    ]);
    calls.length = 0;
    await networkd.setDns(3, true);
    expect(calls.map(({ member, signature, body }) => [member, signature, body])).toEqual([
      ['RevertLinkDNS', 'i', [3]],
    ]);
  });
});

it('says what failed by the code of the bus', async () => {
  answer = async () => Promise.reject(new DbusError('no-owner', 'not there'));
  await expect(networkd.renewLink(3)).rejects.toMatchObject({
    code: 'no-owner',
    message: expect.stringContaining('failed to renew the lease of link 3'),
  });
});
