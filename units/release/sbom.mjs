// Prints the bill of materials of one architecture's packages (CycloneDX 1.6, JSON): `node sbom.mjs amd64|arm64 VERSION`. In it is
// every package with bytes in the bundle by the bundler's own account, the two addons, Node.js with its libraries, and nothing else.
// SOURCE_DATE_EPOCH is its time: the same commit gives the same bytes.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findPackage, listRuntimeParts, readBundled } from '../package/bundled.mjs';

const [arch, version] = process.argv.slice(2);
const npmArch = { amd64: 'x64', arm64: 'arm64' }[arch];
if (npmArch === undefined || version === undefined) throw new Error('expected amd64 or arm64, and a version');
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));
const { packages } = readJson('package-lock.json');
const { name, license, homepage, author } = readJson('package.json');
const { inputs } = readJson('dist/enid.meta.json');

/** purl-spec, "npm": the scope's @ is encoded. */
const purlOf = (name, version) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

/** `directory`: as package-lock.json names it; what is not of this machine's architecture is there, too. */
function describe(directory, { file, bytes }) {
  const locked = packages[directory];
  if (locked?.integrity === undefined) throw new Error(`expected ${directory} in package-lock.json`);
  // A package under another's name says its own.
  const name = locked.name ?? directory.slice(directory.lastIndexOf('node_modules/') + 13);
  const purl = purlOf(name, locked.version);
  const [, algorithm, digest] = /^(sha512)-(.+)$/.exec(locked.integrity) ?? [];
  if (algorithm === undefined) throw new Error(`expected a SHA-512 of ${name}, got ${locked.integrity}`);
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version: locked.version,
    licenses: [named(locked.license ?? readLicence(directory))],
    purl,
    hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
    properties: [
      { name: 'enid:file', value: file },
      ...(bytes === undefined ? [] : [{ name: 'enid:bytes', value: String(bytes) }]),
    ],
  };
}

/** Old packages name it as a record, and the lock file not at all. */
function readLicence(directory) {
  const { license } = readJson(join(directory, 'package.json'));
  return license?.type ?? license;
}

/** An expression of SPDX, an id, or (`MIT/X11`) a name alone. */
function named(license) {
  if (typeof license !== 'string') throw new Error(`expected a licence, got ${license}`);
  if (/ (AND|OR|WITH) /.test(license)) return { expression: license };
  return { license: /^[A-Za-z0-9.+-]+$/.test(license) ? { id: license } : { name: license } };
}

const bundled = [...readBundled()].sort(([left], [right]) => (left < right ? -1 : 1));
const modules = bundled.map(([directory, bytes]) => describe(directory, { file: 'enid.js', bytes }));
const addon = describe(`node_modules/@koromix/koffi-linux-${npmArch}`, { file: 'koffi.node' });
const koffi = { ...describe('node_modules/koffi', { file: 'koffi.node' }), components: [addon] };

const nodePackage = describe(`node_modules/node-linux-${npmArch}`, { file: 'node' });
const nodeVersion = nodePackage.version;
if (`v${nodeVersion}` !== process.version) throw new Error(`expected to run on Node.js ${nodeVersion}`);
const cpe = (vendor, product, version) => `cpe:2.3:a:${vendor}:${product}:${version}:*:*:*:*:*:*:*`;
const node = {
  type: 'platform',
  'bom-ref': 'nodejs',
  name: 'Node.js',
  version: nodeVersion,
  licenses: [named('MIT')],
  cpe: cpe('nodejs', 'node.js', nodeVersion),
  purl: `pkg:generic/nodejs@${nodeVersion}`,
  properties: nodePackage.properties,
  components: [
    nodePackage,
    ...Object.entries(listRuntimeParts())
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, version]) => ({
        type: 'library',
        'bom-ref': `nodejs/${name}`,
        name,
        version,
        ...(name === 'openssl' ? { cpe: cpe('openssl', 'openssl', version) } : {}),
        purl: `pkg:generic/${name}@${version}`,
      })),
  ],
};

/** Who imports whom, by the bundler's account; what reaches no other package is left out. */
function listDependencies(root) {
  const refOf = new Map(bundled.map(([directory], index) => [directory, modules[index]['bom-ref']]));
  const found = new Map([root, ...refOf.values(), 'nodejs', koffi['bom-ref']].map((ref) => [ref, new Set()]));
  for (const [path, { imports }] of Object.entries(inputs)) {
    const owner = findPackage(path);
    const from = owner === null ? root : refOf.get(owner);
    for (const { path: imported } of imports) {
      const target = findPackage(imported);
      const to = imported === 'replaced:koffi' ? koffi['bom-ref'] : target === null ? undefined : refOf.get(target);
      if (from !== undefined && to !== undefined && to !== from) found.get(from).add(to);
    }
  }
  found.get(root).add('nodejs');
  return [...found].map(([ref, on]) => ({ ref, dependsOn: [...on].sort() }));
}

const root = `pkg:generic/${name}@${version}?arch=${arch}`;
const body = {
  metadata: {
    timestamp: new Date(Number(process.env['SOURCE_DATE_EPOCH']) * 1000).toISOString(),
    component: {
      type: 'application',
      'bom-ref': root,
      name,
      version,
      purl: root,
      licenses: [named(license)],
      externalReferences: [{ type: 'website', url: homepage }],
      supplier: { name: author.name },
    },
  },
  components: [...modules, koffi, node],
  dependencies: listDependencies(root),
};
// RFC 9562, 5.8: a UUID of the content, so that it changes with that alone.
const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex');
const uuid = [
  hash.slice(0, 8),
  hash.slice(8, 12),
  `8${hash.slice(13, 16)}`,
  `a${hash.slice(17, 20)}`,
  hash.slice(20, 32),
];
const sbom = { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${uuid.join('-')}`, version: 1 };
console.log(JSON.stringify({ ...sbom, ...body }, null, 2));
