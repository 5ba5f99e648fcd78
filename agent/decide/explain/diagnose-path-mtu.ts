/** Whether many destinations have a smaller path MTU than the link. Pure. */

import type { Desired, HostFacts } from '../../model.ts';
import { type Finding, find } from './finding.ts';

/** Each was learnt by the loss of a packet; a few are usual on a host that reaches the internet. */
const many = 256;
/** What the internet takes: where the link takes no more, nothing inside is larger. */
const usualMtu = 1500;

interface Patient {
  readonly facts: Pick<HostFacts, 'pathMtuCount'>;
  readonly desired: Pick<Desired, 'enis'>;
}

/** Nothing where there are few, or where the ENIs have what is advised. */
export function checkPathMtus({ facts: { pathMtuCount = 0 }, desired }: Patient): Finding[] {
  const jumbo = desired.enis.filter(({ mtu, mtuOutside }) => (mtu ?? 0) > usualMtu && mtuOutside === null);
  if (pathMtuCount < many || jumbo.length === 0) return [];
  const names = jumbo.map(({ linkName }) => linkName).join(', ');
  const message = `${pathMtuCount} destinations have a smaller path MTU than ${names}: to each a packet was lost, and where "packet too big" is filtered connections hang`;
  return [find('path-mtu', 'warning', message, `mtuOutside: ${usualMtu} for ${names}`)];
}
