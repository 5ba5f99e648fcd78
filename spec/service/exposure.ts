/**
 * What `systemd-analyze security` reports, and what docs/security.md says about it: `setting
 * exposure`, sorted.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Machine } from '../../fixtures/machine/machine.ts';

const reportSchema = z.array(z.object({ name: z.string(), exposure: z.string().nullable() }));

/** Exposure of a unit as this system's systemd computes it. */
export async function readExposure(
  machine: Machine,
  unit = 'enid.service',
): Promise<{ level: number; settings: string[] }> {
  const analyze = ['systemd-analyze', 'security', unit, '--no-pager'];
  const settings = reportSchema.parse(JSON.parse(await machine.check([...analyze, '--json=short'])));
  const report = (await machine.run(analyze)).stdout;
  return {
    level: Number(/exposure level for [\w.@-]+: ([\d.]+)/.exec(report)?.[1]),
    settings: settings
      .filter(({ exposure }) => Number(exposure) > 0)
      .map(({ name, exposure }) => `${name} ${exposure}`)
      .sort(),
  };
}

export function readDocumentedExposure(): string[] {
  const page = readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8');
  const rows = [...page.matchAll(/^\| ((?:[^|\\]|\\\|)+?) \| (\d\.\d) \|/gm)];
  return rows.map(([, name, exposure]) => `${name?.replaceAll('\\|', '|')} ${exposure}`).sort();
}
