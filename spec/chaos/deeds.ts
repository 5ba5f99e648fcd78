/** Carries out one step of a story on a host. */

import { setTimeout as sleep } from 'node:timers/promises';
import { EnidProcess, runEnid } from '../../fixtures/enid-process.ts';
import type { Eni, EniSpec, Sources } from '../../fixtures/vpc/eni.ts';
import type { Fault, FaultEffect } from '../../fixtures/vpc/imds-faults.ts';
import type { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, efaOnly, ipv6Only, sharing, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { deleteOne, flush } from './drift.ts';
import { makeForeign } from './foreign.ts';
import type { Step } from './story.ts';

/** What a story acts on. */
export interface Deeds {
  readonly vpc: Vpc;
  enid: EnidProcess;
  /** What ended programs have said. */
  lines: string[];
  /** Detached ENIs that the metadata still list. */
  readonly lingering: Set<string>;
  /** ENIs whose DHCP and router are silent. */
  readonly silent: Set<string>;
  /** Sources that came or went since the round began. */
  readonly touched: Set<string>;
}

const pool: readonly EniSpec[] = [alone, sharing, withPrefixes, ipv6Only, efaOnly];

const effects: readonly FaultEffect[] = [
  { kind: 'reset' },
  { kind: 'hang' },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'status', status: 404 },
  { kind: 'truncate', bytes: 3, hasLength: true },
  { kind: 'body', body: '<html>' },
  { kind: 'expire-tokens' },
];
const leaves = [
  '',
  'api/token',
  'macs/$',
  'local-ipv4s$',
  'ipv6s$',
  'device-number$',
  'ipv4-prefix$',
  'subnet-ipv4-cidr-block$',
  '/mac$',
];

/** Returns what was done, for counting: `none` where the step did not apply. */
export async function perform(step: Step, deeds: Deeds): Promise<string> {
  const { vpc } = deeds;
  switch (step.do) {
    case 'attach':
      return await attach(step, deeds);
    case 'detach':
      return await detach(step, deeds);
    case 'assign':
    case 'unassign':
      return await reassign(step, deeds);
    case 'metadata-fault': {
      const fault: Fault = { effect: at(effects, step.which), path: at(leaves, step.leaf) };
      await vpc.imds.setFaults([fault]);
      return `metadata ${fault.effect.kind}`;
    }
    case 'metadata-well':
      await vpc.imds.setFaults([]);
      return 'metadata well';
    case 'delete':
      return (await deleteOne(vpc, step.what, step.object)) ? `delete ${step.what}` : 'none';
    case 'flush':
      await flush(vpc, step.what, step.object);
      await makeForeign(vpc);
      return `flush ${step.what}`;
    case 'bounce-link': {
      const { linkName } = at(vpc.enis, step.eni);
      await vpc.guest.check(['sh', '-ec', `ip link set ${linkName} down; ip link set ${linkName} up`]);
      await makeForeign(vpc);
      return 'link down and up';
    }
    case 'networkd':
      return await changeNetworkd(step, deeds);
    case 'bus-crash':
      await vpc.guest.killBus();
      await vpc.guest.startBus();
      await vpc.guest.networkd.restart();
      await makeForeign(vpc);
      return 'bus crash';
    case 'dhcp-silent': {
      const { id, isEfaOnly } = at(vpc.enis, step.eni);
      if (isEfaOnly) return 'none';
      await vpc.setService(id, false);
      deeds.silent.add(id);
      return 'dhcp silent';
    }
    case 'enid':
      return await changeEnid(step, deeds);
    case 'flood':
      await flood(vpc, step.what);
      return `flood of ${step.what}`;
    case 'wait':
      await sleep(step.forMs);
      return 'wait';
  }
}

async function attach({ eni, lateMs }: Extract<Step, { do: 'attach' }>, deeds: Deeds): Promise<string> {
  const { vpc, lingering, touched } = deeds;
  const spec = at(pool, eni);
  if (vpc.enis.some(({ id }) => id === spec.id)) return 'none';
  if (lingering.delete(spec.id)) await vpc.metadata.remove(spec.id);
  const propagation = { listedAfterMs: lateMs, deviceNumberAfterMs: lateMs * 1.5, ipv6AfterMs: lateMs * 2 };
  await vpc.attach(spec, lateMs === 0 ? {} : { metadata: propagation });
  for (const source of [...(spec.ipv4 ?? []), ...(spec.ipv6 ?? [])]) touched.add(source);
  return lateMs === 0 ? 'attach' : 'attach, metadata late';
}

async function detach({ eni, isLingering }: Extract<Step, { do: 'detach' }>, deeds: Deeds): Promise<string> {
  const { vpc, lingering, touched, silent } = deeds;
  const { id } = at(pool, eni);
  const attached = vpc.enis.find((one) => one.id === id);
  if (attached === undefined) return 'none';
  for (const source of [...attached.ipv4, ...attached.ipv6]) touched.add(source);
  await vpc.detach(id, isLingering ? { metadata: 'manual' } : {});
  if (isLingering) lingering.add(id);
  silent.delete(id);
  return isLingering ? 'detach, metadata linger' : 'detach';
}

async function reassign(step: Extract<Step, { do: 'assign' | 'unassign' }>, deeds: Deeds): Promise<string> {
  const { vpc, touched } = deeds;
  const eni = at(vpc.enis, step.eni);
  const extras = listExtras(eni);
  if (extras.length === 0) return 'none';
  const extra = at(extras, step.which);
  const present = [...eni.ipv4, ...eni.ipv6, ...eni.ipv4Prefixes, ...eni.ipv6Prefixes];
  const sources = Object.values(extra).flat();
  if (present.some((source) => sources.includes(source)) === (step.do === 'assign')) return 'none';
  for (const source of sources) touched.add(source);
  await (step.do === 'assign' ? vpc.assign(eni.id, extra) : vpc.unassign(eni.id, extra));
  return step.do;
}

/** What can be assigned to an ENI beside what it came with. */
function listExtras(eni: Eni): Sources[] {
  if (eni.isEfaOnly) return [];
  const subnet = Number(eni.subnetId.slice(-1));
  // Two ENIs of one subnet have different ones.
  const host = 100 + 10 * eni.deviceNumber;
  const ipv6 = `2001:db8:0:${subnet}`;
  const both = [{ ipv6: [`${ipv6}::${host}`] }, { ipv6Prefixes: [`${ipv6}:${host}::/80`] }];
  if (eni.ipv4.length === 0) return both;
  const prefix = `10.0.${subnet}.${160 + 16 * eni.deviceNumber}/28`;
  const address = (offset: number) => ({ ipv4: [`10.0.${subnet}.${host + offset}`] });
  return [address(0), address(1), address(2), { ipv4Prefixes: [prefix] }, ...both];
}

async function changeNetworkd({ how, eni }: Extract<Step, { do: 'networkd' }>, { vpc }: Deeds): Promise<string> {
  const { guest } = vpc;
  switch (how) {
    case 'reload':
      await guest.writeFile('/run/systemd/network/60-other.network', `[Match]\nName=nothing${performance.now()}\n`);
      await guest.check(['networkctl', 'reload']);
      break;
    case 'restart':
      await guest.networkd.restart();
      break;
    case 'crash':
      await guest.networkd.kill();
      await guest.networkd.start();
      break;
    case 'reconfigure':
      await guest.run(['networkctl', 'reconfigure', at(vpc.enis, eni).linkName]);
      // It drops foreign addresses and routes of the link (docs/proof/measured.md): the others make
      // theirs again.
      await sleep(300);
      await makeForeign(vpc);
      break;
  }
  return `networkd ${how}`;
}

async function changeEnid({ how, forMs }: Extract<Step, { do: 'enid' }>, deeds: Deeds): Promise<string> {
  const { enid, vpc } = deeds;
  switch (how) {
    case 'reload':
      // As `systemctl reload` does it; a program that has just been started says that it cannot
      // yet.
      await runEnid(vpc.guest, ['reload']);
      break;
    case 'sleep':
      enid.signal('SIGSTOP');
      await sleep(forMs);
      enid.signal('SIGCONT');
      break;
    case 'restart':
    case 'kill':
      await enid.stop(how === 'kill' ? 'SIGKILL' : 'SIGTERM');
      await sleep(forMs);
      deeds.lines = [...deeds.lines, ...enid.lines].slice(-200);
      deeds.enid = EnidProcess.start(vpc.guest);
      break;
  }
  return `enid ${how}`;
}

async function flood(vpc: Vpc, what: 'routes' | 'links'): Promise<void> {
  const batch = (lines: readonly string[]) =>
    vpc.guest.check(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n`, timeoutMs: 60_000 });
  if (what === 'links') {
    const names = Array.from({ length: 100 }, (_, index) => `ifb${index}`);
    await batch(names.flatMap((name) => [`link add ${name} type ifb`, `link set ${name} up group 77`]));
    await batch(['link del group 77']);
    return;
  }
  const routes = Array.from(
    { length: 5_000 },
    (_, index) => `100.64.${index >> 8}.${index & 255}/32 dev ens5 proto 186`,
  );
  await batch(routes.map((route) => `route add ${route}`));
  await batch(routes.map((route) => `route del ${route}`));
}

function at<T>(list: readonly T[], index: number): T {
  const one = list[index % list.length];
  if (one === undefined) throw new RangeError('nothing to choose from');
  return one;
}
