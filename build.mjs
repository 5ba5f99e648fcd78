// Builds dist/enid.js: one executable ESM file that needs no node_modules, with the two native addons beside it.
import { chmod, copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const arch = process.env['ENID_ARCH'] ?? process.arch;
const outputDirectory = 'dist';
const { version } = JSON.parse(await readFile('package.json', 'utf8'));

/** Packages that look for their addon in node_modules get it from beside the bundle instead. */
const addonLoaders = {
  // netlink calls node-gyp-build to find its prebuilt addon.
  'node-gyp-build':
    'module.exports = () => require("node:module").createRequire(globalThis.enidBundleUrl)("./netlink.node");',
  // koffi's own entry only adds deprecation warnings to the addon's exports.
  koffi: 'module.exports = require("node:module").createRequire(globalThis.enidBundleUrl)("./koffi.node");',
};

/** What dbus-next loads in any case and needs for introspection only, which this program does and answers itself. */
const unreached = {
  // With xmlbuilder and sax an eighth of the bundle. The bus makes a builder at once and uses it in its own interfaces.
  xml2js: 'exports.Builder = class {}; exports.Parser = class {};',
};

const replaced = { ...addonLoaders, ...unreached };

const replacements = {
  name: 'replacements',
  setup(bundler) {
    const filter = new RegExp(`^(${Object.keys(replaced).join('|')})$`);
    bundler.onResolve({ filter }, ({ path }) => ({ path, namespace: 'replaced' }));
    bundler.onLoad({ filter: /.*/, namespace: 'replaced' }, ({ path }) => ({ contents: replaced[path], loader: 'js' }));
  },
};

await rm(outputDirectory, { recursive: true, force: true });
await mkdir(outputDirectory);
await build({
  entryPoints: ['agent/main.ts'],
  outfile: `${outputDirectory}/enid.js`,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  legalComments: 'linked',
  define: { 'process.env["ENID_VERSION"]': JSON.stringify(version) },
  plugins: [replacements],
  // Optional parts of dbus-next (X11 address lookup, launching programs) that are never reached here.
  external: ['x11', 'event-stream'],
  banner: {
    js: [
      '#!/usr/bin/env node',
      'import { createRequire as enidCreateRequire } from "node:module";',
      'const require = enidCreateRequire(import.meta.url);',
      'const __filename = (await import("node:url")).fileURLToPath(import.meta.url);',
      'const __dirname = (await import("node:path")).dirname(__filename);',
      'globalThis.enidBundleUrl = import.meta.url;',
    ].join('\n'),
  },
});
await chmod(`${outputDirectory}/enid.js`, 0o755);
await copyFile(`node_modules/netlink/prebuilds/linux-${arch}/node.napi.node`, `${outputDirectory}/netlink.node`);
await copyFile(`node_modules/@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`, `${outputDirectory}/koffi.node`);
