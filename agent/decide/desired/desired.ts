/**
 * The desired state, one step after the other: match and policy → what ENIs have in common → each
 * one's routes → the host as a whole → each one's objects and files. Pure.
 */

import { isDefaultRoute } from '../../../lib/ip/default-route.ts';
import type { Desired, EniReport } from '../../model.ts';
import { isMadeByNetworkd } from '../base/kernel-numbers.ts';
import { decideEni } from './desired-eni.ts';
import { yieldDuplicates } from './duplicates.ts';
import { type Routed, routeEach } from './eni-routes.ts';
import { listForeignRoutes, type MainTable, readMainTable } from './main-table.ts';
import { findMetadata, type MatchedEnis, matchEnis } from './match-enis.ts';
import { findCollisions, type Matched } from './matched.ts';
import { computeProvisional, tellProvisional } from './provisional.ts';
import { computeReplyTable, numberReplies } from './reply-table.ts';
import { describeHost, type Host, isRouted, listPeers } from './situation.ts';
import type { World } from './world.ts';

/**
 * The whole desired state and how each ENI stands. The order of the input lists does not matter.
 */
export function computeDesired(world: World): Desired {
  const { present, aside, known } = matchEnis(world);
  const matched = findCollisions(yieldDuplicates(present));
  const routed = routeEach(world, matched);
  const host = describeAll(world, { known, matched, routed });
  const decided = routed.map((one) => decideEni(world, one, host));
  const unknown = [
    ...aside.filter(({ isUnknown }) => isUnknown).map(({ report }) => report.mac),
    ...decided.filter(({ desired }) => desired === null).map(({ report }) => report.mac),
  ];
  const provisional = computeProvisional(world);
  return {
    enis: decided.flatMap(({ desired }) => (desired === null ? [] : [desired])),
    reports: [...aside, ...decided]
      .map(({ report }) => tellProvisional(report, provisional))
      .sort((left, right) => (placeOf(left) < placeOf(right) ? -1 : 1)),
    unknownMacs: unknown.sort(),
    provisional,
    ...(world.snapshot === null ? {} : { replies: computeReplyTable(decided.flatMap(({ reply }) => reply ?? [])) }),
  };
}

interface Decided extends Pick<MatchedEnis, 'known'> {
  readonly matched: readonly Matched[];
  readonly routed: readonly Routed[];
}

/**
 * What an ENI's rules and table depend on besides itself. An ENI that has lost its table to another
 * one is not changed: its group and its routes must not be relied on.
 */
function describeAll(world: World, { known, matched, routed }: Decided): Host {
  const { kernel, foreignGroups } = world;
  const settled = matched.filter(({ collision }) => collision === null);
  const main = computeMainTable(
    kernel.routes,
    routed.filter(({ one }) => one.collision === null),
  );
  const metadata = (mac: string) => {
    // As it stands here: one in a network on the premises has not the subnet that the metadata
    // lists.
    const one = matched.find(({ eni }) => eni.mac === mac);
    if (one !== undefined) return one.eni;
    const reading = findMetadata(world, mac);
    return reading.kind === 'unknown' ? null : reading.eni;
  };
  const peers = listPeers({ candidates: known, matched: settled, links: kernel.links, metadata, foreignGroups });
  const links = [...known.values()].flat();
  const enis = links.flatMap(({ link, mac }) => {
    const eni = metadata(mac);
    return eni === null ? [] : [[link.index, eni] as const];
  });
  const eniLinks = new Set(links.map(({ link }) => link.index));
  const replyNumbers = numberReplies(settled.filter(isMarked).map(({ eni }) => eni));
  return describeHost({
    replyNumbers,
    peers,
    eniLinks,
    addresses: kernel.addresses,
    main,
    matched,
    enis: new Map(enis),
  });
}

/** Its packets are selected by rules; those of a VRF are by the VRF. */
function isMarked(one: Matched): boolean {
  return isRouted(one) && one.policy.vrf === null;
}

/** Without the default routes by ENIs that should have none, which diff/leases.ts removes. */
function computeMainTable(routes: World['kernel']['routes'], routed: readonly Routed[]): MainTable {
  const leaving = new Set(
    routed.flatMap(({ one: { policy, candidate }, isTakenUp }) =>
      policy.manage === 'full' && !policy.defaultRoute && isTakenUp ? [candidate.link.index] : [],
    ),
  );
  const staying = listForeignRoutes(routes).filter(
    (route) => !(leaving.has(route.linkIndex ?? 0) && isMadeByNetworkd(route) && isDefaultRoute(route)),
  );
  return readMainTable(
    staying,
    routed.flatMap(({ mainRoutes, operator }) => [...mainRoutes, ...operator.routes]),
  );
}

/** Sort key: by card and device; links that are not in the metadata come last. */
function placeOf({ mac, eni, linkName }: EniReport): string {
  if (eni === null) return `unknown ${linkName ?? ''} ${mac}`;
  return `${String(eni.networkCard).padStart(4, '0')} ${String(eni.deviceNumber).padStart(4, '0')} ${mac}`;
}
