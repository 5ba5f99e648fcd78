/** `enid explain SOURCE [DESTINATION]`: asks the kernel which way a packet takes, and says why. */

import { networkInterfaces } from 'node:os';
import { canonicalAddress, familyOf } from '../../lib/ip/address.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import type { Family } from '../../lib/rtnetlink/types.ts';
import type { Config } from '../config/types.ts';
import { RTN_UNICAST } from '../decide/base/kernel-numbers.ts';
import { type ExplainInput, explainPacket, type KnownHost } from '../decide/explain/explain.ts';
import { isOurs } from '../decide/explain/owner.ts';
import { findActualMark, findWantedMark } from '../decide/explain/reply-mark.ts';
import { farHost } from '../decide/explain/ways.ts';
import { buildExplanation, type Explanation, renderExplanation } from '../report/explain-text.ts';
import { explanationSchema } from './answers.ts';
import { askLookup, askRoute, askRoutesItself } from './ask-route.ts';
import { type Inspection, inspectHost } from './inspect.ts';
import { renderJson } from './json.ts';
import { askOrLook, type CommandResult, type LookOptions, renderWarnings } from './status.ts';

/** Exit code 0: the right way; 2: a wrong way, or a source of no ENI; 1: bad arguments. */
export async function explain(
  config: Config,
  source: string,
  destination: string | undefined,
  { json, asksDaemon, isReply = false }: LookOptions & { readonly isReply?: boolean },
): Promise<CommandResult> {
  const packet = readPacket(source, destination, listAddressesOf);
  if (typeof packet === 'string') return { stdout: '', stderr: `enid: ${packet}\n`, exitCode: 1 };
  const question = {
    member: 'Explain',
    arguments: [packet.source, packet.destination],
    schema: explanationSchema,
  } as const;
  let warnings: readonly string[] = [];
  const look = async () => {
    const inspection = await inspectHost(config);
    warnings = inspection.warnings;
    return isReply
      ? await lookUpReply(inspection, packet)
      : await lookUpPacket(inspection, packet, process.getuid?.() ?? 0);
  };
  const { answer, daemon, note } = await askOrLook(config, asksDaemon && !isReply, question, look);
  const stdout = json ? renderJson({ ...answer, daemon }) : renderExplanation(answer);
  return { stdout, stderr: note + renderWarnings({ warnings }), exitCode: answer.right ? 0 : 2 };
}

export interface PacketQuestion {
  readonly source: string;
  readonly destination: string;
  readonly family: Family;
}

/**
 * Canonical addresses of one family; text: why the arguments are invalid, for the operator.
 * `addressesOf`: of a link, for operators who name one instead of an address.
 */
export function readPacket(
  source: string,
  destination: string | undefined,
  addressesOf: (linkName: string) => readonly string[],
): PacketQuestion | string {
  const from = canonicalAddress(source);
  if (from === null) {
    const usable = addressesOf(source).filter((address) => !address.startsWith('fe80:'));
    const advice = usable.length === 0 ? '' : `; link ${source} has ${[...usable].sort().join(', ')}`;
    return `expected an address such as 10.0.1.5 as source, got "${source}"${advice}`;
  }
  const family: Family = familyOf(from);
  const to = canonicalAddress(destination ?? farHost[family]);
  if (to === null) return `expected an address such as 192.0.2.1 as destination, got "${destination}"`;
  if (familyOf(to) !== family) return `expected both addresses of one family, got ${from} and ${to}`;
  return { source: from, destination: to, family };
}

function listAddressesOf(linkName: string): string[] {
  return (networkInterfaces()[linkName] ?? []).map(({ address }) => address);
}

/**
 * Asks the kernel about this one packet, and explains the answer by what is known of the host.
 * `userId`: the owner of the sending socket.
 */
export async function lookUpPacket(host: KnownHost, question: PacketQuestion, userId: number): Promise<Explanation> {
  const client = new RtnetlinkClient();
  try {
    return buildExplanation(explainPacket({ ...host, ...(await askKernel(client, host, question, userId)) }));
  } finally {
    client.close();
  }
}

/**
 * The same for the reply of a connection that was opened to `source`, and translated. Where the
 * table may not be read, it is taken to be as desired.
 */
async function lookUpReply(host: Inspection, { source, destination, family }: PacketQuestion): Promise<Explanation> {
  const { kernel, desired, replies } = host;
  const wantedMark = findWantedMark(source, desired);
  const table = replies?.table;
  const mark = table === undefined ? wantedMark : table === null ? null : findActualMark(source, table);
  const client = new RtnetlinkClient();
  try {
    const lookup = { family, destination, ...(mark === null ? {} : { mark }) };
    const answer = await askLookup(client, lookup);
    const packet = { source, destination, inputLink: null, userId: 0 };
    return buildExplanation(explainPacket({ ...host, kernel, packet, answer, reply: { mark, wantedMark } }));
  } finally {
    client.close();
  }
}

/**
 * A source that this host has, or should have, is looked up as sent by the host; any other one as
 * forwarded, coming in by the link that leads to it: the kernel refuses to send from an address
 * that it does not have (ip_route_output_key).
 */
async function askKernel(
  client: RtnetlinkClient,
  { kernel, desired }: KnownHost,
  { source, destination, family }: PacketQuestion,
  userId: number,
): Promise<Pick<ExplainInput, 'packet' | 'answer' | 'routesMet'>> {
  const nameOf = (linkIndex: number | null) => kernel.links.find(({ index }) => index === linkIndex)?.name ?? null;
  const holder = kernel.addresses.find(({ address }) => address === source);
  const masterIndex = kernel.links.find(({ index }) => index === holder?.linkIndex)?.masterIndex;
  const vrf = kernel.links.find(({ index, kind }) => index === masterIndex && kind === 'vrf')?.name ?? null;
  const isSent = holder !== undefined || isOurs(source, desired, kernel);
  const back = isSent ? null : await client.getRoute({ family, destination: source }).catch(() => null);
  // A `local` way back means that the host answers for the address by a prefix route.
  const inputLink = back === null || back.type !== RTN_UNICAST ? null : nameOf(back.linkIndex);
  const packet = { source, destination, inputLink, userId };
  const asked = { ...packet, vrf };
  const [answer, routesMet] = await Promise.all([
    askRoute(client, kernel, asked),
    askRoutesItself(client, kernel, asked),
  ]);
  return { packet, answer, routesMet };
}
