/** enid.yaml(5) has type, default, version and an example of every key, and they are right. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { defaultConfig } from '../agent/config/defaults.ts';
import { formatConfig, formatPolicy } from '../agent/config/format.ts';
import { mergeConfig } from '../agent/config/merge.ts';
import { parseConfigFile } from '../agent/config/parse.ts';
import { describeSchema } from '../agent/config/schema.ts';
import { resolvePolicy } from '../agent/decide/desired/policy.ts';
import { makeEni } from './agent/eni.ts';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs/man/enid.yaml.5.md'), 'utf8');
const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}
const schema = describeSchema() as Schema;

/** `a.b` → its part of the schema; `match` is one key, as its own have no default. */
function listKeys(properties: Schema['properties'] = {}): [string, Schema][] {
  return Object.entries(properties).flatMap(([name, one]): [string, Schema][] =>
    one.properties === undefined || name === 'match'
      ? [[name, one]]
      : listKeys(one.properties).map(([below, inner]) => [`${name}.${below}`, inner]),
  );
}

function section(title: string): string {
  const [, text = ''] = page.split(`\n## ${title}\n`);
  return text.split('\n## ')[0] ?? '';
}

interface Entry {
  readonly type: string;
  readonly fallback: unknown;
  readonly since: string;
  readonly example: string;
}

function listEntries(text: string): Map<string, Entry> {
  const bullets = text.matchAll(
    /^\* `([\w.]+)`: (.+); (?:default `(.+?)`|required); since (\d+\.\d+\.\d+)\.\n(?: {2}.*\n)*? {2}Example: `(.+)`$/gm,
  );
  return new Map(
    [...bullets].map(([, key = '', type = '', fallback = '', since = '', example = '']) => {
      return [key, { type, fallback: parse(fallback), since, example }];
    }),
  );
}

function read(tree: unknown, key: string): unknown {
  return key.split('.').reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], tree);
}

/** Words that the type has to have. */
function wordsOf({ type, enum: values, anyOf = [] }: Schema): string[] {
  if (values !== undefined) return values.map((value) => `\`${value}\``);
  if (anyOf.length > 0) return anyOf.flatMap(wordsOf);
  const words: Readonly<Record<string, string[]>> = {
    ...{ array: ['list'], boolean: ['`true`', '`false`'], integer: ['number'], null: ['null'], object: ['mapping'] },
  };
  return words[type ?? ''] ?? [];
}

const subject = { eni: makeEni(1), isPrimary: false, linkName: 'ens6', driver: 'ena', tags: null };
const { interfaces, ...rest } = schema.properties ?? {};
const parts = [
  {
    title: 'KEYS',
    keys: [...listKeys(rest), ['interfaces', interfaces ?? {}] as [string, Schema]],
    defaults: parse(formatConfig(defaultConfig)),
    toFile: (example: string) => example,
    inFile: (file: string, key: string) => read(parse(file), key),
  },
  {
    title: 'INTERFACES',
    keys: listKeys(interfaces?.items?.properties),
    defaults: { match: null, ...formatPolicy(resolvePolicy(defaultConfig, subject)) },
    toFile: (example: string) => `interfaces: [${example}]`,
    inFile: (file: string, key: string) => read(parse(file).interfaces[0], key),
  },
];

it('docs/configuration.md has the same keys with the same defaults, in the same words', () => {
  const listed = parts.flatMap(({ title }) =>
    [...listEntries(section(title))]
      .filter(([key]) => key !== 'match')
      .map(([key, { fallback }]) => [key, JSON.stringify(fallback)]),
  );
  const table = readFileSync(join(root, 'docs/configuration.md'), 'utf8');
  const rows = [...table.matchAll(/^\| `([\w.]+)` \| .* \| `(.+)` \|$/gm)].map(([, key = '', text = '']) => [
    key,
    text,
  ]);
  expect(rows.length).toBeGreaterThan(20);
  expect(listed.sort()).toEqual(rows.sort());
});

describe.each(parts)('$title', ({ title, keys, defaults, toFile, inFile }) => {
  const entries = listEntries(section(title));

  it('has every key and no other one', () => {
    expect([...entries.keys()].sort()).toEqual(keys.map(([key]) => key).sort());
  });

  it.each(keys)('%s', (key, part) => {
    const entry = entries.get(key);
    if (entry === undefined) throw new Error(`expected an entry of the form "* \`${key}\`: …; default …; since …"`);
    for (const word of wordsOf(part)) expect(entry.type).toContain(word);
    expect(entry.fallback).toEqual(read(defaults, key));
    expect(changelog).toContain(`\n## ${entry.since} `);
    const file = toFile(entry.example);
    expect(inFile(file, key)).toBeDefined();
    // The parser itself takes it.
    mergeConfig([parseConfigFile(file, 'example')]);
  });
});
