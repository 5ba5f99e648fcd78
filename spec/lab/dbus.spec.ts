import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Message, sessionBus } from 'dbus-next';
import * as z from 'zod';
import { NetworkdBus } from '../../agent/act/networkd-bus.ts';
import { type NetworkdEvent, NetworkdWatcher } from '../../agent/sense/networkd.ts';
import { Bus, type BusOptions } from '../../lib/dbus/bus.ts';
import { Connection } from '../../lib/dbus/connection.ts';
import type { NameOwner } from '../../lib/dbus/name-owners.ts';
import { MockNetworkd } from './mock-networkd.ts';
import { PrivateBus } from './private-bus.ts';

const ownerCall = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};
const description = JSON.stringify({
  Index: 2,
  Name: 'ens2',
  AdministrativeState: 'configured',
  NetworkFile: '/run/systemd/network/70-ens2.network',
});

let daemon: PrivateBus;
const cleanUps: (() => void)[] = [];
beforeAll(async () => {
  daemon = await PrivateBus.make();
  await daemon.start();
});
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});
afterAll(() => daemon.remove());

function makeBus(options: BusOptions = {}): Bus {
  const bus = new Bus({ address: daemon.address, random: () => 0, ...options });
  cleanUps.push(() => bus.close());
  return bus;
}

async function startNetworkd(): Promise<MockNetworkd> {
  const networkd = await MockNetworkd.start(daemon.address);
  networkd.descriptions.set(2, description);
  cleanUps.push(() => networkd.stop());
  return networkd;
}

async function waitFor(condition: () => boolean, timeoutMs = 3_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
    await sleep(2);
  }
}

describe('Bus', () => {
  it('calls and parses the reply', async () => {
    const bus = makeBus();
    await bus.start();
    await expect(bus.call({ ...ownerCall, member: 'GetId' }, z.tuple([z.string()]))).resolves.toHaveLength(1);
    await expect(bus.call({ ...ownerCall, member: 'GetId' }, z.tuple([z.number()]))).rejects.toMatchObject({
      code: 'bad-reply',
      message: expect.stringContaining('failed to read the reply of org.freedesktop.DBus.GetId: 0: '),
    });
    await expect(bus.call({ ...ownerCall, member: 'Nonsense' }, z.unknown())).rejects.toMatchObject({
      code: 'refused',
      errorName: 'org.freedesktop.DBus.Error.UnknownMethod',
    });
  });

  it('reports a bus that is absent, and connects when it appears', async () => {
    const late = await PrivateBus.make();
    cleanUps.push(() => void late.remove());
    const bus = makeBus({ address: late.address });
    await bus.start();
    expect(bus.failure).toMatch(/ENOENT/);
    await expect(bus.call({ ...ownerCall, member: 'GetId' }, z.unknown())).rejects.toMatchObject({
      code: 'unreachable',
    });
    await late.start();
    await waitFor(() => bus.isConnected);
  });

  it.each(['garbage', 'unix:path=/dev/null', 'nonsense:x=y'])('survives the address %j', async (address) => {
    const bus = makeBus({ address, connectTimeoutMs: 100 });
    await bus.start();
    expect(bus.isConnected).toBe(false);
    expect(bus.failure).not.toBe('');
  });

  it('survives a bus that refuses, sends garbage or nothing', async () => {
    for (const [index, answer] of [
      'REJECTED EXTERNAL\r\n',
      '\r\n\r\n',
      'OK x\r\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0',
      '',
    ].entries()) {
      const path = join(daemon.directory, `fake-${index}`);
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.write(answer));
      });
      await new Promise<void>((resolve) => server.listen(path, resolve));
      const bus = makeBus({ address: `unix:path=${path}`, connectTimeoutMs: 50 });
      await bus.start();
      expect(bus.isConnected).toBe(false);
      bus.close();
      server.close();
    }
  });

  it('survives a message that dbus-next cannot decode, and continues to read', async () => {
    const path = join(daemon.directory, 'relay');
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      const index = sockets.push(socket) - 1;
      let isOpen = false;
      socket.on('error', () => {});
      socket.on('data', (data) => {
        if (isOpen && index === 1) sockets[0]?.write(data);
        else if (data.includes('AUTH')) socket.write('OK x\r\n');
        else isOpen = true;
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const signals: string[] = [];
    const opened = Connection.open(`unix:path=${path}`, 2_000, {
      isListenedTo: () => true,
      onSignal: ({ member }) => signals.push(member),
      onClose: () => signals.push('closed'),
    });
    await waitFor(() => sockets.length === 1);
    const peer = sessionBus({ busAddress: `unix:path=${path}`, authMethods: ['EXTERNAL'] });
    await waitFor(() => sockets.length === 2);
    await sleep(20);
    const hello = new Message({ path: '/', member: 'Hello' });
    peer.send(Message.newMethodReturn(Object.assign(hello, { serial: 1, sender: ':1.1' }), 's', [':1.1']));
    const connection = await opened;
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    for (const [member, signature, body] of [
      ['Bad', 'h', [5]],
      ['Good', '', []],
      ['Bad', 'h', [5]],
      ['Better', '', []],
    ] as const) {
      peer.send(Object.assign(Message.newSignal('/', 'org.example', member, signature, body), { sender: ':1.2' }));
    }
    warn.mockRestore();
    await waitFor(() => signals.length >= 2);
    connection.close();
    peer._connection.stream.destroy();
    server.close();
    expect(signals).toEqual(['Good', 'Better']);
  });

  it('abandons a call that is not answered, and forgets it', async () => {
    await startNetworkd();
    const bus = makeBus();
    await bus.start();
    const call = { destination: 'org.freedesktop.network1', path: '/', interface: 'org.freedesktop.network1.Manager' };
    await expect(bus.call({ ...call, member: 'Hang', timeoutMs: 20 }, z.unknown())).rejects.toMatchObject({
      code: 'timeout',
    });
  });

  it('reports owners, and a bus that dies and comes back', async () => {
    const mortal = await PrivateBus.make();
    await mortal.start();
    cleanUps.push(() => void mortal.remove());
    const bus = makeBus({ address: mortal.address });
    const seen: string[] = [];
    bus.watchName('org.freedesktop.network1', ({ kind }: NameOwner) => seen.push(kind));
    await bus.start();
    await waitFor(() => seen.length === 1);
    const networkd = await MockNetworkd.start(mortal.address);
    await waitFor(() => seen.length === 2);
    const pending = bus
      .call(
        {
          destination: 'org.freedesktop.network1',
          path: '/',
          interface: 'org.freedesktop.network1.Manager',
          member: 'Hang',
        },
        z.unknown(),
      )
      .catch((error: unknown) => error);
    await sleep(10);
    await mortal.kill();
    expect(await pending).toMatchObject({ code: 'unreachable' });
    await waitFor(() => seen.length === 3);
    await mortal.start();
    await waitFor(() => seen.length === 4);
    const again = await MockNetworkd.start(mortal.address);
    await waitFor(() => seen.length === 5);
    expect(seen).toEqual(['unowned', 'owned', 'unknown', 'unowned', 'owned']);
    networkd.stop();
    again.stop();
  });

  it('adds one rule for many subscriptions and removes it with the last, repeatedly', async () => {
    const bus = makeBus();
    await bus.start();
    const observer = sessionBus({ busAddress: daemon.address, authMethods: ['EXTERNAL'] });
    const added: string[] = [];
    observer.on('message', (message: Message) => {
      if (message.member === 'AddMatch' || message.member === 'RemoveMatch') added.push(message.member);
    });
    await observer.call(
      new Message({
        ...ownerCall,
        interface: 'org.freedesktop.DBus.Monitoring',
        member: 'BecomeMonitor',
        signature: 'asu',
        body: [[], 0],
      }),
    );
    const match = { sender: 'org.example.Nobody', interface: 'org.example', member: 'X' };
    for (let round = 0; round < 2; round += 1) {
      const subscriptions = [bus.watchSignal(match, () => {}), bus.watchSignal(match, () => {})];
      for (const subscription of [...subscriptions, ...subscriptions]) subscription.remove();
    }
    await waitFor(() => added.length >= 8);
    await sleep(20);
    observer._connection.stream.destroy();
    expect(added.filter((member) => member === 'AddMatch')).toHaveLength(4);
    expect(added.filter((member) => member === 'RemoveMatch')).toHaveLength(4);
  });

  it('ignores a signal that another sender sends directly to it', async () => {
    const networkd = await startNetworkd();
    const bus = makeBus();
    await bus.start();
    const [uniqueName] = await bus.call(
      { ...ownerCall, member: 'GetNameOwner', signature: 's', body: ['org.freedesktop.network1'] },
      z.tuple([z.string()]),
    );
    const got: unknown[] = [];
    const match = {
      sender: 'org.freedesktop.network1',
      interface: 'org.freedesktop.DBus.Properties',
      member: 'PropertiesChanged',
    };
    bus.watchSignal(match, (signal) => got.push(signal.sender));
    const [names] = await bus.call({ ...ownerCall, member: 'ListNames' }, z.tuple([z.array(z.string())]));
    const rogue = sessionBus({ busAddress: daemon.address, authMethods: ['EXTERNAL'] });
    cleanUps.push(() => rogue._connection.stream.destroy());
    for (const destination of names.filter((name) => name.startsWith(':') && name !== uniqueName)) {
      const body = ['org.freedesktop.network1.Link', {}, []];
      const path = '/org/freedesktop/network1/link/_32';
      const { interface: iface, member } = match;
      rogue.send(new Message({ type: 4, path, interface: iface, member, destination, signature: 'sa{sv}as', body }));
    }
    await rogue.call(new Message({ ...ownerCall, member: 'GetId' }));
    networkd.changeLink('_32', 'configured');
    await waitFor(() => got.length > 0);
    expect(got).toEqual([uniqueName]);
  });
});

describe('NetworkdWatcher', () => {
  it('reports presence, links and their changes', async () => {
    const bus = makeBus();
    const watcher = new NetworkdWatcher(bus);
    const events: NetworkdEvent[] = [];
    watcher.onEvent((event) => events.push(event));
    expect(watcher.presence).toBe('unreachable');
    await expect(watcher.readState([2])).rejects.toMatchObject({ code: 'unreachable' });
    watcher.start();
    await bus.start();
    await waitFor(() => watcher.presence === 'absent');
    expect(await watcher.readState([2])).toMatchObject({ kind: 'absent', version: null, links: [] });

    const networkd = await startNetworkd();
    await waitFor(() => watcher.presence === 'present');
    const link = { linkIndex: 2, networkFile: '/run/systemd/network/70-ens2.network', setupState: 'configured' };
    // It appeared while the watcher was reading.
    const links = [{ ...link, unsettledMs: expect.any(Number) }];
    expect(await watcher.readState([2, 3])).toEqual({ kind: 'present', version: null, links });
    expect(await watcher.listLinks()).toEqual([{ linkIndex: 2, linkName: 'ens2' }]);
    expect(await watcher.describeLink(3)).toBeNull();

    networkd.changeLink('_312', 'configuring');
    await waitFor(() => events.length === 3);
    networkd.stop();
    await waitFor(() => watcher.presence === 'absent');
    expect(await watcher.readState([2])).toMatchObject({ kind: 'absent', version: null, links });
    expect(events).toEqual([
      { kind: 'absent' },
      { kind: 'appeared' },
      { kind: 'link-changed', linkIndex: 12, setupState: 'configuring' },
      { kind: 'vanished' },
    ]);
    watcher.stop();
  });

  it('asks again only about links that networkd announced as changed, even during a question, and about all after its restart', async () => {
    const networkd = await startNetworkd();
    networkd.descriptions.set(3, description.replace('"Index":2', '"Index":3'));
    const bus = makeBus();
    const watcher = new NetworkdWatcher(bus);
    watcher.start();
    await bus.start();
    await waitFor(() => watcher.presence === 'present');
    const seen: (number | string)[] = [];
    watcher.onEvent((event) => seen.push(event.kind));
    const countAsked = async (from = networkd) => {
      const before = from.calls.length;
      await watcher.readState([2, 3]);
      return from.calls.length - before;
    };
    expect(await countAsked()).toBe(2);
    expect(await countAsked()).toBe(0);
    networkd.changeLink('_32', 'configuring');
    await waitFor(() => seen.length === 1);
    expect(await countAsked()).toBe(1);
    expect(await countAsked()).toBe(0);

    networkd.changeLink('_32', 'configuring');
    await waitFor(() => seen.length === 2);
    networkd.beforeAnswer = () => networkd.changeLink('_32', 'configured');
    expect(await countAsked()).toBe(1);
    networkd.beforeAnswer = () => undefined;
    expect(await countAsked()).toBe(1);
    expect(await countAsked()).toBe(0);

    watcher.forget();
    expect(await countAsked()).toBe(2);
    networkd.stop();
    await waitFor(() => watcher.presence === 'absent');
    const next = await startNetworkd();
    next.descriptions.set(3, description);
    await waitFor(() => watcher.presence === 'present');
    expect(await countAsked(next)).toBe(2);
    watcher.stop();
  });

  it('refuses text that is no description', async () => {
    const networkd = await startNetworkd();
    networkd.descriptions.set(9, '{"Index": "nine"}');
    const bus = makeBus();
    await bus.start();
    await expect(new NetworkdWatcher(bus).describeLink(9)).rejects.toMatchObject({ code: 'bad-reply' });
  });
});

describe('NetworkdBus', () => {
  it('reloads one at a time, and callers during a reload share the next', async () => {
    const networkd = await startNetworkd();
    networkd.reloadMs = 20;
    networkd.reloadErrors.push('Already reloading.', 'Already reloading.');
    const bus = makeBus();
    await bus.start();
    const act = new NetworkdBus(bus, { retryDelayMs: 1 });
    const first = act.reload();
    await Promise.all([first, act.reload(), act.reload(), act.reload()]);
    expect(networkd.calls.filter((member) => member === 'Reload')).toHaveLength(2 + 2);
    expect(networkd.mostConcurrentReloads).toBe(1);
    await act.reload();
    expect(networkd.calls).toHaveLength(5);
  });

  it('reports the reason of a failure', async () => {
    const bus = makeBus();
    await bus.start();
    const act = new NetworkdBus(bus);
    await expect(act.reload()).rejects.toMatchObject({ code: 'no-owner', subject: 'systemd-networkd' });
    const networkd = await startNetworkd();
    await act.reconfigureLink(2);
    await expect(act.renewLink(2)).rejects.toMatchObject({
      name: 'NetworkdError',
      code: 'denied',
      message: expect.stringContaining('failed to renew the lease of link 2: '),
    });
    networkd.reloadErrors.push('Disk on fire');
    await expect(act.reload()).rejects.toMatchObject({ code: 'refused' });
    await act.reload();
  });
});
