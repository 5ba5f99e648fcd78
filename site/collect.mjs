// Lays the repository's Markdown out in pages/, as VitePress wants it: README.md becomes index.md, links to files that are no pages lead to
// the repository, and a folder that is linked gets a list of its pages. A link to what is not there ends the build.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative } from 'node:path';

const root = join(import.meta.dirname, '..');
const output = join(import.meta.dirname, 'pages');
const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const source = `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/main/`;
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const isPage = (path) =>
  path.endsWith('.md') && (path.startsWith('docs/') || (!path.includes('/') && path !== 'index.md'));
const pages = tracked.filter(isPage);
const listed = new Set();
const problems = [];

const nameOf = (path) => (basename(path) === 'README.md' ? join(dirname(path), 'index.md') : path);
const titleOf = (text) => /^# (.+)$/m.exec(text)?.[1] ?? '';

function rewrite(page, target) {
  if (/^([a-z]+:|#)/.test(target)) return target;
  const [path, anchor] = target.split('#');
  const found = normalize(join(dirname(page), path)).replace(/\/$/, '');
  if (!existsSync(join(root, found))) {
    problems.push(`${page}: ${target} is not there`);
    return target;
  }
  if (/\.(svg|png)$/.test(found)) return target;
  const isFolder = statSync(join(root, found)).isDirectory();
  const inner = isFolder && pages.some((one) => dirname(one) === found);
  if (inner) listed.add(found);
  if (!inner && !pages.includes(found)) return `${source}${found}`;
  const to = relative(dirname(page), inner ? join(found, 'index.md') : nameOf(found));
  return `${to.startsWith('.') ? to : `./${to}`}${anchor === undefined ? '' : `#${anchor}`}`;
}

/** Code stays as it is. */
function rewriteLinks(page, text) {
  return text
    .split(/(^```[\s\S]*?^```|`[^`\n]*`)/m)
    .map((part, index) =>
      index % 2 === 1
        ? part
        : part.replaceAll(/(\]\()([^)\s]+)(\))/g, (_all, open, target, close) => open + rewrite(page, target) + close),
    )
    .join('');
}

rmSync(output, { recursive: true, force: true });
for (const page of pages) {
  const to = join(output, nameOf(page));
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, rewriteLinks(page, readFileSync(join(root, page), 'utf8')));
}
for (const folder of listed) {
  const to = join(output, folder, 'index.md');
  if (existsSync(to)) continue;
  const rows = pages
    .filter((page) => dirname(page) === folder)
    .map((page) => `- [${titleOf(readFileSync(join(root, page), 'utf8'))}](./${basename(page)})`);
  writeFileSync(to, `# ${basename(folder)}\n\n${rows.join('\n')}\n`);
}
for (const image of tracked.filter((path) => /^docs\/.*\.(svg|png)$/.test(path)))
  cpSync(join(root, image), join(output, image));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`${pages.length} pages`);
