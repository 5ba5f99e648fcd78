/** Ways to the metadata service: an endpoint, and the local address to send from. Pure. */

import { isIPv4, isIPv6 } from 'node:net';

export interface ImdsRoute {
  /** Base URL. */
  readonly endpoint: string;
  /** Null: by the default route. */
  readonly localAddress: string | null;
}

/**
 * The ways in the order in which they are tried: the last good one, each endpoint by the default
 * route, then each endpoint from each local address of its family in turn (the default route may
 * lead elsewhere: amazon-ec2-net-utils issue 117).
 */
export function listRoutes(
  endpoints: readonly string[],
  localAddresses: readonly string[],
  lastGood: ImdsRoute | null,
): readonly ImdsRoute[] {
  const routes: ImdsRoute[] = endpoints.map((endpoint) => ({ endpoint, localAddress: null }));
  for (const localAddress of localAddresses) {
    for (const endpoint of endpoints)
      if (isReachableFrom(endpoint, localAddress)) routes.push({ endpoint, localAddress });
  }
  return lastGood === null ? routes : [lastGood, ...routes.filter((route) => !isSameRoute(route, lastGood))];
}

export function describeRoute({ endpoint, localAddress }: ImdsRoute): string {
  return localAddress === null ? endpoint : `${endpoint} from ${localAddress}`;
}

function isSameRoute(left: ImdsRoute, right: ImdsRoute): boolean {
  return left.endpoint === right.endpoint && left.localAddress === right.localAddress;
}

/** Without the ways that need IPv6. An endpoint that is a name may have either family. */
export function listIpv4Endpoints(endpoints: readonly string[]): readonly string[] {
  return endpoints.filter((endpoint) => !isIPv6(hostOf(endpoint)));
}

function hostOf(endpoint: string): string {
  return new URL(endpoint).hostname.replace(/^\[|\]$/g, '');
}

/** An endpoint that is a name may have either family. */
function isReachableFrom(endpoint: string, localAddress: string): boolean {
  const host = hostOf(endpoint);
  if (isIPv4(host)) return isIPv4(localAddress);
  return isIPv6(host) ? isIPv6(localAddress) : true;
}
