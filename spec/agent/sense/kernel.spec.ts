import { afterEach, describe, expect, it } from '@jest/globals';
import type { KernelError } from '../../../agent/errors.ts';
import { KernelMirror, type KernelMirrorOptions, type KernelReader } from '../../../agent/sense/kernel.ts';
import { readSysfsDriver } from '../../../agent/sense/kernel-driver.ts';
import type { SubscriptionHandlers } from '../../../lib/rtnetlink/subscription.ts';
import type { Address, Link, Route, RtnetlinkEvent, Rule } from '../../../lib/rtnetlink/types.ts';

function link(index: number, rest: Partial<Link> = {}): Link {
  return {
    ...{ index, name: `ens${index}`, mac: null, permanentMac: null, kind: null, masterIndex: null, mtu: 1500 },
    ...{ group: 0, isLoopback: false, isUp: true, hasCarrier: true, altNames: [] },
    ...rest,
  };
}

function address(text: string, rest: Partial<Address> = {}): Address {
  return {
    ...{ linkIndex: 5, family: 4, address: text, prefixLength: 24, scope: 0, flags: 0, protocol: 0 },
    ...{ metric: 0, validLifetime: null, ...rest },
  };
}

function route(destination: string, rest: Partial<Route> = {}): Route {
  return {
    ...{ family: 4, table: 254, destination, type: 1, protocol: 3, scope: 0, gateway: null, linkIndex: 5, metric: 0 },
    ...{ preferredSource: null, nextHopId: null, isComplex: false, ...rest },
  };
}

const rule: Rule = {
  ...{ family: 4, priority: 1000, source: '10.0.1.5/32', destination: null, inputInterface: null },
  ...{
    outputInterface: null,
    mark: null,
    users: null,
    action: 1,
    table: 10001,
    suppressPrefixLength: null,
    suppressGroup: null,
    protocol: 236,
    isComplex: false,
  },
};

const newLink = (one: Link): RtnetlinkEvent => ({ kind: 'link', change: 'new', link: one });
const newAddress = (one: Address): RtnetlinkEvent => ({ kind: 'address', change: 'new', address: one });
const deleteAddress = (one: Address): RtnetlinkEvent => ({ kind: 'address', change: 'delete', address: one });
const newRoute = (one: Route, isReplacement = false): RtnetlinkEvent => ({
  ...{ kind: 'route', change: 'new', route: one, isReplacement },
});

/** A kernel whose dumps are arrays, and whose dump can be held back or made to fail. */
class FakeKernel implements KernelReader {
  links: Link[] = [link(5)];
  addresses: Address[] = [address('10.0.1.5')];
  routes: Route[] = [route('10.0.1.0/24', { preferredSource: '10.0.1.5' })];
  rules: Rule[] = [rule];
  failure: Error | null = null;
  duringDump: () => void = () => undefined;
  readonly dumped: string[] = [];
  handlers: SubscriptionHandlers | null = null;

  family6 = true;
  async hasIpv6() {
    return this.family6;
  }
  async waitForLock() {}
  async dumpLinks() {
    this.dumped.push('links');
    if (this.failure !== null) throw this.failure;
    return [...this.links];
  }
  async dumpAddresses() {
    this.dumped.push('addresses');
    return [...this.addresses];
  }
  async dumpRoutes(
    family: 4 | 6,
    options: { filter?: (family: 4 | 6, table: number, link: number | null) => boolean } = {},
  ) {
    this.dumped.push(`routes ${family}`);
    if (this.failure !== null) throw this.failure;
    const routes = this.routes.filter((one) => one.family === family);
    return routes.filter((one) => options.filter?.(family, one.table, one.linkIndex) ?? true);
  }
  async dumpRules() {
    this.dumped.push('rules');
    const rules = [...this.rules];
    this.duringDump();
    return rules;
  }
  close() {}
  send(...events: RtnetlinkEvent[]) {
    this.handlers?.onEvents(events);
  }
}

const open: KernelMirror[] = [];
async function openMirror(kernel: FakeKernel, options: KernelMirrorOptions = {}) {
  const mirror = await KernelMirror.open({
    ...{ reader: kernel, isRelevantRoute: () => true, readDriver: () => 'ena' },
    subscribe: (handlers) => {
      kernel.handlers = handlers;
      return { narrowRoutes: () => undefined, close: () => undefined };
    },
    ...options,
  });
  open.push(mirror);
  kernel.dumped.length = 0;
  return mirror;
}
afterEach(() => {
  for (const mirror of open.splice(0)) mirror.close();
});

describe('KernelMirror', () => {
  it('reads the first state and keeps the same object while nothing changes', async () => {
    const kernel = new FakeKernel();
    const mirror = await openMirror(kernel);
    const state = mirror.state();
    expect(state).toEqual({
      ...{ links: kernel.links, addresses: kernel.addresses, routes: kernel.routes, rules: kernel.rules },
      drivers: new Map([[5, 'ena']]),
    });
    const changes: string[][] = [];
    mirror.onChange((kinds) => changes.push([...kinds]));
    kernel.send(newLink(link(5)), newRoute(route('10.0.1.0/24', { preferredSource: '10.0.1.5' })));
    expect(mirror.state()).toBe(state);
    expect(changes).toEqual([]);
    kernel.send(newAddress(address('10.0.1.6')), { kind: 'rule', change: 'delete', rule });
    expect(changes).toEqual([['address', 'rule']]);
    expect(mirror.state().links).toBe(state.links);
    expect(mirror.state().rules).toEqual([]);
  });

  it('replays what happened while it dumped', async () => {
    const kernel = new FakeKernel();
    kernel.duringDump = () => kernel.send({ kind: 'rule', change: 'delete', rule }, newAddress(address('10.0.1.7')));
    const mirror = await openMirror(kernel);
    expect(mirror.state().rules).toEqual([]);
    expect(mirror.state().addresses.map((one) => one.address)).toEqual(['10.0.1.5', '10.0.1.7']);
  });

  it('tells of which links the record or the addresses differ, and null of what is no link’s', async () => {
    const kernel = new FakeKernel();
    kernel.links = [link(5), link(6)];
    const mirror = await openMirror(kernel);
    const told: (number | null)[][] = [];
    mirror.onChange((_kinds, links) => told.push([...links]));
    kernel.send(newLink(link(5)), newLink(link(6, { isUp: false })));
    kernel.send(newAddress(address('fe80::5', { family: 6, scope: 253 })), newLink(link(7)));
    kernel.send(newAddress(address('10.0.1.6', { scope: 253 })));
    kernel.send({ kind: 'rule', change: 'delete', rule });
    kernel.send({ kind: 'link', change: 'delete', link: link(5) });
    expect(told).toEqual([[6], [5, 7], [null], [null], [5, null]]);
  });

  it('tells of a dump only which links differ', async () => {
    const kernel = new FakeKernel();
    kernel.links = [link(5), link(6), link(7)];
    const mirror = await openMirror(kernel);
    const told: (number | null)[][] = [];
    mirror.onChange((_kinds, links) => told.push([...links]));
    kernel.links = [link(5), link(6, { mtu: 9001 }), link(8)];
    kernel.addresses = [...kernel.addresses, address('fe80::9', { linkIndex: 9, family: 6, scope: 253 })];
    await mirror.resync();
    expect(told).toEqual([[6, 8, 7, 9]]);
  });

  it('dumps nothing for a link that enters a bridge', async () => {
    const kernel = new FakeKernel();
    kernel.links = [link(5), link(9, { kind: 'bridge' })];
    const mirror = await openMirror(kernel);
    kernel.send(newLink(link(5, { masterIndex: 9 })));
    await mirror.settled();
    expect(kernel.dumped).toEqual([]);
  });

  it('takes a renewed lease for no change, and the end of a lease for one', async () => {
    const kernel = new FakeKernel();
    kernel.addresses = [address('10.0.1.5', { validLifetime: 100 })];
    const mirror = await openMirror(kernel);
    let count = 0;
    mirror.onChange(() => count++);
    kernel.send(newAddress(address('10.0.1.5', { validLifetime: 3600 })));
    expect(count).toBe(0);
    kernel.send(newAddress(address('10.0.1.5')));
    expect(count).toBe(1);
  });

  it.each<[string, RtnetlinkEvent]>([
    ['a link goes down', newLink(link(5, { isUp: false }))],
    ['a preferred source goes', deleteAddress(address('10.0.1.5'))],
    ['a link enters a VRF', newLink(link(5, { masterIndex: 9 }))],
    ['a multipath route comes', newRoute(route('10.9.0.0/16', { isComplex: true, linkIndex: null }))],
  ])('dumps the routes again when %s', async (_name, event) => {
    const kernel = new FakeKernel();
    const mirror = await openMirror(kernel);
    kernel.routes = [];
    kernel.send(event);
    await mirror.settled();
    expect(kernel.dumped).toEqual(expect.arrayContaining(['routes 4', 'routes 6']));
    expect(kernel.dumped).not.toContain('links');
    expect(mirror.state().routes).toEqual([]);
  });

  it('drops what a deleted link had, without a dump', async () => {
    const kernel = new FakeKernel();
    kernel.routes = [route('10.0.1.0/24')];
    const mirror = await openMirror(kernel);
    kernel.send({ kind: 'link', change: 'delete', link: link(5) });
    expect(mirror.state()).toMatchObject({ links: [], addresses: [], routes: [] });
    expect(kernel.dumped).toEqual([]);
  });

  it('lets a replacement take the place of the one route of its slot', async () => {
    const kernel = new FakeKernel();
    kernel.routes = [
      route('0.0.0.0/0', { gateway: '10.0.1.1' }),
      route('0.0.0.0/0', { gateway: '10.0.1.1', metric: 9 }),
    ];
    const mirror = await openMirror(kernel);
    kernel.send(newRoute(route('0.0.0.0/0', { gateway: '10.0.1.2' }), true));
    expect(mirror.state().routes.map((one) => `${one.gateway} ${one.metric}`)).toEqual(['10.0.1.1 9', '10.0.1.2 0']);
    expect(kernel.dumped).toEqual([]);
  });

  it('keeps the old state, marked stale, until a dump succeeds after a loss', async () => {
    const kernel = new FakeKernel();
    const problems: KernelError[] = [];
    const mirror = await openMirror(kernel, { onProblem: (problem) => problems.push(problem) });
    const before = mirror.state();
    kernel.failure = new Error('no');
    kernel.rules = [];
    kernel.handlers?.onLoss({ reason: 'overrun', cause: null });
    await expect(mirror.settled()).rejects.toThrow('failed to read the kernel state: Error: no');
    expect(mirror.isStale).toBe(true);
    expect(mirror.state()).toEqual(before);
    kernel.failure = null;
    await mirror.settled();
    expect(mirror.isStale).toBe(false);
    expect(mirror.state().rules).toEqual([]);
    expect(problems.map((problem) => problem.code)).toEqual(['events-lost', 'dump']);
  });

  it('coalesces a storm of losses into few dumps', async () => {
    const kernel = new FakeKernel();
    const mirror = await openMirror(kernel);
    const before = mirror.dumpCount;
    for (let round = 0; round < 1000; round++) kernel.handlers?.onLoss({ reason: 'overrun', cause: null });
    await mirror.settled();
    expect(mirror.dumpCount - before).toBeLessThanOrEqual(2);
  });

  it('forgets routes at once that nobody wants, and dumps those newly wanted', async () => {
    const kernel = new FakeKernel();
    const mirror = await openMirror(kernel);
    const interest = {
      tables: [{ from: 10_001, to: 10_002 }],
      linkIndexes: [],
      ignoredProtocols: [],
      widePlaces: [],
      ignoredPlaces: [],
    };
    const pending = mirror.setRouteInterest(interest);
    expect(mirror.state().routes).toEqual([]);
    kernel.routes = [route('0.0.0.0/0', { table: 10001 })];
    await mirror.setRouteInterest(interest);
    await pending;
    expect(mirror.state().routes).toHaveLength(1);
  });

  it('without IPv6 in the kernel asks for nothing of it, and says so until it is there', async () => {
    const kernel = new FakeKernel();
    kernel.family6 = false;
    const mirror = await openMirror(kernel);
    expect(mirror.state().lacksIpv6).toBe(true);
    await mirror.resync();
    expect(kernel.dumped).toEqual(['links', 'addresses', 'routes 4', 'rules']);
    kernel.family6 = true;
    await mirror.resync();
    expect('lacksIpv6' in mirror.state()).toBe(false);
  });

  it('looks at a link again where IPv6 is switched off or on: the kernel tells of its addresses alone', async () => {
    const kernel = new FakeKernel();
    const linkLocal: Address = { ...address('fe80::1'), family: 6, prefixLength: 64, scope: 253 };
    kernel.addresses.push(linkLocal);
    const mirror = await openMirror(kernel);
    kernel.links = [{ ...link(5), isIpv6Off: true }];
    kernel.send(deleteAddress(linkLocal));
    await mirror.settled();
    expect(mirror.state().links).toMatchObject([{ isIpv6Off: true }]);
    kernel.links = [link(5)];
    kernel.send(newAddress(linkLocal));
    await mirror.settled();
    expect('isIpv6Off' in (mirror.state().links[0] ?? {})).toBe(false);
  });

  it('asks for a driver once per index and name, and again while a physical link has none', async () => {
    const kernel = new FakeKernel();
    kernel.links = [link(5), link(6, { kind: 'veth' })];
    const asked: string[] = [];
    let driver: string | null = null;
    const readDriver = (one: Link) => {
      asked.push(one.name);
      return driver;
    };
    const mirror = await openMirror(kernel, { readDriver });
    expect(mirror.state().drivers).toEqual(new Map([[5, null]]));
    driver = 'ena';
    kernel.send(newLink(link(5, { mtu: 9001 })));
    expect(mirror.state().drivers.get(5)).toBe('ena');
    kernel.send(newLink(link(5, { mtu: 1500 })));
    expect(mirror.state().drivers.get(5)).toBe('ena');
    kernel.send(newLink(link(5, { name: 'eth0' })));
    mirror.state();
    expect(asked).toEqual(['ens5', 'ens5', 'eth0']);
  });

  it('rejects those who wait when it is closed', async () => {
    const kernel = new FakeKernel();
    const mirror = await openMirror(kernel);
    const pending = mirror.resync();
    mirror.close();
    await expect(pending).rejects.toThrow();
  });

  it('fails to open where the first dump fails', async () => {
    const kernel = new FakeKernel();
    kernel.failure = new Error('EPERM');
    await expect(openMirror(kernel)).rejects.toThrow('EPERM');
  });
});

describe('readSysfsDriver', () => {
  it('gives null where sysfs has no such device or another one', () => {
    expect(readSysfsDriver(link(5, { name: 'no-such-link' }))).toBeNull();
    expect(readSysfsDriver(link(123456, { name: 'lo' }))).toBeNull();
  });
});
