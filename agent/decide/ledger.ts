/** The ledger: what this program declared or installed, so that it knows its own where the kernel has no mark. */

import type { Desired, KernelState, Ledger } from '../model.ts';
import { identifyAddress, identifyAltName, identifyRoute, identifyRule } from './identity.ts';

/**
 * The ledger before a pass is applied: everything desired, everything that a file of ours declares (networkd may make it at
 * any time), the leased addresses that were seen, and what was recorded before and is still there. Any other entry whose
 * object is gone is forgotten, so that the same object made by another program later is not taken for ours.
 */
export function computeLedger(desired: Desired, kernel: KernelState, previous: Ledger, declared: Ledger): Ledger {
  const entries = new Map<string, string>(Object.entries(declared));
  const present = new Set(listKernelKeys(kernel));
  for (const key of present) {
    const mac = previous[key];
    if (mac !== undefined) entries.set(key, mac);
  }
  for (const eni of desired.enis) {
    const keys = [
      ...eni.addresses.map(identifyAddress),
      ...eni.routes.map(identifyRoute),
      ...eni.rules.map(identifyRule),
      ...eni.altNames.map((altName) => identifyAltName(eni.linkIndex, altName)),
    ];
    for (const key of keys) entries.set(key, eni.mac);
    const leased = eni.lease?.address ?? null;
    if (leased === null) continue;
    const key = identifyAddress({ linkIndex: eni.linkIndex, address: leased });
    if (key in previous || present.has(key)) entries.set(key, eni.mac);
  }
  return Object.fromEntries([...entries].sort(([left], [right]) => (left < right ? -1 : 1)));
}

function* listKernelKeys(kernel: KernelState): Generator<string> {
  for (const address of kernel.addresses) yield identifyAddress(address);
  for (const route of kernel.routes) yield identifyRoute(route);
  for (const rule of kernel.rules) yield identifyRule(rule);
  for (const link of kernel.links) for (const altName of link.altNames) yield identifyAltName(link.index, altName);
}
