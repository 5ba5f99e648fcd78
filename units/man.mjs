// Renders docs/man/*.md as manual pages: `node units/man.mjs DIRECTORY`. marked-man leaves HTML's entities in code, and makes a line
// break of each end of a line (--no-breaks: of none). Breaks are where a term, the facts of a key or an example end.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [directory = join(root, 'dist/man')] = process.argv.slice(2);
const entities = { quot: '"', '#39': "'", lt: '<', gt: '>', amp: '&' };

function render(page) {
  const program = join(root, 'node_modules/.bin/marked-man');
  return execFileSync(program, ['--no-breaks', page], { encoding: 'utf8' })
    .replaceAll(/&(quot|#39|lt|gt|amp);/g, (_all, name) => entities[name])
    .replaceAll(/^(\\fB[^\n]*\\fP:)\n/gm, '$1\n.br\n')
    .replaceAll(/(; since [\d\\.]+)\n/g, '$1\n.br\n')
    .replaceAll(/\n(Example: )/g, '\n.br\n$1');
}

mkdirSync(directory, { recursive: true });
const pages = readdirSync(join(root, 'docs/man')).filter((name) => name.endsWith('.md'));
for (const page of pages) writeFileSync(join(directory, basename(page, '.md')), render(join(root, 'docs/man', page)));
