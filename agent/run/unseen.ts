/**
 * Changes that the kernel took and does not show as they were asked for: it keeps the object in
 * another form, or another program removes it at once. Made again and again they would be a fight
 * with the kernel, and so would removing what they became.
 */

import { identifyChange } from '../decide/diff/retry.ts';
import { KernelError } from '../errors.ts';
import type { Change } from '../model.ts';

export class UnseenBook {
  /** By the change that was not seen: what appeared in its place, and how often in a row. */
  readonly #entries = new Map<string, { count: number; readonly twins: Set<string> }>();

  /**
   * After a wait for their objects. `unseen`: what was made and is still to be made; `pending`:
   * what is to be changed now; `before`: what was at the start of the pass. The errors are by the
   * change, from the second time in a row on: once may be another program's flush.
   */
  note(unseen: readonly Change[], pending: readonly Change[], before: readonly Change[]): ReadonlyMap<string, Error> {
    // What was removed in this pass and is there again is as new as what was not there before.
    const made = new Set(unseen.map(identifyChange));
    const known = new Set(before.map(identifyChange).filter((key) => !made.has(key)));
    const appeared = pending.filter((change) => !known.has(identifyChange(change)));
    const twins = new Set<string>();
    const errors = new Map<string, Error>();
    for (const change of unseen) {
      const found = appeared.filter((one) => isTwin(change, one)).map(identifyChange);
      for (const key of found) twins.add(key);
      const key = identifyChange(change);
      const entry = this.#entries.get(key) ?? { count: 0, twins: new Set() };
      this.#entries.set(key, entry);
      entry.count++;
      for (const twin of found) entry.twins.add(twin);
      if (entry.count >= 2) errors.set(key, describe(key));
    }
    // It was removed: what came back is told of by what it comes from.
    for (const key of twins) {
      errors.delete(key);
      this.#entries.delete(key);
    }
    return errors;
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

/**
 * Whether the one may remove what the kernel made of the other: it keeps the place, whatever else
 * it alters.
 */
function isTwin(added: Change, removed: Change): boolean {
  if (added.kind === 'add-rule' && removed.kind === 'remove-rule')
    return added.rule.family === removed.rule.family && added.rule.table === removed.rule.table;
  if (added.kind === 'add-route' && removed.kind === 'remove-route') return added.route.table === removed.route.table;
  if (added.kind === 'add-address' && removed.kind === 'remove-address')
    return added.address.linkIndex === removed.address.linkIndex;
  return added.kind === 'add-alt-name' && removed.kind === 'remove-alt-name' && added.linkIndex === removed.linkIndex;
}

function describe(key: string): KernelError {
  const message = `the kernel takes ${key.replaceAll('-', ' ')} and does not show it so: it keeps it in another form, or another program removes it at once. What stands is left; see \`enid plan\``;
  return new KernelError('unseen', key, message);
}
