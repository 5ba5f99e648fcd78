/**
 * The benchmarks' eye and hand inside the guest: sees every change of the kernel state by a subscription of its own, with
 * the time it was heard, and deletes what enid then has to put back.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { readMonotonicMs } from '../../fixtures/vpc/monotonic.ts';
import { serveCalls } from '../../fixtures/vpc/rpc.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { RtnetlinkSubscription } from '../../lib/rtnetlink/subscription.ts';
import type { Address, Route, RtnetlinkEvent, Rule } from '../../lib/rtnetlink/types.ts';
import type { Heard } from './probe.ts';

/** Of the rules that enid makes: 10000 + 100 · card + device, and the same plus 5000 and 10000. */
const isOwnPriority = (priority: number) => priority >= 10_000 && priority < 32_000;
const isEniTable = (table: number) => table >= 10_000 && table < 20_000;
/** A repair that takes longer than this has not happened. */
const repairMs = 5_000;
/** Between two deletions: the program has finished with the one before and sleeps. */
const restMs = 12;

const client = new RtnetlinkClient();
const listeners = new Set<(event: RtnetlinkEvent, atMs: number) => void>();
let heard: Heard[] | null = null;

new RtnetlinkSubscription(
  {
    onEvents: (events) => {
      const atMs = readMonotonicMs();
      for (const event of events) {
        heard?.push(tell(event, atMs));
        for (const listener of [...listeners]) listener(event, atMs);
      }
    },
    onLoss: ({ reason }) => {
      throw new Error(`the probe lost events: ${reason}`);
    },
  },
  { isWantedRoute: (_family, table) => isEniTable(table) },
);

function tell(event: RtnetlinkEvent, atMs: number): Heard {
  const { kind, change } = event;
  switch (event.kind) {
    case 'link':
      return { atMs, kind, change, name: event.link.name, table: null };
    case 'address':
      return { atMs, kind, change, name: event.address.address, table: null };
    case 'route':
      return { atMs, kind, change, name: event.route.destination, table: event.route.table };
    case 'rule':
      return { atMs, kind, change, name: event.rule.source ?? 'all', table: event.rule.table };
  }
}

/** Resolves with the time of the first event that fits. Begins to listen at once. */
function awaitEvent(what: string, fits: (event: RtnetlinkEvent) => boolean, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      listeners.delete(listener);
      reject(new Error(`never came within ${timeoutMs} ms: ${what}`));
    }, timeoutMs);
    const listener = (event: RtnetlinkEvent, atMs: number) => {
      if (!fits(event)) return;
      clearTimeout(timer);
      listeners.delete(listener);
      resolve(atMs);
    };
    listeners.add(listener);
  });
}

/** The time at which an address came; now where it is there already. */
async function awaitAddress(address: string): Promise<number> {
  const coming = awaitEvent(
    address,
    (event) => event.kind === 'address' && event.change === 'new' && event.address.address === address,
    60_000,
  );
  const there = await client.dumpAddresses();
  if (!there.some((one) => one.address === address)) return await coming;
  coming.catch(() => undefined);
  return readMonotonicMs();
}

/** One thing to delete, and its return. */
interface Target {
  readonly what: string;
  remove(): Promise<void>;
  isBack(event: RtnetlinkEvent): boolean;
}

function targetRule(rule: Rule): Target {
  return {
    what: `rule ${rule.priority}`,
    remove: () => client.deleteRule(rule),
    isBack: (event) =>
      event.kind === 'rule' &&
      event.change === 'new' &&
      event.rule.priority === rule.priority &&
      event.rule.source === rule.source,
  };
}

function targetRoute(route: Route): Target {
  return {
    what: `route ${route.destination} table ${route.table}`,
    remove: () => client.deleteRoute(route),
    isBack: (event) =>
      event.kind === 'route' &&
      event.change === 'new' &&
      event.route.table === route.table &&
      event.route.destination === route.destination,
  };
}

function targetAddress(address: Address): Target {
  return {
    what: `address ${address.address}`,
    remove: () => client.deleteAddress(address),
    isBack: (event) => event.kind === 'address' && event.change === 'new' && event.address.address === address.address,
  };
}

async function listTargets(kind: unknown): Promise<Target[]> {
  switch (kind) {
    case 'rule':
      return (await client.dumpRules(4)).filter(({ priority }) => isOwnPriority(priority)).map(targetRule);
    case 'route':
      return (await client.dumpRoutes(4, { filter: (_family, table) => isEniTable(table) })).map(targetRoute);
    case 'address':
      // Secondary ones: a lease's own is networkd's.
      return (await client.dumpAddresses(4)).filter(({ prefixLength }) => prefixLength === 32).map(targetAddress);
    default:
      throw new Error(`no kind ${String(kind)}`);
  }
}

/** Deletes one after the other; ms from each call of the delete until its return was heard. */
async function drift({ kind, count }: { kind: unknown; count: number }): Promise<number[]> {
  const samples: number[] = [];
  for (let index = 0; index < count; index++) {
    // Listed anew: what came back bears enid's mark, where networkd's was.
    const targets = (await listTargets(kind)).sort((left, right) => left.what.localeCompare(right.what));
    const target = targets[index % targets.length];
    if (target === undefined) throw new Error(`nothing to delete of kind ${String(kind)}`);
    const back = awaitEvent(`${target.what} again`, target.isBack, repairMs);
    const startMs = readMonotonicMs();
    await target.remove();
    samples.push((await back) - startMs);
    await sleep(restMs);
  }
  return samples;
}

serveCalls({
  awaitAddress: (address) => awaitAddress(String(address)),
  drift: (parameter) => drift(parameter as Parameters<typeof drift>[0]),
  record: () => {
    heard = [];
  },
  heard: () => heard,
});
