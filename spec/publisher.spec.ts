/**
 * Who publishes is said in package.json alone, and all else that names it follows; a runbook leads
 * from each alert to what its page says of it.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { listAnchors } from './page-anchors.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string, tree = root) => readFileSync(join(tree, path), 'utf8');
const derived = ['README.md', 'docs/metrics/alerts.yaml', 'docs/metrics/alerts-test.yaml', '.github/CODEOWNERS'];

function run(tree: string, ...options: string[]) {
  const program = join(root, 'units/release/publisher.mjs');
  const { status, stderr } = spawnSync(process.execPath, [program, ...options], { cwd: tree, encoding: 'utf8' });
  return { status, stderr };
}

it('says the same in every file', () => {
  expect(run(root, '--check')).toEqual({ status: 0, stderr: '' });
});

it('is named nowhere else, and no placeholder waits to be found', () => {
  const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n');
  const pages = tracked.filter((path) => /^(docs|deploy|units|site|\.github)\/|^[^/]+\.(md|json)$/.test(path));
  const others = pages.filter((path) => existsSync(join(root, path)) && ![...derived, 'package.json'].includes(path));
  expect(others.length).toBeGreaterThan(80);
  const placeholder = /\b(enid|git)\.example\b|\bexample\.org\b|\benid-project\b|\b(REPOSITORY|OWNER|TODO|FIXME)\b/;
  const found = others.flatMap((path) =>
    read(path)
      .split('\n')
      .filter((line) => placeholder.test(line))
      .map((line) => `${path}: ${line}`),
  );
  expect(found).toEqual([]);
});

describe('a publisher of its own', () => {
  let tree: string;
  beforeAll(() => {
    tree = mkdtempSync(join(tmpdir(), 'enid-publisher-'));
    for (const path of [...derived, 'package.json']) cpSync(join(root, path), join(tree, path), { recursive: true });
  });
  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  it('is refused for a release while the names are placeholders', () => {
    const { status, stderr } = run(tree, '--real');
    expect(status).toBe(1);
    for (const key of ['homepage', 'repository.url', 'author.email']) expect(stderr).toContain(`own ${key}`);
  });

  it('is set in package.json, and by one command everywhere', () => {
    const own = JSON.parse(read('package.json', tree));
    own.homepage = 'https://enid.acme.io/';
    own.repository.url = 'git+https://github.com/acme/eni-daemon.git';
    own.author.email = 'enid@acme.io';
    writeFileSync(join(tree, 'package.json'), JSON.stringify(own));
    expect(run(tree, '--check').status).toBe(1);
    expect(run(tree)).toEqual({ status: 0, stderr: '' });
    expect(run(tree, '--check', '--real')).toEqual({ status: 0, stderr: '' });
    expect(read('README.md', tree)).toContain('git clone https://github.com/acme/eni-daemon enid');
    expect(read('.github/CODEOWNERS', tree)).toContain('@acme/security');
    const { groups } = parse(read('docs/metrics/alerts.yaml', tree), { merge: true });
    expect(groups[0].rules[0].annotations.runbook_url).toBe(
      'https://github.com/acme/eni-daemon/blob/main/docs/alerts.md#eniddown',
    );
  });
});

describe('the runbook of an alert', () => {
  const { groups } = parse(read('docs/metrics/alerts.yaml'), { merge: true });
  const rules: { alert: string; annotations: { runbook_url: string } }[] = groups.flatMap(
    (group: { rules: unknown[] }) => group.rules,
  );
  it.each(rules.map(({ alert, annotations }) => [alert, annotations.runbook_url]))('%s: %s', (alert, url) => {
    const [, path = '', anchor = ''] = /\/blob\/main\/(.+)#(.+)$/.exec(url) ?? [];
    const page = read(path);
    expect(listAnchors(page)).toContain(anchor);
    // One section may be for two that differ in a duration: it names both.
    expect(page).toMatch(new RegExp(`^## ${alert}$|\`${alert}\``, 'm'));
  });
});
