/** Simulated instances of any size, with networkd and enid on them. */

import { DatagramReceiver } from '../../fixtures/datagram-receiver.ts';
import { EnidProcess, installInto, labConfig } from '../../fixtures/enid-process.ts';
import type { EniSpec, SubnetSpec } from '../../fixtures/vpc/eni.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { until } from '../lab/lab.ts';
import { Probe } from './probe.ts';

/** Each ENI has its first address, from DHCP, and so many secondary ones. */
export interface Size {
  readonly eniCount: number;
  readonly addressCount: number;
}

/** Of the peers' figures. */
export const large: Size = { eniCount: 15, addressCount: 50 };
export const small: Size = { eniCount: 1, addressCount: 1 };

/** ENIs take leases one after the other through 15 dnsmasq processes on a small machine. */
export const convergeMs = 60_000;
const notifySocket = '/run/notify';

/** The metadata is read when a benchmark asks for it. */
export const idleConfig = labConfig.replace('interval: 5s', 'interval: 1h');
/** The shortest interval there is. */
export const pollingConfig = labConfig;

export interface Instance {
  readonly vpc: Vpc;
  readonly probe: Probe;
  readonly specs: readonly EniSpec[];
  enid: EnidProcess;
}

export function describeSize({ eniCount, addressCount }: Size): string {
  return `${eniCount} × ${addressCount}`;
}

export function listSubnets({ eniCount }: Size): SubnetSpec[] {
  return Array.from({ length: eniCount }, (_, index) => ({
    id: subnetIdOf(index),
    ipv4: `10.0.${index}.0/24`,
    ipv6: null,
  }));
}

/** Consecutive addresses; every ENI in a subnet of its own. */
export function makeEniSpec(index: number, addressCount: number): EniSpec {
  const hex = index.toString(16).padStart(2, '0');
  return {
    id: `eni-000000000000000${hex}`,
    mac: `06:53:e1:00:01:${hex}`,
    linkName: `ens${5 + index}`,
    subnetId: subnetIdOf(index),
    deviceNumber: index,
    ipv4: Array.from({ length: addressCount + 1 }, (_, host) => `10.0.${index}.${15 + host}`),
  };
}

function subnetIdOf(index: number): string {
  return `subnet-000000000000000${index.toString(16).padStart(2, '0')}`;
}

/** An instance with its links and leases, as it is before enid is installed. */
export async function openInstance(size: Size, config: string): Promise<Omit<Instance, 'enid'>> {
  const vpc = await Vpc.create({ name: 'bench', subnets: listSubnets(size) });
  try {
    await installInto(vpc.guest, config);
    const specs = Array.from({ length: size.eniCount }, (_, index) => makeEniSpec(index, size.addressCount));
    for (const spec of specs) await vpc.attach(spec);
    await vpc.guest.networkd.start();
    const probe = await Probe.start(vpc.guest.namespace);
    for (const { ipv4 } of specs) await probe.awaitAddress(ipv4?.[0] ?? '');
    return { vpc, probe, specs };
  } catch (error) {
    await vpc.destroy();
    throw error;
  }
}

/** The same, with enid running and nothing left to do. */
export async function openConverged(size: Size, config: string): Promise<Instance> {
  const bare = await openInstance(size, config);
  try {
    const { enid } = await startEnid(bare.vpc);
    await enid.converged(convergeMs);
    return { ...bare, enid };
  } catch (error) {
    await bare.vpc.destroy();
    throw error;
  }
}

/** Starts enid and waits for its READY=1. Its time includes the exec of nsenter, about 1 ms. */
export async function startEnid(vpc: Vpc): Promise<{ enid: EnidProcess; readyMs: number }> {
  await vpc.guest.removeFile(notifySocket);
  const receiver = new DatagramReceiver(vpc.guest.path(notifySocket));
  try {
    const startMs = performance.now();
    // A minute, as the unit has it.
    const enid = EnidProcess.start(vpc.guest, [], { NOTIFY_SOCKET: notifySocket, WATCHDOG_USEC: '60000000' });
    let isReady = false;
    while (!isReady) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      for (let text = receiver.read(); text !== null; text = receiver.read()) isReady ||= text.startsWith('READY=1');
      if (performance.now() - startMs > convergeMs) throw new Error(`no READY=1:\n${enid.lines.join('\n')}`);
    }
    return { enid, readyMs: performance.now() - startMs };
  } finally {
    receiver.close();
  }
}

/** Asks for a full pass and waits until it is done. */
export async function reconcile({ vpc }: Pick<Instance, 'vpc'>, count = 1): Promise<void> {
  const call = 'busctl call org.enid1 /org/enid1 org.enid1.Manager Reconcile';
  await vpc.guest.check(['sh', '-ec', `for i in $(seq ${count}); do ${call}; done`], { timeoutMs: 300_000 });
}

/** Waits until a process has nothing to do for so long, by what `read` counts. */
export async function awaitQuiet(read: () => number, quietMs = 1_000): Promise<void> {
  let last = read();
  const isQuiet = async () => {
    await new Promise((resolve) => setTimeout(resolve, quietMs));
    const now = read();
    const isSame = now === last;
    last = now;
    return isSame;
  };
  await until('a quiet process', isQuiet, convergeMs);
}
