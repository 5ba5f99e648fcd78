/**
 * Each folder of fixtures/scenarios: metadata + kernel + config → plan.txt. UPDATE_SCENARIOS=1
 * writes the plans again.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { renderScenario } from '../../fixtures/model/scenario.ts';

const root = join(import.meta.dirname, '../../fixtures/scenarios');
const folders = readdirSync(root).sort();

describe('scenario', () => {
  it('is there for every shape', () => {
    expect(folders.length).toBeGreaterThan(10);
  });

  it.each(folders)('%s', async (folder) => {
    const got = await renderScenario(join(root, folder));
    const planFile = join(root, folder, 'plan.txt');
    if (process.env['UPDATE_SCENARIOS'] === '1' || !existsSync(planFile)) {
      if (process.env['CI'] !== undefined) throw new Error(`${planFile} is missing`);
      writeFileSync(planFile, got);
    }
    expect(got).toBe(readFileSync(planFile, 'utf8'));
  });
});
