/**
 * The state of an ENI that `status`, `explain` and `doctor` show: the state of its desired
 * configuration, and whether the kernel matches it. Pure.
 */

import { countOf } from '../../../lib/text/count.ts';
import type { Change, EniReport, EniState } from '../../model.ts';
import type { Conflict } from '../diff/ownership.ts';

/** What differs between the host and the desired state, for all ENIs. */
export interface Remaining {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/**
 * An ENI that would be configured but has changes pending or conflicts is degraded: `enid plan`
 * lists both.
 */
export function computeStanding({ mac, state }: Pick<EniReport, 'mac' | 'state'>, remaining: Remaining): EniState {
  if (state.kind !== 'configured') return state;
  const pending = remaining.changes.filter((change) => change.mac === mac).length;
  const obstacles = remaining.conflicts.filter((conflict) => conflict.mac === mac).map(({ reason }) => reason);
  const reasons = [...obstacles, ...(pending === 0 ? [] : [describePending(pending)])];
  return reasons.length === 0 ? state : { kind: 'degraded', reason: reasons.join('; ') };
}

export function describePending(count: number): string {
  return `${countOf(count, 'change')} pending`;
}
