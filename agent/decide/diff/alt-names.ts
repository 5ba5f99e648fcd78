/** Which alternative names to add and to remove. Pure. */

import type { Change, Desired, KernelState, Ledger } from '../../model.ts';
import { identifyAltName } from '../base/identity.ts';
import { about, missing, notDesired, type Ownership } from './ownership.ts';

interface AltNameState extends Pick<KernelState, 'links'> {
  readonly desired: Desired;
  readonly ledger: Ledger;
  readonly ownership: Ownership;
}

export function diffAltNames({ desired, links, ledger, ownership }: AltNameState): Change[] {
  const changes: Change[] = [];
  const linkByIndex = new Map(links.map((link) => [link.index, link]));
  const taken = new Set(links.flatMap(({ altNames }) => altNames));
  for (const eni of desired.enis) {
    const have = linkByIndex.get(eni.linkIndex)?.altNames ?? [];
    for (const altName of eni.altNames) {
      if (have.includes(altName)) continue;
      // A name that another link still has is free only after its removal there: the next pass adds
      // it.
      if (taken.has(altName)) continue;
      changes.push({ ...about(eni, missing), kind: 'add-alt-name', linkIndex: eni.linkIndex, altName });
    }
  }
  const wanted = new Set(
    desired.enis.flatMap((eni) => eni.altNames.map((name) => identifyAltName(eni.linkIndex, name))),
  );
  for (const link of links) {
    for (const altName of link.altNames) {
      const key = identifyAltName(link.index, altName);
      if (wanted.has(key) || !(key in ledger)) continue;
      const owner = ownership.ownerOf(key, 'unmarked', link.index);
      if (owner === null) continue;
      changes.push({ ...owner, reason: notDesired, kind: 'remove-alt-name', linkIndex: link.index, altName });
    }
  }
  return changes;
}
