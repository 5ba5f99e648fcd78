/** docs/json: the forms of what `--json` prints. `UPDATE_DOCS=1` writes them again. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { renderJson } from '../../../agent/cli/json.ts';
import { listOutputSchemas } from '../../../fixtures/output-schemas.ts';

const directory = join(import.meta.dirname, '../../../docs/json');
const schemas = listOutputSchemas();

it('docs/json has just these', () => {
  if (process.env['UPDATE_DOCS'] === '1') {
    mkdirSync(directory, { recursive: true });
    for (const [name, schema] of Object.entries(schemas))
      writeFileSync(join(directory, `${name}.schema.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
  expect(readdirSync(directory).sort()).toEqual(
    Object.keys(schemas)
      .map((name) => `${name}.schema.json`)
      .sort(),
  );
});

it.each(Object.entries(schemas))(
  'docs/json/%s.schema.json is the form of today, and its keys are camelCase',
  (name, schema) => {
    const written: unknown = JSON.parse(readFileSync(join(directory, `${name}.schema.json`), 'utf8'));
    expect(written).toEqual(JSON.parse(JSON.stringify(schema)));
    expect(listKeys(written).filter((key) => !/^[a-z][A-Za-z0-9]*$/.test(key))).toEqual([]);
    expect(written).toMatchObject({
      properties: { version: { const: 1 } },
      required: expect.arrayContaining(['version']),
    });
  },
);

it('the version comes first', () => {
  expect(renderJson({ a: 1 }, { isOneLine: true })).toBe('{"version":1,"a":1}\n');
  expect(renderJson({ a: 1 })).toBe('{\n  "version": 1,\n  "a": 1\n}\n');
});

/** Names of all properties, at every level. */
function listKeys(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => [
    ...(key === 'properties' && typeof value === 'object' && value !== null ? Object.keys(value) : []),
    ...listKeys(value),
  ]);
}
