/**
 * Which routes can affect a decision. Routing daemons install hundreds of thousands; only a default
 * route can collide with enid's. Pure.
 */

import type { RouteInterest } from '../../lib/rtnetlink/route-interest.ts';
import type { Config } from '../config/types.ts';
import { RTPROT_KERNEL } from '../decide/base/kernel-numbers.ts';
import { defaultWidth, eniTables, localTable, mainTable } from '../decide/base/numbers.ts';
import { routingDaemonProtocols } from '../decide/desired/main-table.ts';

/**
 * What the kernel adds to the local table for each address (RTPROT_KERNEL): it follows from the
 * address.
 */
const kernelsOwn = { table: localTable, protocol: RTPROT_KERNEL };

/** `linkIndexes`: those of links that can be an ENI. */
export function findRouteInterest(config: Config, linkIndexes: readonly number[]): RouteInterest {
  return {
    // In the tables of ENIs also routes by other links: another program may have replaced one of
    // ours.
    tables: [eniTables, ...listTables(config).map((table) => ({ from: table, to: table + 1 }))],
    // Whether a default route of main uses an ENI or a VPN.
    widePlaces: [{ table: mainTable, prefixLength: defaultWidth[6] }],
    linkIndexes,
    ignoredProtocols: routingDaemonProtocols,
    ignoredPlaces: [kernelsOwn],
  };
}

/**
 * Tables that the operator chose for ENIs; main itself if an ENI has `rules: classic`, because its
 * table has copies of main's routes.
 */
function listTables({ interfaces }: Config): number[] {
  const tables = interfaces.flatMap(({ policy }) => policy.table ?? []);
  return interfaces.some(({ policy }) => policy.rules === 'classic') ? [...tables, mainTable] : tables;
}
