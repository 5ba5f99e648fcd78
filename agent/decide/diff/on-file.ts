/**
 * What this program's files declare to networkd. networkd makes these objects whenever it starts,
 * even while this program is down and from a file that is out of date; they do not carry our mark
 * then, and the file is the proof of origin.
 */

import type { Ledger } from '../../model.ts';
import { identifyAddress, identifyRule } from '../base/identity.ts';
import { readSources } from '../desired/network-file.ts';
import type { OwnFile } from '../desired/unit-directory.ts';
import type { CandidateLink } from '../inputs/match-links.ts';

interface FilesOfLinks {
  readonly files: readonly OwnFile[];
  /** Links that can be an ENI, by MAC. */
  readonly candidates: ReadonlyMap<string, readonly CandidateLink[]>;
}

/**
 * Ledger entries of the addresses and rules in the files; addresses only for existing links that
 * can be an ENI: a bridge or an ipvlan link repeats the MAC, and its addresses are another
 * program's.
 */
export function readDeclared({ files, candidates }: FilesOfLinks): Ledger {
  const entries = new Map<string, string>();
  for (const { text, mac } of files) {
    const { addresses, rules } = readSources(text);
    for (const { link } of candidates.get(mac) ?? []) {
      for (const { address } of addresses) entries.set(identifyAddress({ address, linkIndex: link.index }), mac);
    }
    for (const rule of rules) entries.set(identifyRule(rule), mac);
  }
  return Object.fromEntries(entries);
}
