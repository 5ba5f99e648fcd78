import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';

const titleOf = (path) =>
  /^# (.+?)(?: -- .*)?$/m.exec(readFileSync(join(import.meta.dirname, '../../docs', path), 'utf8'))?.[1] ?? path;

/** The four doors of docs/README.md, as that page has them, and what is for developers. */
function readSidebar() {
  const page = readFileSync(join(import.meta.dirname, '../../docs/README.md'), 'utf8');
  const text = page.replace(/^For developers:/m, '## For developers\n');
  const doors = text.split(/^## /m).slice(1);
  return doors.map((door) => {
    const links = [...door.matchAll(/\[([^\]]+)\]\(([^)]+\.md)\)/g)].filter(([, , path]) => !path.startsWith('..'));
    const items = links.map(([, , path]) => ({ text: titleOf(path), link: `/docs/${path}` }));
    return { text: door.split('\n')[0], items };
  });
}

const { homepage } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));

export default defineConfig({
  title: 'enid',
  // Where it is served: below a path, as project pages of GitHub are, or not.
  base: new URL(homepage).pathname.replace(/\/?$/, '/'),
  description: 'Keeps the network interfaces of an EC2 instance right.',
  lang: 'en',
  srcDir: 'pages',
  outDir: 'dist',
  cacheDir: '.cache',
  // A block by indentation, as the manual pages have, is wider than the column.
  head: [['style', {}, '.vp-doc pre { overflow-x: auto }']],
  // A dead link fails.
  ignoreDeadLinks: false,
  lastUpdated: false,
  markdown: {
    // The same anchors as on GitHub, which spec/links.spec.ts checks.
    anchor: {
      slugify: (text) =>
        text
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
          .trim()
          .replaceAll(/\s/g, '-'),
    },
  },
  // The program's own tsconfig.json is not for this.
  vite: { esbuild: { tsconfigRaw: '{}' } },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Documentation', link: '/docs/' },
      { text: 'Install', link: '/docs/install' },
      { text: 'Changelog', link: '/CHANGELOG' },
    ],
    sidebar: readSidebar(),
    outline: [2, 3],
  },
});
