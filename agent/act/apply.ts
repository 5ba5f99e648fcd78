/**
 * Does what it is told, in order, and says what came of each change. A failure never keeps the
 * others back.
 */

import { familyOf } from '../../lib/ip/address.ts';
import { KernelError } from '../errors.ts';
import type { Change } from '../model.ts';
import type { KernelChange } from './netlink.ts';
import type { Removal, Removals } from './removals.ts';

/**
 * What carries changes out; each rejects with an Error that names the object and the cause. False:
 * there was nothing to do, for all is so already.
 */
export interface Actuators {
  changeKernel(change: Exclude<KernelChange, Removal>): Promise<boolean>;
  /** For removals of one kind that follow upon each other. */
  beginRemovals(): Pick<Removals, 'remove'>;
  writeFile(name: string, text: string): Promise<boolean>;
  removeFile(name: string): Promise<boolean>;
  reloadNetworkd(): Promise<void>;
  setDns(linkIndex: number, isUsed: boolean): Promise<void>;
}

export interface Outcome {
  readonly change: Change;
  /** Null: done, or nothing was to be done. */
  readonly error: Error | null;
  /**
   * All is so already, or the link it was about has gone or lost IPv6: nothing was done, and
   * nothing has failed.
   */
  readonly isMoot: boolean;
}

/**
 * Changes of one kind are independent of each other and go out together, but for rules and routes
 * that go; kinds follow each other in the given order.
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
    // What the kernel deletes depends on what it has: the next one goes when this one is gone.
    if (isRemoval) await result;
  }
  return Promise.all(outcomes);
}

/** What came of it: whether anything was done, or why not. */
type Result = boolean | Error;

function toOutcome(change: Change, result: Result): Outcome {
  const isMoot =
    result === false || (result instanceof KernelError && (result.code === 'ENODEV' || isIpv6Off(change, result)));
  return { change, error: result instanceof Error && !isMoot ? result : null, isMoot };
}

/**
 * The kernel refuses IPv6 on a link that has `disable_ipv6` (addrconf_add_dev, ip6_validate_gw):
 * its next record tells.
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
    default:
      return actuators.changeKernel(change);
  }
}
