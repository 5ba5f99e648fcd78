/**
 * Applies changes in order and reports the outcome of each. One failure does not stop the others.
 */

import { familyOf } from '../../lib/ip/address.ts';
import { KernelError } from '../errors.ts';
import type { Change } from '../model.ts';
import type { KernelChange } from './netlink.ts';
import type { Removal, Removals } from './removals.ts';
import type { ReplyTableChange } from './reply-table.ts';

/**
 * What carries out the changes; each method rejects with an Error that names the object and the
 * cause. False: nothing had to be done.
 */
export interface Actuators {
  changeKernel(change: Exclude<KernelChange, Removal>): Promise<boolean>;
  /** For removals of one kind that follow each other. */
  beginRemovals(): Pick<Removals, 'remove'>;
  writeFile(name: string, text: string): Promise<boolean>;
  removeFile(name: string): Promise<boolean>;
  reloadNetworkd(): Promise<void>;
  setDns(linkIndex: number, isUsed: boolean): Promise<void>;
  changeReplies(change: ReplyTableChange): Promise<boolean>;
}

export interface Outcome {
  readonly change: Change;
  /** Null: it was done, or nothing had to be done. */
  readonly error: Error | null;
  /**
   * The object already was as desired, or its link is gone or has lost IPv6: nothing was done, and
   * nothing failed.
   */
  readonly isMoot: boolean;
}

/**
 * Changes of one kind are independent of each other and are sent together, except removals of rules
 * and routes; kinds follow each other in the given order.
 */
export async function applyChanges(changes: readonly Change[], actuators: Actuators): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const batch of splitByKind(changes)) {
    outcomes.push(...(await applyBatch(batch, actuators)));
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

async function applyBatch(batch: readonly Change[], actuators: Actuators): Promise<Outcome[]> {
  // One reload serves every link whose files are new.
  const [first] = batch;
  const reload = first?.kind === 'reload' ? attempt(() => applyOne(first, actuators)) : null;
  const removals = actuators.beginRemovals();
  const outcomes: Promise<Outcome>[] = [];
  for (const change of batch) {
    const isRemoval = change.kind === 'remove-rule' || change.kind === 'remove-route';
    const result = reload ?? attempt(() => (isRemoval ? removals.remove(change) : applyOne(change, actuators)));
    outcomes.push(result.then((done) => toOutcome(change, done)));
    // Which object the kernel deletes depends on what it has: one removal ends before the next
    // begins.
    if (isRemoval) await result;
  }
  return Promise.all(outcomes);
}

/** Whether anything was done, or why it failed. */
type Result = boolean | Error;

function toOutcome(change: Change, result: Result): Outcome {
  const isMoot =
    result === false || (result instanceof KernelError && (result.code === 'ENODEV' || isIpv6Off(change, result)));
  return { change, error: result instanceof Error && !isMoot ? result : null, isMoot };
}

/**
 * The kernel refuses IPv6 on a link that has `disable_ipv6` (addrconf_add_dev, ip6_validate_gw);
 * the next record of the link says so.
 */
function isIpv6Off(change: Change, { code }: KernelError): boolean {
  if (code !== 'EACCES') return false;
  if (change.kind === 'add-address') return familyOf(change.address.address) === 6;
  return change.kind === 'add-route' && familyOf(change.route.destination) === 6;
}

async function attempt(act: () => Promise<boolean>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function applyOne(change: Exclude<Change, Removal>, actuators: Actuators): Promise<boolean> {
  switch (change.kind) {
    case 'write-file':
      return actuators.writeFile(change.file.name, change.file.text);
    case 'remove-file':
      return actuators.removeFile(change.name);
    case 'reload':
      await actuators.reloadNetworkd();
      return true;
    case 'set-dns':
      await actuators.setDns(change.linkIndex, change.isUsed);
      return true;
    case 'set-replies':
    case 'remove-replies':
      return actuators.changeReplies(change);
    default:
      return actuators.changeKernel(change);
  }
}
