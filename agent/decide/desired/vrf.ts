/**
 * An ENI in a VRF (`vrf:` in the configuration): a separate routing domain. Packets that come in by
 * the ENI, and those that programs bound to the VRF send, are looked up in the VRF's table only
 * (the kernel's l3mdev rule), so that no rule of ours is needed: lease and router advertisement
 * have their routes there. Pure.
 */

import type { InterfacePolicy } from '../../config/types.ts';
import type { Link } from '../../model.ts';
import { rememberEach } from '../base/memo.ts';
import type { Override } from './override.ts';

/**
 * The policy with what follows from its VRF. The table of an existing VRF counts: it cannot be
 * changed.
 */
export function applyVrf(policy: InterfacePolicy, links: readonly Link[]): InterfacePolicy {
  if (policy.vrf === null) return policy;
  return applyEach(policy, { table: findVrf(policy.vrf, links)?.vrfTable ?? policy.table });
}

const applyEach = rememberEach(
  (policy: InterfacePolicy, { table }: Pick<InterfacePolicy, 'table'>): InterfacePolicy => ({
    ...policy,
    rules: 'none',
    table,
  }),
);

/**
 * Why the ENI cannot be in the VRF that its policy names; null: it can, or needs none. Its objects
 * are kept.
 */
export function findVrfObstacle(
  { vrf, manage }: InterfacePolicy,
  links: readonly Link[],
  isPrimary: boolean,
): Override | null {
  if (vrf === null || manage === 'none') return null;
  const refuse = (reason: string): Override => ({ state: { kind: 'degraded', reason }, isUnknown: true });
  if (isPrimary)
    return refuse(`the primary ENI is not put into VRF ${vrf}: the host would lose its default route. Remove \`vrf:\``);
  const isTaken = links.some(({ name, kind }) => name === vrf && kind !== 'vrf');
  return isTaken ? refuse(`link ${vrf} is not a VRF: expected one, or no link of this name. Change \`vrf:\``) : null;
}

export function findVrf(name: string, links: readonly Link[]): Link | undefined {
  return links.find((link) => link.name === name && link.kind === 'vrf');
}

/** Whether the link is in the VRF of its policy, or in none if it has none. */
export function isInPlace(link: Link, policy: InterfacePolicy, links: readonly Link[]): boolean {
  const wanted = policy.vrf === null ? null : findVrf(policy.vrf, links)?.index;
  return link.masterIndex === wanted;
}
