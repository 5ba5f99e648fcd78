/**
 * What this program's files declare to networkd. networkd makes it anew whenever it starts, also while this program is
 * down and from a file that is older than the wishes; it bears no mark of ours then, and the file is the proof of origin.
 */

import type { Ledger, Link } from '../model.ts';
import { identifyAddress, identifyRule } from './identity.ts';
import { readSources } from './network-file.ts';
import type { OwnFile } from './unit-directory.ts';

/** Ledger entries of the addresses and rules in the files; addresses only of links that are there. */
export function readDeclared(files: readonly OwnFile[], links: readonly Link[]): Ledger {
  const entries = new Map<string, string>();
  for (const { text, mac } of files) {
    const { addresses, rules } = readSources(text);
    const present = links.filter((link) => (link.permanentMac ?? link.mac) === mac);
    for (const { index: linkIndex } of present) {
      for (const { address } of addresses) entries.set(identifyAddress({ address, linkIndex }), mac);
    }
    for (const rule of rules) entries.set(identifyRule(rule), mac);
  }
  return Object.fromEntries(entries);
}
