/** Which links to put into their VRF. Pure. */

import type { Change, Desired, KernelState, NetworkdState } from '../../model.ts';
import { findVrf } from '../desired/vrf.ts';
import { isFileInForce } from './leases.ts';

interface VrfState extends Pick<KernelState, 'links'> {
  readonly desired: Desired;
  readonly networkd: NetworkdState;
  /** MACs of links that networkd was just told to configure. */
  readonly settling: ReadonlySet<string>;
}

/**
 * Links that have left their VRF, or that networkd did not put there because no .netdev file
 * declares it. The kernel takes the link down for a moment: nothing is lost that a move by networkd
 * would keep.
 */
export function diffVrfs({ desired, links, networkd, settling }: VrfState): Change[] {
  return desired.enis.flatMap((eni): Change[] => {
    const { mac, linkName, linkIndex, vrf } = eni;
    if (vrf === null || settling.has(mac) || !isFileInForce(eni, networkd)) return [];
    const master = findVrf(vrf, links);
    const isFree = links.some(({ index, masterIndex }) => index === linkIndex && masterIndex === null);
    if (master === undefined || !isFree) return [];
    return [{ mac, linkName, reason: 'missing', kind: 'set-master', linkIndex, masterIndex: master.index, vrf }];
  });
}
