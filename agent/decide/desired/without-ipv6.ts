/**
 * What is left where the kernel has no IPv6 (`ipv6.disable=1`): nothing of that family is desired
 * or written. Pure.
 */

import { familyOf } from '../../../lib/ip/address.ts';
import type { Config, InterfacePolicy } from '../../config/types.ts';
import type { EniMetadata } from '../../model.ts';
import { rememberOf } from '../base/memo.ts';
import type { Declaration } from './declaration.ts';

/** The ENI as EC2 describes it, but for what only IPv6 can carry. */
export const withoutIpv6 = rememberOf(
  ({ vpcCidrs, ...eni }: EniMetadata): EniMetadata => ({
    ...{ ...eni, ipv6Addresses: [], ipv6Prefixes: [], subnetIpv6: [] },
    ...(vpcCidrs === undefined ? {} : { vpcCidrs: vpcCidrs.filter(isIpv4) }),
  }),
);

/** The operator's entries, but for their IPv6 sources, routes and destinations. */
export const configWithoutIpv6 = rememberOf(
  (config: Config): Config => ({
    ...config,
    interfaces: config.interfaces.map((entry) => ({ ...entry, policy: policyWithoutIpv6(entry.policy) })),
  }),
);

function policyWithoutIpv6(policy: Partial<InterfacePolicy>): Partial<InterfacePolicy> {
  const { sources, routes, select } = policy;
  return {
    ...policy,
    ...(sources === undefined ? {} : { sources: sources.filter(isIpv4) }),
    ...(routes === undefined ? {} : { routes: routes.filter(({ to }) => isIpv4(to)) }),
    ...(select === undefined ? {} : { select: select.filter(({ to }) => to === null || isIpv4(to)) }),
  };
}

/** A selector by user or mark alone stands for both families. */
export const declarationWithoutIpv6 = rememberOf(
  (declared: Declaration): Declaration => ({ ...declared, rules: declared.rules.filter(({ family }) => family === 4) }),
);

function isIpv4(cidr: string): boolean {
  return familyOf(cidr) === 4;
}
