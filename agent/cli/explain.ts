/** `enid explain SOURCE [DESTINATION]`: asks the kernel which way a packet takes, and tells why. */

import { canonicalAddress, familyOf } from '../../lib/ip/address.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { RtnetlinkError } from '../../lib/rtnetlink/errors.ts';
import type { Family } from '../../lib/rtnetlink/types.ts';
import type { Config } from '../config/types.ts';
import { explainPacket, type KernelAnswer, type Packet } from '../decide/explain.ts';
import type { KernelState } from '../model.ts';
import { buildExplanation, renderExplanation } from '../report/explain-text.ts';
import { inspectHost } from './inspect.ts';
import { type CommandResult, renderWarnings } from './status.ts';

/** A far host that nobody has (documentation addresses, RFC 5737 and 3849): whatever the default route is for. */
const farHost = { 4: '192.0.2.1', 6: '2001:db8:ffff:ffff::1' } as const;

/** Exit code 0: as it should be; 2: not so, or of no ENI; 1: bad arguments. */
export async function explain(
  config: Config,
  source: string,
  destination: string | undefined,
  { json }: { json: boolean },
): Promise<CommandResult> {
  const from = canonicalAddress(source);
  if (from === null) return refuse(`expected an address such as 10.0.1.5 as source, got "${source}"`);
  const family: Family = familyOf(from);
  const to = canonicalAddress(destination ?? farHost[family]);
  if (to === null) return refuse(`expected an address such as 192.0.2.1 as destination, got "${destination}"`);
  if (familyOf(to) !== family) return refuse(`expected both addresses of one family, got ${from} and ${to}`);
  const inspection = await inspectHost(config);
  const client = new RtnetlinkClient();
  try {
    const { packet, answer } = await ask(client, inspection.kernel, { source: from, destination: to, family });
    const explanation = explainPacket({ ...inspection, packet, answer });
    const stdout = json
      ? `${JSON.stringify(buildExplanation(explanation), null, 2)}\n`
      : renderExplanation(explanation);
    return { stdout, stderr: renderWarnings(inspection), exitCode: explanation.isRight ? 0 : 2 };
  } finally {
    client.close();
  }
}

interface Question {
  readonly source: string;
  readonly destination: string;
  readonly family: Family;
}

/**
 * A source that this host holds is asked about as sent by it; any other one as forwarded, coming in by the link that
 * leads to it: the kernel refuses to send from an address that it does not have (ip_route_output_key).
 */
async function ask(
  client: RtnetlinkClient,
  kernel: KernelState,
  { source, destination, family }: Question,
): Promise<{ packet: Packet; answer: KernelAnswer }> {
  const userId = process.getuid?.() ?? 0;
  const isOwn = kernel.addresses.some(({ address }) => address === source);
  const back = isOwn ? null : await client.getRoute({ family, destination: source }).catch(() => null);
  const inputLink = back === null || back.type !== unicast ? undefined : nameOf(kernel, back.linkIndex);
  const packet = { source, destination, inputLink: inputLink?.name ?? null, userId };
  try {
    const inward = inputLink === undefined ? {} : { inputLinkIndex: inputLink.index };
    return {
      packet,
      answer: { kind: 'route', route: await client.getRoute({ family, destination, source, ...inward }) },
    };
  } catch (error) {
    if (!(error instanceof RtnetlinkError)) throw error;
    return { packet, answer: { kind: 'refused', reason: describeRefusal(error, inputLink?.name) } };
  }
}

/** RTN_UNICAST (linux/rtnetlink.h). A `local` way back means that the host answers for the address by a prefix route. */
const unicast = 1;

function nameOf(kernel: KernelState, linkIndex: number | null) {
  return kernel.links.find(({ index }) => index === linkIndex);
}

function describeRefusal({ errno, text }: RtnetlinkError, inputLink: string | undefined): string {
  const said = text === null ? errno : `${errno} (${text})`;
  if (errno === 'ENETUNREACH') return `${said}, no route to the destination`;
  if (errno === 'EINVAL' && inputLink === undefined) return `${said}, this host does not have the source address`;
  // Martian source: the reverse path filter, or forwarding is off (EHOSTUNREACH).
  if (errno === 'EXDEV') return `${said}, the reverse path filter of ${inputLink} refuses it`;
  if (errno === 'EHOSTUNREACH') return `${said}, forwarding is off or the destination is not reachable`;
  return said;
}

function refuse(message: string): CommandResult {
  return { stdout: '', stderr: `enid: ${message}\n`, exitCode: 1 };
}
