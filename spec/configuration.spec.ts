/**
 * docs/configuration.md has every key with its type and default, as the schema and the commented
 * example have them. `UPDATE_DOCS=1` writes the table again.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { defaultConfig } from '../agent/config/defaults.ts';
import { formatConfig } from '../agent/config/format.ts';
import { describeSchema } from '../agent/config/schema.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

const root = join(import.meta.dirname, '..');
const page = join(root, 'docs/configuration.md');
/** The entry with all keys that units/config.yaml has behind `#:`; its values are the defaults. */
const example = readFileSync(join(root, 'units/config.yaml'), 'utf8')
  .split('\n')
  .flatMap((line) => (line.startsWith('#:') ? [line.slice(2)] : []))
  .join('\n');
const [entry] = parse(example).interfaces;

function describeType(schema: Schema): string {
  if (schema.description !== undefined) return schema.description;
  if (schema.enum !== undefined) return `one of ${schema.enum.map((value) => `\`${value}\``).join(', ')}`;
  if (schema.anyOf !== undefined) {
    const types = schema.anyOf.filter(({ type }) => type !== 'null').map(describeType);
    return [...new Set(types)].map((text) => (text.startsWith('null') ? text : `null, or ${text}`)).join('; ');
  }
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type) => type !== 'null').map((type) => describeType({ ...schema, type }));
    return `null, or ${types.join(', ')}`;
  }
  if (schema.type === 'array') return `a list: ${describeItem(schema.items ?? {})}`;
  return schema.type === 'boolean' ? '`true` or `false`' : String(schema.type ?? '');
}

function describeItem(item: Schema): string {
  if (item.properties === undefined) return describeType(item);
  return Object.entries(item.properties)
    .map(([key, schema]) => `\`${key}\`: ${describeType(schema)}`)
    .join('; ');
}

/** Rows of all keys below a schema; `defaultOf`: of a key, by its path. */
function listRows(schema: Schema, prefix: string, defaultOf: (path: string[]) => string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const key = `${prefix}${name}`;
    if (inner.properties !== undefined) return listRows(inner, `${key}.`, defaultOf);
    const cell = name === 'interfaces' ? 'a list of entries, see below' : describeType(inner).replaceAll('|', '\\|');
    return [`| \`${key}\` | ${cell} | ${defaultOf(key.split('.'))} |`];
  });
}

const defaults = parse(formatConfig(defaultConfig));
const find = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);

const asCode = (value: unknown) => `\`${JSON.stringify(value)}\``;
const head = '| key | type | default |\n|---|---|---|\n';

function renderTables(): string {
  const schema = describeSchema() as Schema;
  const general = listRows(schema, '', (path) => asCode(find(defaults, path)));
  const item = schema.properties?.['interfaces']?.items ?? {};
  const policy = listRows(item, '', (path) => {
    if (path[0] === 'match') return 'matches any';
    return asCode(find(entry, path));
  });
  return `${head}${general.join('\n')}\n\nOf an entry of \`interfaces\`:\n\n${head}${policy.join('\n')}\n`;
}

const [begin, end] = ['<!-- UPDATE_DOCS=1, spec/configuration.spec.ts -->\n', '<!-- end of the tables -->'];

it('docs/configuration.md has every key, with type and default', () => {
  const text = readFileSync(page, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  expect(from).toBeGreaterThan(0);
  const wanted = `${text.slice(0, from)}${begin}${renderTables()}${text.slice(to)}`;
  if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(page, wanted);
  expect(readFileSync(page, 'utf8')).toBe(wanted);
  // No key is without a default that somebody has read.
  expect(wanted).not.toContain('`undefined`');
});
