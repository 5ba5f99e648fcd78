/**
 * An ENI in a VRF (`vrf:` in the configuration): a routing space of its own. What comes in by the ENI, and what a program sends
 * that is bound to the VRF, is looked up in the VRF's table alone (the kernel's l3mdev rule), so that no rule of ours is needed:
 * lease and router advertisement have their routes there. Pure.
 */

import type { InterfacePolicy } from '../../config/types.ts';
import type { Link } from '../../model.ts';
import { rememberEach } from '../base/memo.ts';
import type { Override } from './override.ts';

/** The policy with what follows from its VRF. The table of a VRF that is there counts: it cannot be changed. */
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

/** Why the ENI cannot be in the VRF that its policy names; null: it can, or needs none. What stands is left standing. */
export function findVrfObstacle(
  { vrf, manage }: InterfacePolicy,
  links: readonly Link[],
  isPrimary: boolean,
): Override | null {
  if (vrf === null || manage === 'none') return null;
  const refuse = (reason: string): Override => ({ state: { kind: 'degraded', reason }, isUnknown: true });
  if (isPrimary)
    return refuse(`the primary ENI is not put into VRF ${vrf}: the host would lose its way out by it. Remove \`vrf:\``);
  const isTaken = links.some(({ name, kind }) => name === vrf && kind !== 'vrf');
  return isTaken ? refuse(`link ${vrf} is no VRF: expected one, or no link of this name. Change \`vrf:\``) : null;
}

export function findVrf(name: string, links: readonly Link[]): Link | undefined {
  return links.find((link) => link.name === name && link.kind === 'vrf');
}

/** Whether the link is where its policy wants it: in its VRF, or in none. */
export function isInPlace(link: Link, policy: InterfacePolicy, links: readonly Link[]): boolean {
  const wanted = policy.vrf === null ? null : findVrf(policy.vrf, links)?.index;
  return link.masterIndex === wanted;
}
