/**
 * Judges the files of netplan: those that configure only ENIs, and only by DHCP, can be moved away.
 * Pure.
 */

import { matchesShellPattern } from '../../../lib/text/pattern.ts';

export interface NetplanResult {
  /** Files that configure an ENI. */
  readonly paths: readonly string[];
  readonly obstacles: readonly string[];
}

interface NetplanInput {
  readonly files: readonly { readonly path: string; readonly document: unknown }[];
  readonly eniLinks: readonly string[];
  readonly otherLinks: readonly string[];
}

const harmlessKeys = [
  'match',
  'set-name',
  'dhcp4',
  'dhcp6',
  'dhcp4-overrides',
  'dhcp6-overrides',
  'dhcp-identifier',
  'accept-ra',
  'optional',
  'critical',
  'mtu',
];

export function judgeNetplan({ files, eniLinks, otherLinks }: NetplanInput): NetplanResult {
  const results = files.flatMap(({ path, document }) => {
    const network = readRecord(readRecord(document)?.['network']);
    if (network === null) return [{ path, obstacles: [`${path} cannot be read`], ids: [] }];
    const ethernets = Object.entries(readRecord(network['ethernets']) ?? {});
    const entries = ethernets.map(([id, value]) => ({ id, value: readRecord(value) ?? {} }));
    if (!entries.some((entry) => eniLinks.some((link) => isMeant(entry, link)))) return [];
    const others = Object.keys(network).filter((key) => !['version', 'renderer', 'ethernets'].includes(key));
    const obstacles = others.map((key) => `${path}: network.${key} would be lost with the file`);
    if ((network['renderer'] ?? 'networkd') !== 'networkd') obstacles.push(`${path}: renderer: ${network['renderer']}`);
    for (const entry of entries) {
      for (const link of otherLinks) {
        if (isMeant(entry, link))
          obstacles.push(`${path}: ethernets.${entry.id} also applies to ${link}, which is not an ENI`);
      }
      obstacles.push(...judgeEntry(entry.value).map((text) => `${path}: ethernets.${entry.id}${text}`));
    }
    return [{ path, obstacles, ids: entries.map(({ id }) => id) }];
  });
  const paths = results.map(({ path }) => path);
  const ids = results.flatMap((result) => result.ids);
  const others = files.filter(({ path }) => !paths.includes(path));
  return {
    paths,
    obstacles: [
      ...results.flatMap(({ obstacles }) => obstacles),
      ...others.flatMap(({ path, document }) =>
        listWords(document)
          .filter((word) => ids.includes(word))
          .map((word) => `${path} also configures ${word}, which would be removed with ${paths.join(', ')}`),
      ),
    ],
  };
}

/** What networkd and enid would do differently. */
function judgeEntry(value: Record<string, unknown>): string[] {
  const found: string[] = [];
  for (const key of Object.keys(value)) if (!harmlessKeys.includes(key)) found.push(`.${key} would be lost`);
  if (value['dhcp4'] !== true && value['dhcp6'] !== true) found.push(': expected dhcp4 or dhcp6');
  if (value['accept-ra'] === false) found.push('.accept-ra: false would be lost');
  for (const family of ['dhcp4-overrides', 'dhcp6-overrides']) {
    for (const [key, setting] of Object.entries(readRecord(value[family]) ?? {})) {
      if (key !== 'route-metric' && setting !== true)
        found.push(`.${family}.${key}: ${JSON.stringify(setting)} would be lost`);
    }
  }
  return found;
}

/** All keys and all text in it, once. */
function listWords(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(listWords);
  return [...new Set(Array.isArray(value) ? inner : [...Object.keys(value), ...inner])];
}

/** By the link's present name: an entry that matches only by MAC or driver counts as a match. */
function isMeant({ id, value }: { id: string; value: Record<string, unknown> }, link: string): boolean {
  const match = readRecord(value['match']);
  if (match === null) return id === link;
  if (value['set-name'] === link) return true;
  const name = match['name'];
  if (typeof name !== 'string') return value['set-name'] === undefined;
  return matchesShellPattern(name, link);
}

function readRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}
