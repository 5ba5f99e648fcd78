/**
 * When a change that was made before may be made again: at once, unless another program keeps
 * undoing it. Pure.
 */

import type { Change } from '../../model.ts';
import {
  identifyAddress,
  identifyAltName,
  identifyDnsOff,
  identifyGroup,
  identifyMaster,
  identifyMtu,
  identifyRoute,
  identifyRule,
  identifySetting,
} from '../base/identity.ts';

/** What is remembered of one object's repairs. Times are in ms on a monotonic clock. */
export interface Attempts {
  readonly count: number;
  /** The last one was refused: such attempts do not indicate a fight. */
  readonly isRefused: boolean;
  readonly lastMs: number;
  readonly blockedUntilMs: number;
}

/** After this long without a repair, an object's count starts again. */
const peaceMs = 30_000;
/**
 * This many repairs in a row are made at once; a flush or a restart of another program stays below
 * it.
 */
const freeAttempts = 20;
const firstDelayMs = 250;
const longestDelayMs = 60_000;

/** The next state after a change was made. `isFight`: from the back-off on. */
export function recordAttempt(previous: Attempts | undefined, nowMs: number): { next: Attempts; isFight: boolean } {
  const isFresh =
    previous === undefined ||
    previous.isRefused ||
    nowMs - Math.max(previous.lastMs, previous.blockedUntilMs) > peaceMs;
  const count = isFresh ? 1 : previous.count + 1;
  const exponent = count - freeAttempts;
  const delayMs = exponent <= 0 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** (exponent - 1));
  return { next: { count, isRefused: false, lastMs: nowMs, blockedUntilMs: nowMs + delayMs }, isFight: exponent >= 1 };
}

/** A refused change is not retried at once: nothing has changed that would make it succeed. */
export function recordFailure(previous: Attempts | undefined, nowMs: number): Attempts {
  const isFresh = previous === undefined || !previous.isRefused || nowMs - previous.lastMs > longestDelayMs * 2;
  const count = isFresh ? 1 : previous.count + 1;
  const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(count - 1, 10));
  return { count, isRefused: true, lastMs: nowMs, blockedUntilMs: nowMs + delayMs };
}

/** The object of a change, with the direction: adding and removing it are counted separately. */
export function identifyChange(change: Change): string {
  switch (change.kind) {
    case 'write-file':
      return `write ${change.file.name}`;
    case 'remove-file':
      return `remove ${change.name}`;
    case 'reload':
      return `reload ${change.linkName}`;
    case 'add-alt-name':
    case 'remove-alt-name':
      return `${change.kind} ${identifyAltName(change.linkIndex, change.altName)}`;
    case 'set-link-setting':
      return `${change.kind} ${identifySetting(change.linkIndex, change.setting)}`;
    case 'add-address':
    case 'move-address':
    case 'remove-address':
      return `${change.kind} ${identifyAddress(change.address)}`;
    case 'set-address-metric':
      return `${change.kind} ${identifyAddress(change)}`;
    case 'set-link-group':
      return `${change.kind} ${identifyGroup(change.linkIndex, change.group)}`;
    case 'set-dns':
      return `${change.kind} ${change.isUsed} ${identifyDnsOff(change.linkIndex)}`;
    case 'set-mtu':
      return `${change.kind} ${identifyMtu(change.linkIndex, change.mtu)}`;
    case 'set-master':
      return `${change.kind} ${identifyMaster(change.linkIndex, change.vrf)}`;
    case 'add-route':
    case 'remove-route':
      return `${change.kind} ${identifyRoute(change.route)}`;
    case 'set-route-mtu':
      return `${change.kind} ${change.mtu} ${identifyRoute(change.route)}`;
    case 'add-rule':
    case 'remove-rule':
      return `${change.kind} ${identifyRule(change.rule)}`;
    case 'set-replies':
    case 'remove-replies':
      return change.kind;
  }
}
