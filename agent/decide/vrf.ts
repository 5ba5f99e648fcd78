/**
 * An ENI in a VRF (`vrf:` in the configuration): a routing space of its own. What comes in by the ENI, and what a program sends
 * that is bound to the VRF, is looked up in the VRF's table alone (the kernel's l3mdev rule), so that no rule of ours is needed:
 * lease and router advertisement have their routes there. Pure.
 */

import type { InterfacePolicy } from '../config/types.ts';
import type { Change, Desired, KernelState, Link, NetworkdState } from '../model.ts';
import { isFileInForce } from './diff-leases.ts';
import { rememberEach } from './memo.ts';
import type { Override } from './override.ts';

/** The policy with what follows from its VRF. The table of a VRF that is there counts: it cannot be changed. */
export function applyVrf(policy: InterfacePolicy, links: readonly Link[]): InterfacePolicy {
  if (policy.vrf === null) return policy;
  return applyEach(policy, findVrf(policy.vrf, links)?.vrfTable ?? policy.table);
}

const applyEach = rememberEach(
  (policy: InterfacePolicy, table: number | null): InterfacePolicy => ({ ...policy, rules: 'none', table }),
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

/**
 * Links that have left their VRF, or that networkd did not put there because no .netdev file declares it. The kernel takes the
 * link down for a moment: nothing of it is lost that networkd's own move would keep.
 */
export function diffVrfs(
  desired: Desired,
  links: KernelState['links'],
  networkd: NetworkdState,
  settling: ReadonlySet<string>,
): Change[] {
  return desired.enis.flatMap((eni): Change[] => {
    const { mac, linkName, linkIndex, vrf } = eni;
    if (vrf === null || settling.has(mac) || !isFileInForce(eni, networkd)) return [];
    const master = findVrf(vrf, links);
    const isFree = links.some(({ index, masterIndex }) => index === linkIndex && masterIndex === null);
    if (master === undefined || !isFree) return [];
    return [{ mac, linkName, reason: 'missing', kind: 'set-master', linkIndex, masterIndex: master.index, vrf }];
  });
}
