/** Does what it is told, in order, and says what came of each change. A failure never keeps the others back. */

import { KernelError } from '../errors.ts';
import type { Change } from '../model.ts';
import type { KernelChange } from './netlink.ts';

/** What carries changes out; each throws an Error that names the object and the cause. */
export interface Hands {
  changeKernel(change: KernelChange): Promise<void>;
  writeFile(name: string, text: string): Promise<void>;
  removeFile(name: string): Promise<void>;
  reloadNetworkd(): Promise<void>;
  setDns(linkIndex: number, isUsed: boolean): Promise<void>;
}

export interface Outcome {
  readonly change: Change;
  /** Null: done, or already so. */
  readonly error: Error | null;
  /** The link it was about has gone meanwhile: neither a success nor a failure. */
  readonly isMoot: boolean;
}

/** Changes of one kind are independent of each other and go out together; kinds follow each other in the given order. */
export async function applyChanges(changes: readonly Change[], hands: Hands): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const batch of splitByKind(changes)) {
    outcomes.push(...(await applyBatch(batch, hands)));
  }
  return outcomes;
}

function splitByKind(changes: readonly Change[]): Change[][] {
  const batches: Change[][] = [];
  for (const change of changes) {
    const last = batches.at(-1);
    if (last?.[0]?.kind === change.kind) last.push(change);
    else batches.push([change]);
  }
  return batches;
}

async function applyBatch(batch: readonly Change[], hands: Hands): Promise<Outcome[]> {
  // One reload serves every link whose files are new.
  const reload = batch[0]?.kind === 'reload' ? attempt(() => hands.reloadNetworkd()) : null;
  return Promise.all(
    batch.map(async (change) => {
      const error = await (reload ?? attempt(() => applyOne(change, hands)));
      const isMoot = error instanceof KernelError && error.code === 'ENODEV';
      return { change, error: isMoot ? null : error, isMoot };
    }),
  );
}

async function attempt(act: () => Promise<void>): Promise<Error | null> {
  try {
    await act();
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function applyOne(change: Change, hands: Hands): Promise<void> {
  switch (change.kind) {
    case 'write-file':
      return hands.writeFile(change.file.name, change.file.text);
    case 'remove-file':
      return hands.removeFile(change.name);
    case 'reload':
      return hands.reloadNetworkd();
    case 'set-dns':
      return hands.setDns(change.linkIndex, change.isUsed);
    default:
      return hands.changeKernel(change);
  }
}
