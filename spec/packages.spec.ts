/**
 * The npm packages: those that have to be there are used, and what is installed is what the lock
 * file says, everywhere.
 */

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { replaceCosts } from './bench/package-table.ts';

const root = join(import.meta.dirname, '..');
const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { version: string; resolved?: string; integrity?: string }>;
};

it('lets `npm ci` take the lock file as it is: complete for every platform, without a registry', () => {
  const tree = mkdtempSync(join(tmpdir(), 'enid-packages-'));
  try {
    for (const file of ['package.json', 'package-lock.json', '.npmrc'])
      copyFileSync(join(root, file), join(tree, file));
    const options = [
      '--dry-run',
      '--offline',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      '--cache',
      join(tree, 'cache'),
    ];
    const { status, stderr } = spawnSync('npm', ['ci', ...options], { cwd: tree, encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}, 30_000);

it('notices what npm has left out, as that of Debian 12 does with addons for a newer Node.js', () => {
  const list = (tree: string) => {
    const script = `. "$0/fixtures/setup.sh" && missing_npm_packages`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script, root], { cwd: tree, encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.trim().split(' ');
  };
  expect(list(root)).toEqual(['']);
  const tree = mkdtempSync(join(tmpdir(), 'enid-packages-'));
  try {
    copyFileSync(join(root, 'package-lock.json'), join(tree, 'package-lock.json'));
    const missing = list(tree);
    expect(missing).toEqual(
      expect.arrayContaining([
        `node_modules/node-linux-${process.arch}`,
        `node_modules/@oxc-parser/binding-linux-${process.arch}-gnu`,
      ]),
    );
    // Of other platforms, and what is no addon.
    expect(missing.filter((path) => !/linux-?.*(x64|arm64)/.test(path) || path.includes('musl'))).toEqual([]);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
});

it('names no registry in the lock file, and has a checksum for every package', () => {
  const others = Object.entries(packages).filter(([path]) => path !== '');
  expect(others.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  expect(others.filter(([, { integrity }]) => integrity === undefined)).toEqual([]);
});

it('runs on the Node.js that the packages ship: the lock file has it for both architectures', () => {
  const shipped = ['x64', 'arm64'].map((arch) => `v${packages[`node_modules/node-linux-${arch}`]?.version}`);
  // spec/other-node.sh runs on others.
  expect(shipped[1]).toBe(shipped[0]);
  expect(process.version).toBe(process.env['ENID_OTHER_NODE'] ?? shipped[0]);
});

/**
 * Package → where it is to be imported. They are prescribed: none goes for a few bytes or
 * milliseconds.
 */
const prescribed = {
  netlink: ['agent', 'lib'],
  'dbus-next': ['agent', 'lib'],
  got: ['agent', 'lib'],
  zod: ['agent', 'lib'],
  winston: ['agent', 'lib'],
  jest: ['spec'],
} as const;

it.each(Object.entries(prescribed))('%s is a dependency, and is imported', (name, rooms) => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(Object.keys(name === 'jest' ? devDependencies : dependencies)).toContain(name);
  // What jest gives to a spec is in a package of its own.
  const imported = name === 'jest' ? '@jest/globals' : name;
  // Of a type alone nothing is left at run time.
  const statement = new RegExp(`^(?!import type).*(from |import\\()'${imported}(/[^']*)?'\\)?[;,]$`, 'm');
  const files = rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' }).map((file) => join(root, room, file)),
  );
  const users = files.filter((file) => file.endsWith('.ts') && statement.test(readFileSync(file, 'utf8')));
  expect(users).not.toEqual([]);
});

it('has one figure for what got and winston cost: the README says what docs/packages.md does', () => {
  const [readme = '', page = ''] = ['README.md', 'docs/packages.md'].map((file) =>
    readFileSync(join(root, file), 'utf8'),
  );
  expect(replaceCosts(readme, page)).toBe(readme);
});
