/**
 * Which changes are repairs: they restore desired objects that were in place and that another
 * program removed or altered. A first configuration is no repair, nor is a change that follows from
 * new metadata, configuration or routers. Pure.
 */

import type {
  Change,
  Desired,
  DesiredEni,
  DesiredRoute,
  KernelState,
  Ledger,
  RepairKind,
  ReplyTable,
  Route,
} from '../../model.ts';
import {
  identifyAddress,
  identifyAltName,
  identifyDnsOff,
  identifyFile,
  identifyGroup,
  identifyMaster,
  identifyMtu,
  identifyRoute,
  identifyRouteMtu,
  identifyRule,
  identifySetting,
} from '../base/identity.ts';
import { isDnsOff } from '../desired/link-settings.ts';
import { listRouteMtus } from '../desired/outside.ts';
import { nameReplyTable } from '../desired/reply-table.ts';
import type { OwnFile } from '../desired/unit-directory.ts';

/**
 * Objects that were in place as desired at some time and are still desired: identity → MAC of the
 * ENI.
 */
export type Made = ReadonlyMap<string, string>;

/** What a pass has seen. `ledger`: from the previous run in the first pass; empty in any other. */
export interface Seen {
  readonly kernel: KernelState;
  readonly files: readonly OwnFile[];
  readonly ledger: Ledger;
  /** The table for replies is as desired. No key: it is not. */
  readonly hasReplies?: boolean;
}

/**
 * The next memory. Everything is kept for an ENI whose desired state is unknown; what is no longer
 * desired is forgotten.
 */
export function rememberMade(
  previous: Made,
  desired: Desired,
  { kernel, files, ledger, hasReplies = false }: Seen,
): Made {
  const next = new Map<string, string>();
  const unknown = new Set(desired.unknownMacs);
  for (const [key, mac] of previous) if (unknown.has(mac)) next.set(key, mac);
  const present = new Set([...listKernelKeys(kernel), ...files.flatMap(({ name, text }) => identifyText(name, text))]);
  for (const eni of desired.enis) {
    for (const { key, ledgerKey } of listWanted(eni)) {
      if (present.has(key) || previous.has(key) || ledgerKey in ledger) next.set(key, eni.mac);
    }
  }
  const { replies = null } = desired;
  const key = replies === null ? null : identifyReplies(replies);
  if (key !== null && (hasReplies || previous.has(key))) next.set(key, '');
  return next;
}

/** Null: this change is no repair. `files`: the unit directory before it. */
export function classifyRepair(change: Change, made: Made, files: readonly OwnFile[]): RepairKind | null {
  const kind = repairKinds[change.kind];
  // A file with another text is a repair only if this same text was there before: otherwise the
  // desired text is new.
  const isRewritten = change.kind === 'write-file' && files.some(({ name }) => name === change.file.name);
  const keys = isRewritten ? identifyMade(change).slice(1) : identifyMade(change);
  return keys.some((key) => made.has(key)) ? kind : null;
}

/** Null: removes something, or makes nothing that could be missed. */
const repairKinds: Readonly<Record<Change['kind'], RepairKind | null>> = {
  'add-address': 'address',
  'add-alt-name': 'name',
  'add-route': 'route',
  'add-rule': 'rule',
  'set-route-mtu': 'route',
  'set-address-metric': 'metric',
  'set-link-setting': 'setting',
  'set-link-group': 'setting',
  'set-dns': 'setting',
  'set-master': 'setting',
  'set-mtu': 'setting',
  'set-replies': 'table',
  'write-file': 'file',
  'move-address': null,
  reload: null,
  'remove-address': null,
  'remove-alt-name': null,
  'remove-file': null,
  'remove-replies': null,
  'remove-route': null,
  'remove-rule': null,
};

/**
 * The memory after these changes were made: an object counts even if it is removed before the next
 * pass sees it.
 */
export function addMade(made: Made, changes: readonly Change[]): Made {
  if (changes.length === 0) return made;
  return new Map([
    ...made,
    ...changes.flatMap((change) => identifyMade(change).map((key) => [key, change.mac] as const)),
  ]);
}

/** The objects that a change puts in place; nothing for removals and reloads. */
function identifyMade(change: Change): readonly string[] {
  switch (change.kind) {
    case 'add-address':
      return [identifyAddress(change.address)];
    case 'add-alt-name':
      return [identifyAltName(change.linkIndex, change.altName)];
    case 'add-route':
      return [identifyWay(change.route)];
    case 'add-rule':
      return [identifyRule(change.rule)];
    case 'set-address-metric':
      return [identifyMetric(change)];
    case 'set-route-mtu':
      return change.mtu === null ? [] : [identifyRouteMtu(change.route, change.mtu)];
    case 'set-link-group':
      return [identifyGroup(change.linkIndex, change.group)];
    case 'set-link-setting':
      return [identifyValue(change.linkIndex, change.setting, change.value)];
    case 'set-dns':
      return change.isUsed ? [] : [identifyDnsOff(change.linkIndex)];
    case 'set-mtu':
      return [identifyMtu(change.linkIndex, change.mtu)];
    case 'set-master':
      return [identifyMaster(change.linkIndex, change.vrf)];
    case 'write-file':
      return identifyText(change.file.name, change.file.text);
    case 'set-replies':
      return [identifyReplies(change.wanted)];
    case 'remove-replies':
    case 'move-address':
    case 'reload':
    case 'remove-address':
    case 'remove-alt-name':
    case 'remove-file':
    case 'remove-route':
    case 'remove-rule':
      return [];
  }
}

/** Another table is desired, say of another address: that is no repair. */
function identifyReplies(table: ReplyTable): string {
  return `replies ${nameReplyTable(table)}`;
}

/** A changed gateway is another desired route, not an altered one. */
function identifyWay(route: DesiredRoute | Route): string {
  return `${identifyRoute(route)} ${route.gateway}`;
}

function identifyMetric(address: { linkIndex: number; address: string; metric: number }): string {
  return `${identifyAddress(address)} metric ${address.metric}`;
}

function identifyValue(linkIndex: number, setting: string, value: number): string {
  return `${identifySetting(linkIndex, setting)} ${value}`;
}

/** That the file exists, and that it has this text. */
function identifyText(name: string, text: string): readonly string[] {
  const key = identifyFile(name);
  return [key, `${key}\n${text}`];
}

function listWanted(eni: DesiredEni): { key: string; ledgerKey: string }[] {
  const { lease, linkIndex } = eni;
  const same = (key: string) => ({ key, ledgerKey: key });
  const leased = lease?.address ?? null;
  return [
    ...eni.addresses.map((address) => same(identifyAddress(address))),
    ...eni.routes.map((route) => ({ key: identifyWay(route), ledgerKey: identifyRoute(route) })),
    ...listRouteMtus(eni).map(same),
    ...eni.rules.map((rule) => same(identifyRule(rule))),
    ...eni.altNames.map((altName) => same(identifyAltName(linkIndex, altName))),
    ...Object.entries(eni.settings).map(([name, value]) => same(identifyValue(linkIndex, name, value))),
    ...eni.networkFiles.flatMap(({ name, text }) => identifyText(name, text).map(same)),
    ...(eni.group === null ? [] : [same(identifyGroup(linkIndex, eni.group))]),
    ...(eni.mtu === null ? [] : [same(identifyMtu(linkIndex, eni.mtu))]),
    ...(isDnsOff(eni) ? [same(identifyDnsOff(linkIndex))] : []),
    ...(eni.vrf === null ? [] : [same(identifyMaster(linkIndex, eni.vrf))]),
    ...(lease === null || leased === null
      ? []
      : [
          same(identifyAddress({ linkIndex, address: leased })),
          same(identifyMetric({ linkIndex, address: leased, metric: lease.metric })),
        ]),
  ];
}

function* listKernelKeys(kernel: KernelState): Generator<string> {
  for (const address of kernel.addresses) {
    yield identifyAddress(address);
    yield identifyMetric(address);
  }
  for (const route of kernel.routes) {
    if (route.isComplex) continue;
    yield identifyWay(route);
    if (route.mtu !== undefined) yield identifyRouteMtu(route, route.mtu);
  }
  for (const rule of kernel.rules) if (!rule.isComplex) yield identifyRule(rule);
  const nameByIndex = new Map(kernel.links.map(({ index, name }) => [index, name]));
  for (const { index, altNames, settings, masterIndex, group, mtu } of kernel.links) {
    yield identifyMtu(index, mtu);
    if (group !== 0) yield identifyGroup(index, group);
    if (masterIndex !== null) yield identifyMaster(index, nameByIndex.get(masterIndex) ?? '');
    for (const altName of altNames) yield identifyAltName(index, altName);
    for (const [name, value] of Object.entries(settings ?? {})) yield identifyValue(index, name, value);
  }
}
