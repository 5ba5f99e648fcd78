/**
 * The benchmarks' eye and hand inside the guest: sees every change of the kernel state by a
 * subscription of its own, with the time it was heard, and deletes what enid then has to put back.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { readMonotonicMs } from '../../fixtures/vpc/monotonic.ts';
import { serveCalls } from '../../fixtures/vpc/serve-calls.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { RtnetlinkSubscription } from '../../lib/rtnetlink/subscription.ts';
import type { RtnetlinkEvent } from '../../lib/rtnetlink/types.ts';
import { driftRequest, isEniTable, listTargets } from './drift-targets.ts';
import type { Heard } from './probe.ts';

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
    case 'setting':
      return { atMs, kind, change, name: String(event.setting.linkIndex), table: null };
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

/** Deletes each object in turn; ms from each call of the delete until its return was heard. */
async function drift(parameter: unknown): Promise<number[]> {
  const { kind, perObject, most } = driftRequest.parse(parameter);
  const targets = await listTargets(client, kind);
  if (targets.length === 0) throw new Error(`nothing to delete of kind ${kind}`);
  const samples: number[] = [];
  for (let round = 0; round < perObject; round++) {
    for (const { what, remove, isBack } of targets) {
      if (samples.length >= most) return samples;
      const back = awaitEvent(`${what} again`, isBack, repairMs);
      const startMs = readMonotonicMs();
      await remove();
      samples.push((await back) - startMs);
      await sleep(restMs);
    }
  }
  return samples;
}

serveCalls({
  awaitAddress: (address) => awaitAddress(String(address)),
  drift,
  record: () => {
    heard = [];
  },
  heard: () => heard,
});
