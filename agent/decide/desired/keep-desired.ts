/**
 * Keeps the previous desired state where the new one is equal, so that what follows from it is not
 * computed again. Pure.
 */

import type { Desired, DesiredEni, EniReport } from '../../model.ts';
import { isSameList } from '../base/memo.ts';
import { nameReplyTable } from './reply-table.ts';

/** `last` itself where nothing differs, else `next` with as much of `last` as is the same. */
export function keepDesired(last: Desired | null, next: Desired): Desired {
  if (last === null) return next;
  const before = new Map(last.enis.map((eni) => [eni.mac, eni]));
  const enis = next.enis.map((eni) => {
    const old = before.get(eni.mac);
    return old !== undefined && isSameEni(old, eni) ? old : eni;
  });
  const isSame =
    isSameList(last.enis, enis) &&
    isSameList(last.unknownMacs, next.unknownMacs) &&
    isSameReplies(last.replies, next.replies) &&
    JSON.stringify(last.provisional) === JSON.stringify(next.provisional) &&
    last.reports.length === next.reports.length &&
    next.reports.every((report, index) => isSameReport(last.reports[index], report));
  return isSame ? last : { ...next, enis };
}

function isSameReplies(left: Desired['replies'], right: Desired['replies']): boolean {
  if (left === right) return true;
  return left !== undefined && left !== null && right !== undefined && right !== null
    ? nameReplyTable(left) === nameReplyTable(right)
    : false;
}

/** Unchanged large lists are the same objects; the rest is short. */
function isSameEni(left: DesiredEni, right: DesiredEni): boolean {
  const { addresses, rules, networkFiles, ...leftRest } = left;
  const { addresses: otherAddresses, rules: otherRules, networkFiles: otherFiles, ...rightRest } = right;
  return (
    addresses === otherAddresses &&
    rules === otherRules &&
    isSameList(networkFiles, otherFiles) &&
    JSON.stringify(leftRest) === JSON.stringify(rightRest)
  );
}

function isSameReport(left: EniReport | undefined, right: EniReport): boolean {
  if (left === undefined || left.eni !== right.eni) return false;
  return JSON.stringify({ ...left, eni: null }) === JSON.stringify({ ...right, eni: null });
}
