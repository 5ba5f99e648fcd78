/** The manual pages can be rendered and leave out no command, key or member. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeSchema } from '../agent/config/schema.ts';
import { messageIds } from '../agent/report/journal-line.ts';

const root = join(import.meta.dirname, '..');

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** `a.b` for each key of the JSON schema; of `interfaces`, the entry's own keys. */
function listKeys(): string[] {
  const schema = describeSchema() as { properties: Record<string, Schema> };
  const { interfaces, ...rest } = schema.properties;
  const inner = interfaces?.items?.properties ?? {};
  return [...namesOf(rest), ...namesOf(inner)];
}
interface Schema {
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
}
function namesOf(properties: Record<string, Schema>): string[] {
  return Object.entries(properties).flatMap(([name, { properties: inner }]) =>
    inner === undefined || name === 'match' ? [name] : namesOf(inner).map((below) => `${name}.${below}`),
  );
}

describe('the manual', () => {
  const pages = mkdtempSync(join(tmpdir(), 'enid-man-'));
  beforeAll(() => {
    execFileSync(process.execPath, [join(root, 'units/man.mjs'), pages]);
  });
  afterAll(() => rmSync(pages, { recursive: true }));

  it.each(['enid.8', 'enid.yaml.5', 'org.enid1.5'])('%s renders', (page) => {
    const text = readFileSync(join(pages, page), 'utf8');
    const [, name, section] = /^(.*)\.(\d)$/.exec(page) ?? [];
    expect(text).toContain(`.TH "${name?.toUpperCase().replaceAll('.', '\\.')}" "${section}"`);
    expect(text).toMatch(/^\.SH "?NAME"?$/m);
  });

  it('names every command and every state', () => {
    const page = read('docs/man/enid.8.md');
    const folder = 'agent/cli/commands';
    const texts = readdirSync(join(root, folder)).map((name) => read(`${folder}/${name}`));
    const commands = [...texts.join('').matchAll(/^ {2}program\n +\.command\('(\w+)'\)/gm)].map(
      ([, name]) => name ?? '',
    );
    expect(commands.length).toBeGreaterThan(8);
    expect(commands.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
    const usages = [...read('docs/commands.md').matchAll(/^\| `enid ([^`]*)`/gm)].map(([, usage]) => usage).join(' ');
    // What `help` does is in the manual page alone.
    const missing = commands.filter((name) => !usages.split(/[^\w-]/).includes(name));
    expect(missing).toEqual(['help']);
  });

  it('names every key of the configuration', () => {
    const page = read('docs/man/enid.yaml.5.md');
    const keys = listKeys();
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.filter((key) => !page.includes(`\`${key}\``))).toEqual([]);
  });

  it('names every member on the bus', () => {
    const page = read('docs/man/org.enid1.5.md');
    const members = [
      ...read('agent/report/bus-service.ts').matchAll(/^ {6,8}([A-Z]\w+): \{|^ {6}([A-Z]\w+): (?:text|number)\(/gm),
    ];
    const names = members.map(([, one, other]) => one ?? other ?? '');
    expect(names.length).toBeGreaterThan(18);
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it('and the catalog explains the entries of the journal', () => {
    const ids = [...read('units/catalog/enid.catalog').matchAll(/^-- ([0-9a-f]{32})$/gm)].map(([, id]) => id);
    expect(ids.sort()).toEqual(Object.values(messageIds).sort());
    const page = read('docs/man/enid.8.md');
    for (const id of Object.values(messageIds)) expect(page).toContain(`\`${id}\``);
  });
});
