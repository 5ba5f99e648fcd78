/**
 * What this host has, for the completion of shells: it asks the daemon, and where none answers, the
 * kernel. Quick, and never an error.
 */

import { networkInterfaces } from 'node:os';
import type { StatusRow } from '../report/status-row.ts';
import { readRows } from './wait.ts';

export const wordKinds = ['enis', 'addresses'] as const;
export type WordKind = (typeof wordKinds)[number];

/** One a line. */
export async function listWords(kind: WordKind): Promise<string> {
  const rows = await readRows();
  const words = typeof rows === 'string' ? listOfKernel(kind) : listOfRows(rows, kind);
  return words.map((word) => `${word}\n`).join('');
}

function listOfRows(rows: readonly StatusRow[], kind: WordKind): string[] {
  return kind === 'enis'
    ? rows.flatMap(({ eni, link }) => [eni, link].flatMap((one) => one ?? []))
    : rows.flatMap(({ addresses }) => addresses);
}

function listOfKernel(kind: WordKind): string[] {
  const links = Object.entries(networkInterfaces()).filter(([name]) => name !== 'lo');
  if (kind === 'enis') return links.map(([name]) => name);
  const addresses = links.flatMap(([, list]) => (list ?? []).map(({ address }) => address));
  return addresses.filter((address) => !address.startsWith('fe80:'));
}
