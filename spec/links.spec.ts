/**
 * Every link of the documents leads somewhere: files are there, anchors are headings, and no page
 * is an orphan.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { listAnchors } from './page-anchors.ts';

const root = join(import.meta.dirname, '..');
const list = (...argv: string[]) =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...argv], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((path) => path !== '' && existsSync(join(root, path)));
const pages = list('*.md');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Without fenced blocks and code spans, in which brackets are no links. */
const proseOf = (text: string) => text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '').replaceAll(/`[^`\n]*`/g, 'code');

const linksOf = (page: string) =>
  [...proseOf(read(page)).matchAll(/\]\((?!<)([^)\s]+)(?: "[^"]*")?\)/g)].map(([, target = '']) => target);

/** Of another page of this repository; null: elsewhere. */
function resolveLink(page: string, target: string): { path: string; anchor: string } | null {
  if (/^[a-z]+:/.test(target)) return null;
  const [path = '', anchor = ''] = decodeURIComponent(target).split('#');
  return { path: path === '' ? page : normalize(join(dirname(page), path)), anchor };
}

describe.each(pages)('%s', (page) => {
  it('has links that lead somewhere', () => {
    const dead = linksOf(page).filter((target) => {
      const link = resolveLink(page, target);
      if (link === null) return !/^(https|mailto):/.test(target);
      if (!existsSync(join(root, link.path))) return true;
      return link.anchor !== '' && !listAnchors(read(link.path)).has(link.anchor);
    });
    expect(dead).toEqual([]);
  });
});

it('reaches every page of docs/ from README.md', () => {
  const seen = new Set<string>();
  const visit = (page: string) => {
    if (seen.has(page)) return;
    seen.add(page);
    for (const target of linksOf(page)) {
      const path = resolveLink(page, target)?.path ?? '';
      if (pages.includes(path)) visit(path);
      // A link to a folder leads to its pages.
      else if (path !== '' && existsSync(join(root, path)) && statSync(join(root, path)).isDirectory())
        for (const inner of pages) if (dirname(inner) === path.replace(/\/$/, '')) visit(inner);
    }
  };
  visit('README.md');
  expect(pages.filter((page) => page.startsWith('docs/') && !seen.has(page))).toEqual([]);
});
