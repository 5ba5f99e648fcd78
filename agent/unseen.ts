/**
 * Changes that the kernel took and does not show as they were asked for: it keeps the object in
 * another form, or another program removes it at once. Made again and again they would be a fight
 * with the kernel, and so would removing what they became.
 */

import { identifyChange } from './decide/retry.ts';
import { KernelError } from './errors.ts';
import type { Change } from './model.ts';

export class UnseenBook {
  /** By the change that was not seen: what appeared in its place, and how often in a row. */
  readonly #entries = new Map<string, { count: number; readonly twins: Set<string> }>();

  /**
   * After a wait for its object. `pending`: what is to be changed now; `before`: what was at the
   * start of the pass. An error from the second time in a row on: once may be another program's flush.
   */
  note(change: Change, pending: readonly Change[], before: readonly Change[]): Error | null {
    const key = identifyChange(change);
    const entry = this.#entries.get(key) ?? { count: 0, twins: new Set() };
    this.#entries.set(key, entry);
    entry.count++;
    const known = new Set(before.map(identifyChange));
    for (const one of pending) {
      if (one.kind === change.kind.replace('add-', 'remove-') && !known.has(identifyChange(one))) {
        entry.twins.add(identifyChange(one));
      }
    }
    if (entry.count < 2) return null;
    const message = `the kernel takes ${key.replaceAll('-', ' ')} and does not show it so: it keeps it in another form, or another program removes it at once. What stands is left; see \`enid plan\``;
    return new KernelError('unseen', key, message);
  }

  /** A removal of what a change became, while that is still wanted. */
  isHeld(change: Change): boolean {
    const key = identifyChange(change);
    return [...this.#entries.values()].some(({ count, twins }) => count >= 2 && twins.has(key));
  }

  /** Forgets what is not to be changed any more: it is seen, or nobody wants it. */
  keep(pending: readonly Change[]): void {
    if (this.#entries.size === 0) return;
    const keys = new Set(pending.map(identifyChange));
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key);
  }
}
