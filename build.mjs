// Builds dist/enid.js: one executable file that needs no node_modules, with the two native addons beside it. CommonJS: node
// reads and parses an ES module of that name twice (nothing beside it says what it is) and keeps every copy of its text.
// `node build.mjs ENTRY DIRECTORY` bundles another program the same way (spec/bench/packages-main.ts). DIRECTORY is made again.
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

const arch = process.env['ENID_ARCH'] ?? process.arch;
const [entryPoint = 'agent/main.ts', outputDirectory = 'dist'] = process.argv.slice(2);
// ENID_VERSION: for tests that need the program of another version.
const version = process.env['ENID_VERSION'] ?? JSON.parse(await readFile('package.json', 'utf8')).version;

/** Packages that look for their addon in node_modules get it from beside the bundle instead. */
const addonLoaders = {
  // netlink calls node-gyp-build to find its prebuilt addon.
  'node-gyp-build': 'module.exports = () => require("node:module").createRequire(__filename)("./netlink.node");',
  // koffi's own entry only adds deprecation warnings to the addon's exports.
  koffi: 'module.exports = require("node:module").createRequire(__filename)("./koffi.node");',
};

/**
 * Modules of Node.js that a package loads in any case for what is never asked of it here, by the package. Refused where they are
 * asked for after all. got's, for HTTPS and HTTP/2, are 3.3 MB resident, a tenth of what enid has above an idle node (24.21); the
 * others, for D-Bus cookies and for subcommands in files of their own, are a tenth of the processor time of a start.
 */
const unusedModules = {
  got: {
    'node:http2': 'exports.constants = {}; exports.Http2ServerResponse = class {};',
    'node:https': 'exports.request = () => { throw new Error("no HTTPS in this build"); };',
    'node:tls': 'exports.checkServerIdentity = () => new Error("no TLS in this build");',
  },
  'dbus-next': {
    crypto: 'exports.createHash = () => { throw new Error("no DBUS_COOKIE_SHA1 in this build"); };',
  },
  commander: {
    'node:child_process': 'exports.spawn = () => { throw new Error("no executable subcommands in this build"); };',
  },
};

const replacements = {
  name: 'replacements',
  setup(bundler) {
    const filterOf = (names) => new RegExp(`^(${Object.keys(names).join('|')})$`);
    bundler.onResolve({ filter: filterOf(addonLoaders) }, ({ path }) => ({ path, namespace: 'replaced' }));
    for (const [name, modules] of Object.entries(unusedModules)) {
      bundler.onResolve({ filter: filterOf(modules) }, ({ path, importer }) =>
        importer.includes(`/node_modules/${name}/`) ? { path, namespace: 'replaced' } : undefined,
      );
    }
    const texts = Object.assign({}, addonLoaders, ...Object.values(unusedModules));
    bundler.onLoad({ filter: /.*/, namespace: 'replaced' }, ({ path }) => ({ contents: texts[path], loader: 'js' }));
  },
};

await rm(outputDirectory, { recursive: true, force: true });
await mkdir(outputDirectory, { recursive: true });
const { metafile } = await build({
  entryPoints: [entryPoint],
  outfile: `${outputDirectory}/enid.js`,
  bundle: true,
  platform: 'node',
  target: 'node22',
  format: 'cjs',
  // The licences stand in full in the packages' third-party notices.
  legalComments: 'none',
  metafile: true,
  define: {
    'process.env["ENID_VERSION"]': JSON.stringify(version),
    // winston's diagnostics otherwise load what colours their lines: 43 KB that make tables at each start.
    'process.env.NODE_ENV': '"production"',
  },
  plugins: [replacements],
  // Optional parts of dbus-next (X11 address lookup, launching programs) that are never reached here.
  external: ['x11', 'event-stream'],
  // Names stay, for stack traces. ASCII (as by default): one letter outside it and V8 keeps the text in two bytes a letter.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 200,
  banner: { js: '#!/usr/bin/env node' },
});
if ((await readFile(`${outputDirectory}/enid.js`)).some((byte) => byte > 0x7f)) {
  throw new Error('expected ASCII only in the bundle, got more: a tagged template, whose text cannot be escaped?');
}
// What has how many bytes of it, for units/package/notices.mjs.
await writeFile(`${outputDirectory}/enid.meta.json`, JSON.stringify(metafile));
// The package.json above says otherwise of the files below it.
await writeFile(`${outputDirectory}/package.json`, '{ "type": "commonjs" }\n');
await chmod(`${outputDirectory}/enid.js`, 0o755);
await copyFile(`node_modules/netlink/prebuilds/linux-${arch}/node.napi.node`, `${outputDirectory}/netlink.node`);
await copyFile(`node_modules/@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`, `${outputDirectory}/koffi.node`);
