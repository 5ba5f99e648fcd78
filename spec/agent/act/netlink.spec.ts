/** What is asked of the kernel for a change, and in which order. What it then has: spec/lab/act. */

import { beforeEach, expect, it } from '@jest/globals';
import { applyKernelChange, type KernelChange } from '../../../agent/act/netlink.ts';
import { KernelError } from '../../../agent/errors.ts';
import type { Address, Route, Rule } from '../../../agent/model.ts';
import { makeLink, makeRoute } from '../../../fixtures/model/records.ts';
import type { RtnetlinkClient } from '../../../lib/rtnetlink/client.ts';
import { RtnetlinkError } from '../../../lib/rtnetlink/errors.ts';

const about = { mac: '06:00:00:00:00:02', linkName: 'ens6', reason: 'missing' };
const address = { linkIndex: 3, address: '10.0.2.21', prefixLength: 32 };

/** Requests as they were made. */
let requests: string[];
/** Request → errno that the kernel gives. */
let refusals: Map<string, string>;
let routes: Route[];
let rules: Rule[];

async function request(text: string): Promise<void> {
  requests.push(text);
  const errno = refusals.get(text);
  if (errno !== undefined) throw new RtnetlinkError(errno, text);
}

const client = {
  addAddress: (one: Address) => request(`add address ${one.address} metric ${one.metric}`),
  deleteAddress: (one: Address) => request(`delete address ${one.address}`),
  addRoute: (one: Route, { mode }: { mode: string }) => request(`${mode} route ${one.destination} via ${one.gateway}`),
  deleteRoute: (one: Route) => request(`delete route ${one.destination} via ${one.gateway}`),
  addRule: (one: Rule, mode = 'create') => request(`${mode} rule ${one.source}`),
  deleteRule: (one: Rule) => request(`delete rule ${one.source}`),
  addAltName: (_index: number, name: string) => request(`add name ${name}`),
  dumpAddresses: async () => [{ ...address, metric: 0 }],
  dumpRoutes: async () => routes,
  dumpRules: async () => rules,
  dumpLinks: async () => [makeLink({ index: 3, name: 'ens6', mac: about.mac, altNames: ['eni-6'] })],
};

const apply = (change: KernelChange) =>
  applyKernelChange(change, { client: client as unknown as RtnetlinkClient, protocol: 236 });

beforeEach(() => {
  requests = [];
  refusals = new Map();
  routes = [];
  rules = [];
});

it('moves an address behind the others with its packets kept on the host meanwhile', async () => {
  expect(await apply({ ...about, kind: 'move-address', address })).toBe(true);
  expect(requests).toEqual([
    'create route 10.0.2.21/32 via null',
    'delete address 10.0.2.21',
    'add address 10.0.2.21 metric 0',
    'delete route 10.0.2.21/32 via null',
  ]);
});

it('sets the metric of an address that is there, and of no other', async () => {
  const change = { ...about, kind: 'set-address-metric', linkIndex: 3, prefixLength: 24, metric: 513 } as const;
  expect(await apply({ ...change, address: '10.0.2.21' })).toBe(true);
  expect(await apply({ ...change, address: '10.0.2.99' })).toBe(false);
  expect(requests).toEqual(['add address 10.0.2.21 metric 513']);
});

it('says what lacks where the kernel forbids it', async () => {
  refusals.set('add name eni-7', 'EPERM');
  const change = { ...about, kind: 'add-alt-name', linkIndex: 3, altName: 'eni-7' } as const;
  await expect(apply(change)).rejects.toThrow(KernelError);
  await expect(apply(change)).rejects.toMatchObject({
    code: 'EPERM',
    message: expect.stringMatching(/CAP_NET_ADMIN is needed/),
  });
});

it('has nothing to do where a name, an address or a route is so already', async () => {
  refusals.set('add name eni-6', 'EEXIST').set('delete address 10.0.2.21', 'EADDRNOTAVAIL');
  expect(await apply({ ...about, kind: 'add-alt-name', linkIndex: 3, altName: 'eni-6' })).toBe(false);
  expect(await apply({ ...about, kind: 'remove-address', address })).toBe(false);
  const route = makeRoute({
    table: 9,
    destination: '10.9.0.0/16',
    type: 'unicast',
    gateway: null,
    linkIndex: 3,
    metric: 1,
  });
  requests.length = 0;
  expect(await apply({ ...about, kind: 'remove-route', route })).toBe(false);
  // What is not there is not even asked for: another one could go in its place.
  expect(requests).toEqual([]);
});

it('does not pass on an error that is not the kernel’s as one', async () => {
  const broken = { addAltName: () => Promise.reject(new TypeError('a defect')) } as unknown as RtnetlinkClient;
  const change = { ...about, kind: 'add-alt-name', linkIndex: 3, altName: 'eni-6' } as const;
  await expect(applyKernelChange(change, { client: broken, protocol: 236 })).rejects.toThrow(TypeError);
});
