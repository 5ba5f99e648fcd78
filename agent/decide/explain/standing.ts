/**
 * The one state of an ENI that `status`, `explain` and `doctor` show: what is desired, and whether
 * the host has it. Pure.
 */

import type { Change, EniReport, EniState } from '../../model.ts';
import type { Conflict } from '../diff/ownership.ts';

/** What separates the host from the desired state, of all ENIs. */
export interface Remaining {
  readonly changes: readonly Change[];
  readonly conflicts: readonly Conflict[];
}

/** An ENI that is configured but for changes or conflicts is degraded: `enid plan` lists both. */
export function computeStanding({ mac, state }: Pick<EniReport, 'mac' | 'state'>, remaining: Remaining): EniState {
  if (state.kind !== 'configured') return state;
  const pending = remaining.changes.filter((change) => change.mac === mac).length;
  const obstacles = remaining.conflicts.filter((conflict) => conflict.mac === mac).map(({ reason }) => reason);
  const reasons = [...obstacles, ...(pending === 0 ? [] : [describePending(pending)])];
  return reasons.length === 0 ? state : { kind: 'degraded', reason: reasons.join('; ') };
}

export function describePending(count: number): string {
  return `${count} ${count === 1 ? 'change' : 'changes'} pending`;
}
