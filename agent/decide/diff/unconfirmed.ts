/**
 * What is not done by metadata that are only remembered: they may be older than what stands, where
 * the last ones could not be written to disk. What is missing is made; nothing is removed or put
 * back to an older text. Pure.
 */

import type { Change, Desired } from '../../model.ts';
import type { OwnFile } from '../desired/unit-directory.ts';

/** An ENI whose link is gone has nothing left that could work: what remains of it goes. */
export function holdUnconfirmed(
  changes: readonly Change[],
  desired: Pick<Desired, 'reports'>,
  files: readonly OwnFile[],
): readonly Change[] {
  const absent = new Set(desired.reports.flatMap(({ mac, linkIndex }) => (linkIndex === null ? [mac] : [])));
  const names = new Set(files.map(({ name }) => name));
  const isRewritten = (change: Change) => change.kind === 'write-file' && names.has(change.file.name);
  const rewritten = new Set(changes.filter(isRewritten).map(({ mac }) => mac));
  return changes.filter((change) => {
    if (absent.has(change.mac)) return true;
    // What is not sure to be undesired is in it no more (diff/reply-table.ts).
    if (change.kind === 'remove-replies') return true;
    if (change.kind === 'reload') return !rewritten.has(change.mac);
    return !change.kind.startsWith('remove-') && !isRewritten(change);
  });
}
