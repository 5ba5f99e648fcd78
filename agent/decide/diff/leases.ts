/**
 * Metrics of what networkd makes of a lease. systemd ≤ 256 forgets the metric of the connected
 * route when it restarts, and leaves the routes of the file before where it keeps the lease over a
 * reload (both measured on 252). Two ENIs in one subnet whose connected routes have the wrong order
 * send each other's traffic.
 */

import { defaultDestination, isDefaultRoute } from '../../../lib/ip/default-route.ts';
import {
  type Change,
  type Desired,
  type DesiredEni,
  type DesiredLease,
  type KernelState,
  type Ledger,
  type NetworkdState,
  ownProtocol,
  type Route,
} from '../../model.ts';
import { listOfLink } from '../base/by-link.ts';
import { identifyAddress, identifyRoute } from '../base/identity.ts';
import { isMadeByNetworkd, RTPROT_RA } from '../base/kernel-numbers.ts';
import { leaseMetric } from '../base/numbers.ts';
import { correctMtu } from './route-mtu.ts';

interface LeaseState extends Pick<KernelState, 'links' | 'addresses' | 'routes'> {
  readonly desired: Desired;
  readonly networkd: NetworkdState;
  readonly ledger: Ledger;
  /** MACs of links that networkd was just told to configure. */
  readonly settling: ReadonlySet<string>;
  /** As `Actual.unreloaded`. */
  readonly unreloaded: ReadonlySet<string>;
}

const ipv4Width = 32;

export function diffLeases(state: LeaseState): Change[] {
  const { desired, networkd, settling, unreloaded } = state;
  return desired.enis.flatMap((eni) => {
    if (eni.lease === null) return [];
    // Before a reload that is due, after which networkd adds the same route with the new MTU.
    const mtus = isFileInForce(eni, networkd) ? diffMtus(eni, eni.lease, state) : [];
    if (settling.has(eni.mac)) return mtus;
    const lost = restoreAddress(eni, eni.lease, state);
    if (lost.length > 0) return lost;
    if (!isFileInForce(eni, networkd)) {
      // It has the lease by another file (80-ec2.network): all ENIs then have one metric, and which
      // leads is chance.
      const isByItself = unreloaded.has(eni.mac) || networkd.kind === 'absent';
      return isByItself ? diffMetric(eni, eni.lease, state) : [];
    }
    return [
      ...diffMetric(eni, eni.lease, state),
      ...diffLeftovers(eni, eni.lease, state),
      ...mtus,
      ...diffPaths(eni, eni.lease, state),
    ];
  });
}

/**
 * The leased address was there and is gone: networkd does not restore what another program removes
 * (measured on 252 and 257), and a lost lease may never come back. EC2 assigned the address to the
 * ENI, with or without a lease: it is added again at once, and networkd's next renewal takes it
 * over.
 */
function restoreAddress({ mac, linkName, linkIndex }: DesiredEni, lease: DesiredLease, state: LeaseState): Change[] {
  const { address, prefixLength, metric } = lease;
  if (address === null || prefixLength === null) return [];
  const isUp = state.links.some(({ index, isUp }) => index === linkIndex && isUp);
  const isThere = listOfLink(state.addresses, linkIndex).some((have) => have.address === address);
  if (isThere || !isUp || !(identifyAddress({ linkIndex, address }) in state.ledger)) return [];
  const wanted = { linkIndex, address, prefixLength, metric };
  return [{ mac, linkName, reason: 'the leased address is gone', kind: 'add-address', address: wanted }];
}

/** Whether networkd has configured the link from the ENI's file. */
export function isFileInForce(eni: DesiredEni, networkd: NetworkdState): boolean {
  const [file] = eni.networkFiles;
  const link = networkd.links.find(({ linkIndex }) => linkIndex === eni.linkIndex);
  return (
    file !== undefined && link?.setupState === 'configured' && link.networkFile?.endsWith(`/${file.name}`) === true
  );
}

function diffMetric(eni: DesiredEni, lease: DesiredLease, { addresses }: LeaseState): Change[] {
  const { mac, linkName, linkIndex } = eni;
  return listOfLink(addresses, linkIndex)
    .filter((have) => have.address === lease.address && have.prefixLength < ipv4Width && have.metric !== lease.metric)
    .map(({ address, prefixLength, metric: before }) => {
      const reason = `the connected route has metric ${before}`;
      return {
        mac,
        linkName,
        reason,
        kind: 'set-address-metric',
        linkIndex,
        address,
        prefixLength,
        metric: lease.metric,
      };
    });
}

/**
 * Routes with another metric than in the file in force if the right one exists, default routes that
 * it does not want, and those in a table that is no longer the ENI's.
 */
function diffLeftovers(eni: DesiredEni, lease: DesiredLease, { routes, ledger }: LeaseState): Change[] {
  const { mac, linkName, linkIndex } = eni;
  const made = listOfLink(routes, linkIndex).filter((route) => isMadeByNetworkd(route) && !route.isComplex);
  const leased = made.filter(({ table }) => table === lease.table);
  const elsewhere = made.filter(
    (route) => ![lease.table, eni.tableId].includes(route.table) && identifyRoute(route) in ledger,
  );
  const metricOf = ({ family }: Route) => leaseMetric(lease.metric, family === 6 || lease.address !== null);
  const isReplaced = (old: Route) =>
    leased.some(
      (route) =>
        route.metric === metricOf(route) &&
        route.protocol === old.protocol &&
        route.destination === old.destination &&
        route.gateway === old.gateway,
    );
  const isUnwanted = (old: Route) => isDefaultRoute(old) && !lease.hasDefaultRoute;
  return leased
    .filter((route) => isUnwanted(route) || (route.metric !== metricOf(route) && isReplaced(route)))
    .concat(elsewhere)
    .map((route) => ({ mac, linkName, reason: 'left over from the previous file', kind: 'remove-route', route }));
}

/** Of the default routes that networkd makes. */
function diffMtus(eni: DesiredEni, lease: DesiredLease, { routes, ledger }: LeaseState): Change[] {
  return listOfLink(routes, eni.linkIndex)
    .filter((route) => isMadeByNetworkd(route) && isDefaultRoute(route) && route.table === lease.table)
    .flatMap((route) => correctMtu(eni, route, lease.mtu, ledger));
}

/**
 * In default routes with several routers, the paths by those that are gone. The kernel treats each
 * path as a route of its own.
 */
function diffPaths(eni: DesiredEni, lease: DesiredLease, { routes }: LeaseState): Change[] {
  const { mac, linkName, linkIndex, leavingRouters = [] } = eni;
  if (leavingRouters.length === 0) return [];
  const several = listOfLink(routes, null).filter(
    ({ destination, protocol, table }) =>
      destination === defaultDestination[6] &&
      (protocol === RTPROT_RA || protocol === ownProtocol) &&
      (table === lease.table || table === eni.tableId),
  );
  return several.flatMap(({ paths = [], ...route }) =>
    paths
      .filter((path) => path.linkIndex === linkIndex && leavingRouters.includes(path.gateway ?? ''))
      .map(({ gateway }): Change => {
        // The kernel reports the protocol of the first path only; 0 matches any.
        const path = { ...route, gateway, linkIndex, protocol: 0, isComplex: false };
        return { mac, linkName, reason: 'another router has taken its place', kind: 'remove-route', route: path };
      }),
  );
}
