/** One question to the kernel (RTM_GETROUTE), and a refusal in words. */

import { familyOf } from '../../lib/ip/address.ts';
import type { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import { missingFamily, RtnetlinkError } from '../../lib/rtnetlink/errors.ts';
import type { RouteLookup } from '../../lib/rtnetlink/route.ts';
import type { KernelAnswer } from '../decide/explain/explain.ts';
import type { Packet } from '../decide/explain/walk.ts';
import type { KernelState, Route } from '../model.ts';

type RouteQuestion = Packet & { readonly vrf: string | null };

/**
 * `vrf`: the sender is bound to it, since only such senders use its addresses. Throws errors that
 * are no answer of the kernel.
 */
export async function askRoute(
  client: RtnetlinkClient,
  kernel: Pick<KernelState, 'links'>,
  question: RouteQuestion,
): Promise<KernelAnswer> {
  return await askLookup(client, makeLookup(kernel, question), question.inputLink);
}

/** The same for any packet. */
export async function askLookup(
  client: RtnetlinkClient,
  lookup: RouteLookup,
  inputLink: string | null = null,
): Promise<KernelAnswer> {
  try {
    return { kind: 'route', route: await client.getRoute(lookup) };
  } catch (error) {
    if (!(error instanceof RtnetlinkError)) throw error;
    return { kind: 'refused', errno: error.errno, reason: describeRefusal(error, inputLink) };
  }
}

/**
 * The routes that the packet meets, and those that its destination alone meets: a mirror of an
 * ENI's routes may lack them. A refusal is not an error here.
 */
export async function askRoutesItself(
  client: RtnetlinkClient,
  kernel: Pick<KernelState, 'links'>,
  question: RouteQuestion,
): Promise<Route[]> {
  const { family, destination, ...lookup } = makeLookup(kernel, question);
  const ask = (rest: Partial<RouteLookup>) =>
    client.getRoute({ family, destination, ...rest, isForRoute: true }).catch((error: unknown) => {
      if (error instanceof RtnetlinkError) return null;
      throw error;
    });
  const routes = await Promise.all([ask(lookup), ask({})]);
  return routes.flatMap((route) => route ?? []);
}

function makeLookup(
  kernel: Pick<KernelState, 'links'>,
  { source, destination, inputLink, userId, vrf }: RouteQuestion,
): RouteLookup {
  const indexOf = (name: string) => kernel.links.find((link) => link.name === name)?.index;
  const inputLinkIndex = inputLink === null ? undefined : indexOf(inputLink);
  const outputLinkIndex = vrf === null ? undefined : indexOf(vrf);
  return {
    ...{ family: familyOf(source), source, destination, userId },
    ...(inputLinkIndex === undefined ? {} : { inputLinkIndex }),
    ...(outputLinkIndex === undefined ? {} : { outputLinkIndex }),
  };
}

function describeRefusal({ errno, text }: RtnetlinkError, inputLink: string | null): string {
  const said = text === null ? errno : `${errno} (${text})`;
  if (errno === 'ENETUNREACH') return `${said}, no route to the destination`;
  if (missingFamily.has(errno)) return `${said}, this kernel has no IPv6`;
  if (errno === 'EINVAL' && inputLink === null) return `${said}, this host does not have the source address`;
  // Martian source: the reverse path filter, or forwarding is off (EHOSTUNREACH).
  if (errno === 'EXDEV') return `${said}, the reverse path filter of ${inputLink} refuses it`;
  if (errno === 'EHOSTUNREACH') return `${said}, forwarding is off or the destination is not reachable`;
  return said;
}
