/** What another program may delete of enid's, and how its return shows in the kernel's events. */

import * as z from 'zod';
import type { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import type { Address, Link, Route, RtnetlinkEvent, Rule } from '../../lib/rtnetlink/types.ts';

export const driftKinds = ['rule', 'route', 'address', 'altname'] as const;
export type DriftKind = (typeof driftKinds)[number];

/** `perObject`: how often each object is deleted at most; `most`: deletions in all. */
export const driftRequest = z.strictObject({
  kind: z.enum(driftKinds),
  perObject: z.number().int(),
  most: z.number().int(),
});
export type DriftRequest = z.infer<typeof driftRequest>;

export interface Target {
  readonly what: string;
  readonly remove: () => Promise<void>;
  readonly isBack: (event: RtnetlinkEvent) => boolean;
}

/** Of the rules that enid makes: 10000 + 100 · card + device, and the same plus 5000 and 10000. */
const isOwnPriority = (priority: number) => priority >= 10_000 && priority < 32_000;
export const isEniTable = (table: number) => table >= 10_000 && table < 20_000;

export async function listTargets(client: RtnetlinkClient, kind: DriftKind): Promise<Target[]> {
  switch (kind) {
    case 'rule':
      return (await client.dumpRules(4))
        .filter(({ priority }) => isOwnPriority(priority))
        .map((rule) => targetRule(client, rule));
    case 'route':
      return (await client.dumpRoutes(4, { filter: (_family, table) => isEniTable(table) })).map((route) =>
        targetRoute(client, route),
      );
    case 'address':
      // Secondary ones: a lease's own is networkd's.
      return (await client.dumpAddresses(4))
        .filter(({ prefixLength }) => prefixLength === 32)
        .map((address) => targetAddress(client, address));
    case 'altname':
      return (await client.dumpLinks()).flatMap((link) => link.altNames.map((name) => targetName(client, link, name)));
  }
}

/**
 * Rules and routes come back with another mark: networkd's before the first deletion, enid's after
 * it.
 */
function targetRule(client: RtnetlinkClient, rule: Rule): Target {
  let present = rule;
  return {
    what: `rule ${rule.priority}`,
    remove: () => client.deleteRule(present),
    isBack: (event) => {
      if (event.kind !== 'rule' || event.change !== 'new') return false;
      if (event.rule.priority !== rule.priority || event.rule.source !== rule.source) return false;
      present = event.rule;
      return true;
    },
  };
}

function targetRoute(client: RtnetlinkClient, route: Route): Target {
  let present = route;
  return {
    what: `route ${route.destination} table ${route.table}`,
    remove: () => client.deleteRoute(present),
    isBack: (event) => {
      if (event.kind !== 'route' || event.change !== 'new') return false;
      if (event.route.table !== route.table || event.route.destination !== route.destination) return false;
      present = event.route;
      return true;
    },
  };
}

function targetAddress(client: RtnetlinkClient, address: Address): Target {
  return {
    what: `address ${address.address}`,
    remove: () => client.deleteAddress(address),
    isBack: (event) => event.kind === 'address' && event.change === 'new' && event.address.address === address.address,
  };
}

function targetName(client: RtnetlinkClient, link: Link, name: string): Target {
  return {
    what: `alternative name ${name}`,
    remove: () => client.deleteAltName(link.index, name),
    isBack: (event) =>
      event.kind === 'link' &&
      event.change === 'new' &&
      event.link.index === link.index &&
      event.link.altNames.includes(name),
  };
}
