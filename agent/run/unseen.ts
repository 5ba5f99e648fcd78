/**
 * Changes that the kernel accepted and does not show as requested: it keeps the object in another
 * form, or another program removes it at once. Repeating the change, or removing what it became,
 * would be an endless fight with the kernel.
 */

import { identifyChange } from '../decide/diff/retry.ts';
import { KernelError } from '../errors.ts';
import type { Change } from '../model.ts';

export class UnseenBook {
  /**
   * By the change whose object was not seen: the objects that appeared instead, and how often in a
   * row.
   */
  readonly #entries = new Map<string, { count: number; readonly twins: Set<string> }>();

  /**
   * Call it after waiting for the objects. `unseen`: changes that were made and are still due;
   * `pending`: all changes due now; `before`: those due at the start of the pass. Returns errors by
   * change, from the second time in a row: a single time may be another program's flush.
   */
  note(unseen: readonly Change[], pending: readonly Change[], before: readonly Change[]): ReadonlyMap<string, Error> {
    // An object that was removed in this pass and is there again is as new as one that was not
    // there before.
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
    // The change was a removal of a twin: the change that the twin comes from reports it.
    for (const key of twins) {
      errors.delete(key);
      this.#entries.delete(key);
    }
    return errors;
  }

  /** A removal of what a change became, while that change is still due. */
  isHeld(change: Change): boolean {
    const key = identifyChange(change);
    return [...this.#entries.values()].some(({ count, twins }) => count >= 2 && twins.has(key));
  }

  /** Forgets changes that are no longer due. */
  keep(pending: readonly Change[]): void {
    if (this.#entries.size === 0) return;
    const keys = new Set(pending.map(identifyChange));
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key);
  }
}

/**
 * Whether `removed` may be what the kernel made of `added`: it has the same place, whatever else
 * differs.
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
