/**
 * The objects that changes are about, and what is desired of each: whether it became something
 * else. Pure.
 */

import type { Change, Desired, DesiredEni } from '../../model.ts';
import {
  identifyAddress,
  identifyAltName,
  identifyFile,
  identifyRoute,
  identifyRule,
  identifySetting,
} from '../base/identity.ts';
import { rememberOf } from '../base/memo.ts';
import { isDnsOff } from '../desired/link-settings.ts';
import { listLeasedDefaults } from '../desired/outside.ts';
import { nameReplyTable } from '../desired/reply-table.ts';

/** One that is not listed is not desired. */
type Objects = ReadonlyMap<string, string>;

/** The object, whichever way it is changed: adding and removing it are about the same one. */
export function objectOf(change: Change): string {
  switch (change.kind) {
    case 'write-file':
      return identifyFile(change.file.name);
    case 'remove-file':
      return identifyFile(change.name);
    case 'reload':
      return `reload ${change.linkName}`;
    case 'add-alt-name':
    case 'remove-alt-name':
      return identifyAltName(change.linkIndex, change.altName);
    case 'set-link-setting':
      return identifySetting(change.linkIndex, change.setting);
    case 'add-address':
    case 'move-address':
    case 'remove-address':
      return identifyAddress(change.address);
    case 'set-address-metric':
      return `metric of ${identifyAddress(change)}`;
    case 'set-link-group':
    case 'set-dns':
    case 'set-mtu':
    case 'set-master':
      return `${change.kind} ${change.linkIndex}`;
    case 'add-route':
    case 'remove-route':
      return identifyRoute(change.route);
    case 'set-route-mtu':
      return `mtu of ${identifyRoute(change.route)}`;
    case 'add-rule':
    case 'remove-rule':
      return identifyRule(change.rule);
    case 'set-replies':
    case 'remove-replies':
      return replies;
  }
}

const replies = 'table for replies';

/** Objects of which something else is desired now than before, or that are desired no more. */
export function listChangedObjects(before: Desired, desired: Desired): ReadonlySet<string> {
  const changed = new Set<string>();
  const unknown = new Set(desired.unknownMacs);
  const old = new Map(before.enis.map((eni) => [eni.mac, eni]));
  for (const eni of desired.enis) {
    addDifferences(changed, listObjectsOf(old.get(eni.mac)), listObjectsOf(eni));
    old.delete(eni.mac);
  }
  if (nameReplies(before) !== nameReplies(desired)) changed.add(replies);
  // What is desired for the others is not known for now; it may be the same again.
  for (const eni of old.values()) if (!unknown.has(eni.mac)) addDifferences(changed, listObjectsOf(eni), nothing);
  return changed;
}

function nameReplies({ replies = null }: Desired): string | null {
  return replies === null ? null : nameReplyTable(replies);
}

/** MACs whose link came, went or became another one. */
export function listChangedLinks(before: Desired, desired: Desired): ReadonlySet<string> {
  const indexes = ({ reports }: Desired) => new Map(reports.map(({ mac, linkIndex }) => [mac, linkIndex]));
  const [old, now] = [indexes(before), indexes(desired)];
  return new Set([...old.keys(), ...now.keys()].filter((mac) => (old.get(mac) ?? null) !== (now.get(mac) ?? null)));
}

const nothing: Objects = new Map();

function addDifferences(changed: Set<string>, before: Objects, now: Objects): void {
  if (before === now) return;
  for (const [object, text] of now) if (before.get(object) !== text) changed.add(object);
  for (const object of before.keys()) if (!now.has(object)) changed.add(object);
}

function listObjectsOf(eni: DesiredEni | undefined): Objects {
  return eni === undefined ? nothing : listObjects(eni);
}

/** Object → what is desired of it. */
const listObjects = rememberOf((eni: DesiredEni): Objects => {
  const { linkIndex, linkName, lease, networkFiles } = eni;
  const leased = lease?.address ?? null;
  const leasedAddress = leased === null ? null : identifyAddress({ linkIndex, address: leased });
  return new Map([
    ...eni.addresses.map((one) => [identifyAddress(one), one.isDeprecated === true ? 'deprecated' : ''] as const),
    ...eni.routes.map((route) => [identifyRoute(route), `${route.gateway}`] as const),
    ...eni.routes.map((route) => [`mtu of ${identifyRoute(route)}`, `${route.mtu}`] as const),
    ...listLeasedDefaults(eni).map((route) => [`mtu of ${identifyRoute(route)}`, `${lease?.mtu}`] as const),
    ...eni.rules.map((rule) => [identifyRule(rule), ''] as const),
    ...eni.altNames.map((altName) => [identifyAltName(linkIndex, altName), ''] as const),
    ...Object.entries(eni.settings).map(([name, value]) => [identifySetting(linkIndex, name), `${value}`] as const),
    ...networkFiles.map(({ name, text }) => [identifyFile(name), text] as const),
    [`reload ${linkName}`, networkFiles[0]?.text ?? ''] as const,
    [`set-link-group ${linkIndex}`, `${eni.group}`] as const,
    [`set-mtu ${linkIndex}`, `${eni.mtu}`] as const,
    [`set-master ${linkIndex}`, `${eni.vrf}`] as const,
    [`set-dns ${linkIndex}`, `${isDnsOff(eni)}`] as const,
    ...(leasedAddress === null
      ? []
      : [[leasedAddress, ''] as const, [`metric of ${leasedAddress}`, `${lease?.metric}`] as const]),
  ]);
});
