/** `enid explain SOURCE [DESTINATION]`: asks the kernel which way a packet takes, and says why. */

import { networkInterfaces } from 'node:os';
import { canonicalAddress, familyOf } from '../../lib/ip/address.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import type { Family } from '../../lib/rtnetlink/types.ts';
import type { Config } from '../config/types.ts';
import { explainPacket, type KernelAnswer } from '../decide/explain.ts';
import { RTN_UNICAST } from '../decide/kernel-numbers.ts';
import { isOurs } from '../decide/owner.ts';
import type { Remaining } from '../decide/standing.ts';
import type { Packet } from '../decide/walk.ts';
import { farHost } from '../decide/ways.ts';
import { buildExplanation, type Explanation, renderExplanation } from '../report/explain-text.ts';
import { explanationSchema } from './answers.ts';
import { askRoute } from './ask-route.ts';
import { type Inspection, inspectHost } from './inspect.ts';
import { askOrLook, type CommandResult, type LookOptions, renderWarnings } from './status.ts';

/** Exit code 0: as it should be; 2: not so, or of no ENI; 1: bad arguments. */
export async function explain(
  config: Config,
  source: string,
  destination: string | undefined,
  { json, asksDaemon }: LookOptions,
): Promise<CommandResult> {
  const packet = readPacket(source, destination);
  if (typeof packet === 'string') return { stdout: '', stderr: `enid: ${packet}\n`, exitCode: 1 };
  const question = {
    member: 'Explain',
    arguments: [packet.source, packet.destination],
    schema: explanationSchema,
  } as const;
  let warnings: readonly string[] = [];
  const look = async () => {
    const found = await lookUpPacket(config, packet, { userId: process.getuid?.() ?? 0 });
    warnings = found.warnings;
    return found.explanation;
  };
  const { answer, note } = await askOrLook(config, asksDaemon, question, look);
  const stdout = json ? `${JSON.stringify(answer, null, 2)}\n` : renderExplanation(answer);
  return { stdout, stderr: note + renderWarnings({ warnings }), exitCode: answer.right ? 0 : 2 };
}

export interface PacketQuestion {
  readonly source: string;
  readonly destination: string;
  readonly family: Family;
}

/** Canonical addresses of one family; text: why they are none, for the operator. */
export function readPacket(source: string, destination: string | undefined): PacketQuestion | string {
  const from = canonicalAddress(source);
  if (from === null)
    return `expected an address such as 10.0.1.5 as source, got "${source}"${suggestAddresses(source)}`;
  const family: Family = familyOf(from);
  const to = canonicalAddress(destination ?? farHost[family]);
  if (to === null) return `expected an address such as 192.0.2.1 as destination, got "${destination}"`;
  if (familyOf(to) !== family) return `expected both addresses of one family, got ${from} and ${to}`;
  return { source: from, destination: to, family };
}

/** For who names a link instead: the addresses that it has. */
function suggestAddresses(linkName: string): string {
  const addresses = (networkInterfaces()[linkName] ?? []).map(({ address }) => address);
  const usable = addresses.filter((address) => !address.startsWith('fe80:')).sort();
  return usable.length === 0 ? '' : `; link ${linkName} has ${usable.join(', ')}`;
}

/**
 * Looks at the host and asks the kernel. `userId`: whose socket would send it. `remaining`: what
 * the daemon's last pass left undone, so that the ENI's state is the one that `status` shows; by
 * default what is seen now.
 */
export async function lookUpPacket(
  config: Config,
  question: PacketQuestion,
  { userId, remaining }: { readonly userId: number; readonly remaining?: Remaining },
): Promise<{ explanation: Explanation; warnings: readonly string[] }> {
  const inspection = await inspectHost(config);
  const client = new RtnetlinkClient();
  try {
    const { packet, answer } = await askKernel(client, inspection, question, userId);
    const explanation = buildExplanation(explainPacket({ ...inspection, ...remaining, packet, answer }));
    return { explanation, warnings: inspection.warnings };
  } finally {
    client.close();
  }
}

/**
 * A source that this host holds, or is to hold, is asked about as sent by it; any other one as
 * forwarded, coming in by the link that leads to it: the kernel refuses to send from an address
 * that it does not have (ip_route_output_key).
 */
async function askKernel(
  client: RtnetlinkClient,
  { kernel, desired }: Inspection,
  { source, destination, family }: PacketQuestion,
  userId: number,
): Promise<{ packet: Packet; answer: KernelAnswer }> {
  const nameOf = (linkIndex: number | null) => kernel.links.find(({ index }) => index === linkIndex)?.name ?? null;
  const holder = kernel.addresses.find(({ address }) => address === source);
  const masterIndex = kernel.links.find(({ index }) => index === holder?.linkIndex)?.masterIndex;
  const vrf = kernel.links.find(({ index, kind }) => index === masterIndex && kind === 'vrf')?.name ?? null;
  const isSent = holder !== undefined || isOurs(source, desired, kernel);
  const back = isSent ? null : await client.getRoute({ family, destination: source }).catch(() => null);
  // A `local` way back means that the host answers for the address by a prefix route.
  const inputLink = back === null || back.type !== RTN_UNICAST ? null : nameOf(back.linkIndex);
  const packet = { source, destination, inputLink, userId };
  return { packet, answer: await askRoute(client, kernel, { ...packet, vrf }) };
}
