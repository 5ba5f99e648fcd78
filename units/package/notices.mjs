// Prints what others wrote of the package, largest first, then the licence of each in full: what has bytes in the bundle, by the
// bundler's own account, and the three binaries. `node notices.mjs NODE KOFFI BINARIES`: the unpacked packages of the runtime
// and of koffi's addon, and the directory with node, koffi.node and netlink.node as they are installed. With --bundled: the same,
// and the libraries in node, as an .rpm names them (Fedora's packaging guidelines, "Bundling and Duplication").
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { listRuntimeParts, readBundled } from './bundled.mjs';

const [nodeDirectory, koffiDirectory, binaries] = process.argv.slice(2);

const parts = [...readBundled()].map(([directory, bytes]) => describe(directory, '', bytes));
for (const [directory, file] of [
  [nodeDirectory, 'node'],
  [koffiDirectory, 'koffi.node'],
  ['node_modules/netlink', 'netlink.node'],
])
  parts.push(describe(directory, file, statSync(join(binaries, file)).size));
parts.sort((left, right) => right.bytes - left.bytes || (left.name < right.name ? -1 : 1));

function describe(directory, file, bytes) {
  const { name, version, license: named } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  // Old packages name it as a record.
  const license = named?.type ?? named;
  if (typeof license !== 'string') throw new Error(`expected a licence in ${directory}/package.json, got ${named}`);
  return { name, version, license, where: file === '' ? 'enid.js' : file, bytes, directory };
}

function listBundled() {
  const names = Object.entries({ nodejs: process.versions.node, ...listRuntimeParts() });
  const npm = parts.filter(({ where }) => where !== 'node').map(({ name, version }) => [`npm(${name})`, version]);
  // A version of rpm has no hyphen: what stands behind it is the fork's.
  const lines = [...names, ...npm].map(([name, version]) => `Provides: bundled(${name}) = ${version.split('-')[0]}`);
  return [...new Set(lines)].sort();
}

/** Of koffi's addon the text is in koffi itself. */
function readLicence({ name, directory }) {
  for (const place of [directory, name.startsWith('@koromix/koffi-') ? 'node_modules/koffi' : directory]) {
    const file = readdirSync(place).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    if (file !== undefined) return readFileSync(join(place, file), 'utf8').trim();
  }
  return null;
}

if (process.argv.includes('--bundled')) {
  console.log(listBundled().join('\n'));
  process.exit();
}

const rows = [['bytes', 'package', 'version', 'licence', 'in']];
for (const { bytes, name, version, license, where } of parts) rows.push([String(bytes), name, version, license, where]);
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
for (const row of rows)
  console.log(
    row
      .map((cell, column) => (column === 0 ? cell.padStart(widths[0]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd(),
  );

const shown = new Set();
for (const part of parts) {
  if (shown.has(part.directory)) continue;
  shown.add(part.directory);
  const text = readLicence(part) ?? `Its package has no text of the licence, which it names: ${part.license}.`;
  console.log(`\n${'='.repeat(80)}\n${part.name} ${part.version}\n\n${text}`);
}
