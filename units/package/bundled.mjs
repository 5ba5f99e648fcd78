// What others wrote of the packages: the modules with bytes in the bundle, and the libraries in node.
import { readFileSync } from 'node:fs';

/** Directory of a package → bytes in the bundle, by the bundler's own account. */
export function readBundled() {
  const { outputs } = JSON.parse(readFileSync('dist/enid.meta.json', 'utf8'));
  const bundled = new Map();
  for (const [path, { bytesInOutput }] of Object.entries(outputs['dist/enid.js'].inputs)) {
    const directory = findPackage(path);
    if (directory !== null && bytesInOutput > 0) bundled.set(directory, (bundled.get(directory) ?? 0) + bytesInOutput);
  }
  return bundled;
}

/** The directory of the package that a file belongs to; null: of this program. */
export function findPackage(path) {
  return /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? null;
}

/**
 * Name → version of the libraries in node by its own account: it runs this, in the version that is installed
 * (fixtures/setup.sh).
 */
export function listRuntimeParts() {
  const {
    node: _itself,
    modules: _abi,
    napi: _api,
    tz: _zones,
    unicode: _data,
    cldr: _locales,
    ares,
    uv,
    ...libraries
  } = process.versions;
  const named = { ...libraries, 'c-ares': ares, libuv: uv };
  return Object.fromEntries(Object.entries(named).filter(([, version]) => version !== ''));
}
