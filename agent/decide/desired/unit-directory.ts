/** The owners of the files in networkd's unit directory. Pure. */

import type { Ledger } from '../../model.ts';
import { identifyFile } from '../base/identity.ts';
import { readFileOwner } from './network-file.ts';

/** One of our files in the unit directory. */
export interface OwnFile {
  /** Relative to the unit directory. */
  readonly name: string;
  readonly text: string;
  /** The ENI's MAC, from the file's first line. */
  readonly mac: string;
}

/** The files whose names begin with our prefix. */
export interface UnitDirectory {
  readonly own: readonly OwnFile[];
  /** Names of files without our first line. */
  readonly unsigned: readonly string[];
}

export function sortUnitFiles(files: readonly { readonly name: string; readonly text: string }[]): UnitDirectory {
  const own: OwnFile[] = [];
  const unsigned: string[] = [];
  for (const { name, text } of files) {
    const mac = readFileOwner(text);
    if (mac === null) unsigned.push(name);
    else own.push({ name, text, mac });
  }
  return { own, unsigned };
}

/** Other programs' files: one of ours that was overwritten is in the ledger. */
export function listForeignFiles({ unsigned }: UnitDirectory, ledger: Ledger): string[] {
  return unsigned.filter((name) => !(identifyFile(name) in ledger));
}
