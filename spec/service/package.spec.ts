/**
 * `npm run package`: the content of the packages, that builds are reproducible, and what the
 * linters report.
 */

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findFileType, policies } from '../../fixtures/file-contexts.ts';
import { runChecked } from '../../fixtures/vpc/run-program.ts';
import { runRow } from '../distributions/matrix.ts';
import { findTree, nameRow, shortRows } from '../distributions/rows.ts';

const root = join(import.meta.dirname, '../..');
const buildMs = 300_000;

const ofDeb = { amd64: '_amd64.deb', arm64: '_arm64.deb' };
const ofRpm = { amd64: '.x86_64.rpm', arm64: '.aarch64.rpm' };

/** A copy of the repository, to build in, and the unpacked packages. */
let work: string;
let packages: string;
let sums: string;

/**
 * As a clean clone; a build in the repository itself would take away dist/, which other specs
 * install their systems from.
 */
const copyTree = `mkdir "$2" && cd "$1"
  tar -c --exclude=./node_modules --exclude=./dist --exclude=./.cache . | tar -x -C "$2"
  ln -s "$1/node_modules" "$2"`;

/** With little compression: full compression takes minutes. */
async function build(...architectures: readonly string[]): Promise<string> {
  const env = { ENID_PACKAGE_LEVEL: '0' };
  await runChecked(['bash', join(work, 'tree/units/package/build.sh'), ...architectures], { env, timeoutMs: buildMs });
  return await readFile(join(packages, 'SHA256SUMS'), 'utf8');
}

async function findPackage(suffix: string): Promise<string> {
  const name = sums.split(/\s+/).find((word) => word.endsWith(suffix));
  return join(packages, name ?? `nothing that ends in ${suffix}`);
}

/** Paths of the files in a directory, sorted. */
async function listFiles(directory: string): Promise<string[]> {
  const text = await runChecked(['find', directory, '!', '-type', 'd', '-printf', '/%P\n']);
  return text.trim().split('\n').sort();
}

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'enid-package-'));
  packages = join(work, 'tree/dist/packages');
  await runChecked(['sh', '-euc', copyTree, 'copy', root, join(work, 'tree')]);
  sums = await build('arm64', 'amd64');
  for (const name of ['deb', 'rpm', 'control', 'arm64-deb', 'arm64-rpm']) await mkdir(join(work, name));
  const unpackRpm = 'cd "$1" && rpm2cpio "$2" | cpio -idm --quiet';
  for (const [directory, architecture] of [
    ['', ofDeb.amd64],
    ['arm64-', ofDeb.arm64],
  ] as const)
    await runChecked(['dpkg-deb', '-x', await findPackage(architecture), join(work, `${directory}deb`)]);
  await runChecked(['dpkg-deb', '-e', await findPackage(ofDeb.amd64), join(work, 'control')]);
  for (const [directory, architecture] of [
    ['', ofRpm.amd64],
    ['arm64-', ofRpm.arm64],
  ] as const)
    await runChecked(['sh', '-c', unpackRpm, '-', join(work, `${directory}rpm`), await findPackage(architecture)]);
}, buildMs);
afterAll(async () => {
  await rm(work, { recursive: true, force: true });
});

const common = [
  '/etc/enid/config.yaml',
  '/usr/bin/enid',
  '/usr/libexec/enid/enid.js',
  '/usr/libexec/enid/kept-files',
  '/usr/libexec/enid/koffi.node',
  '/usr/libexec/enid/netlink.node',
  '/usr/libexec/enid/node',
  '/usr/lib/systemd/catalog/enid.catalog',
  '/usr/lib/systemd/network/80-ec2.network',
  '/usr/lib/systemd/networkd.conf.d/50-enid.conf',
  '/usr/lib/systemd/system/enid-restore.service',
  '/usr/lib/systemd/system/enid-online@.service',
  '/usr/lib/systemd/system/enid-reload.socket',
  '/usr/lib/systemd/system/enid-reload@.service',
  '/usr/lib/systemd/system/enid.service',
  '/usr/lib/sysusers.d/enid.conf',
  '/usr/lib/tmpfiles.d/enid.conf',
  '/usr/lib/udev/rules.d/80-net-setup-link_enid.rules',
  '/usr/lib/udev/rules.d/90-enid-ena.rules',
  '/usr/share/bash-completion/completions/enid',
  '/usr/share/dbus-1/system-services/org.enid1.service',
  '/usr/share/dbus-1/system.d/org.enid1.conf',
  '/usr/share/doc/enid/changelog.gz',
  '/usr/share/doc/enid/cni-enis.service',
  '/usr/share/doc/enid/cni-enis.sh',
  '/usr/share/doc/enid/cni.yaml',
  '/usr/share/fish/vendor_completions.d/enid.fish',
  '/usr/share/man/man5/enid.yaml.5.gz',
  '/usr/share/man/man5/org.enid1.5.gz',
  '/usr/share/man/man8/enid.8.gz',
  '/usr/share/polkit-1/actions/org.enid1.policy',
  '/usr/share/polkit-1/rules.d/50-enid.rules',
];
const ofDebian = [
  ...['changelog.Debian.gz', 'copyright', 'third-party-notices.gz'].map((name) => `/usr/share/doc/enid/${name}`),
  '/usr/share/lintian/overrides/enid',
  '/usr/share/zsh/vendor-completions/_enid',
];
const ofOthers = [
  '/usr/lib/systemd/system-preset/80-enid.preset',
  ...['LICENSE', 'third-party-notices.gz'].map((name) => `/usr/share/licenses/enid/${name}`),
  '/usr/share/zsh/site-functions/_enid',
];
const noticesOf = (kind: string) =>
  join(work, kind, `usr/share/${kind.endsWith('rpm') ? 'licenses' : 'doc'}/enid/third-party-notices.gz`);

it('holds everything that is installed, and nothing else', async () => {
  for (const architecture of ['', 'arm64-']) {
    expect(await listFiles(join(work, `${architecture}deb`))).toEqual([...common, ...ofDebian].sort());
    expect(await listFiles(join(work, `${architecture}rpm`))).toEqual([...common, ...ofOthers].sort());
  }
  expect(await readFile(join(work, 'control/conffiles'), 'utf8')).toBe('/etc/enid/config.yaml\n');
});

it.each(['deb', 'rpm'])('.%s: the program runs on the node inside, with no other beside it', async (kind) => {
  const directory = join(work, kind);
  expect(await readFile(join(directory, 'usr/libexec/enid/enid.js'), 'utf8')).toMatch(
    /^#!\/usr\/libexec\/enid\/node\n/,
  );
  const node = join(directory, 'usr/libexec/enid/node');
  // The version that all tests run on (spec/packages.spec.ts).
  expect((await runChecked([node, '-v'])).trim()).toBe(process.version);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const argv = ['env', '-i', 'PATH=/nowhere', node, join(directory, 'usr/libexec/enid/enid.js'), '--version'];
  expect(await runChecked(argv)).toContain(version);
  const load =
    'process.dlopen(module, process.argv[1]); process.stdout.write(Object.keys(module.exports).length > 0 ? "loaded" : "")';
  for (const addon of ['koffi.node', 'netlink.node'])
    expect(await runChecked([node, '-e', load, join(directory, 'usr/libexec/enid', addon)])).toBe('loaded');
});

it.each(['deb', 'rpm', 'arm64-deb', 'arm64-rpm'])('%s lists what others wrote, with each licence', async (kind) => {
  const notices = await runChecked(['zcat', noticesOf(kind)]);
  const [, ...rows] = notices.slice(0, notices.indexOf('====')).trim().split('\n');
  const listed = rows.map((row) => row.trim().split(/\s+/));
  const arch = kind.startsWith('arm64') ? 'arm64' : 'x64';
  // The stripped binaries, and the libraries in the bundle.
  expect(listed.map(([, name]) => name)).toEqual(
    expect.arrayContaining([`node-linux-${arch}`, `@koromix/koffi-linux-${arch}`, 'netlink', 'got', 'winston', 'zod']),
  );
  for (const [bytes, name, version] of listed) {
    expect(Number(bytes)).toBeGreaterThan(0);
    expect(notices).toContain(`\n${name} ${version}\n`);
  }
  expect(notices).not.toContain('has no text of the licence');
});

describe("the .rpm by Fedora's practice", () => {
  const query = async (...options: string[]) =>
    (await runChecked(['rpm', '-qp', ...options, await findPackage(ofRpm.amd64)])).trim().split('\n');

  it('names all bundled software, including node and its libraries, and the user and group that it creates', async () => {
    const provided = await query('--provides');
    const notices = await runChecked(['zcat', noticesOf('rpm')]);
    const [, ...rows] = notices.slice(0, notices.indexOf('====')).trim().split('\n');
    for (const [, name, version, , where] of rows.map((row) => row.trim().split(/\s+/)))
      if (where !== 'node') expect(provided).toContain(`bundled(npm(${name})) = ${version}`);
    expect(provided).toContain(`bundled(nodejs) = ${process.version.slice(1)}`);
    for (const library of ['openssl', 'v8', 'icu', 'libuv', 'sqlite'])
      expect(provided).toContainEqual(expect.stringMatching(`^bundled\\(${library}\\) = [\\d.]+$`));
    for (const name of ['user(enid)', 'group(enid)']) expect(provided).toContain(name);
  });

  it('has a licence tag that covers each, and the texts marked as such', async () => {
    const [tag = ''] = await query('--queryformat', '%{LICENSE}\n');
    const named = tag.split(' AND ');
    const notices = await runChecked(['zcat', noticesOf('rpm')]);
    const [, ...rows] = notices.slice(0, notices.indexOf('====')).trim().split('\n');
    const found = new Set(rows.map((row) => row.trim().split(/\s+/)[3]?.replace('MIT/X11', 'MIT')));
    expect(named).toEqual(expect.arrayContaining([...found]));
    // For the parts of node: by the LICENSE of its release.
    expect(named).toEqual(expect.arrayContaining(['Unicode-3.0', 'Zlib', 'CC0-1.0', 'blessing']));
    expect(await query('-L')).toEqual(
      ['LICENSE', 'third-party-notices.gz'].map((name) => `/usr/share/licenses/enid/${name}`),
    );
  });

  it('asks for systemd-resolved as the peer does, so that an autoremove leaves DNS, and has no obsolete tag', async () => {
    expect(await query('--requires')).toContain('(systemd-resolved or systemd < 250)');
    expect(await query('--queryformat', '%{GROUP}|%{PACKAGER}\n')).toEqual(['Unspecified|(none)']);
  });
});

it('the SELinux policies of Fedora and Debian label everything that is executed as a program', async () => {
  const paths = await runChecked(['find', join(work, 'rpm'), '-type', 'f', '-perm', '/111', '-printf', '/%P\n']);
  const executed = paths.trim().split('\n');
  expect(executed).toContain('/usr/libexec/enid/node');
  for (const policy of Object.values(policies))
    for (const path of executed) expect([path, findFileType(path, policy)]).toEqual([path, 'bin_t']);
});

/** e_machine of the ELF header (elf(5)). */
const machines = { amd64: 62, arm64: 183 };

it.each([
  ['deb', machines.amd64],
  ['rpm', machines.amd64],
  ['arm64-deb', machines.arm64],
  ['arm64-rpm', machines.arm64],
])('%s has programs of its architecture alone', async (directory, machine) => {
  for (const name of ['node', 'koffi.node', 'netlink.node']) {
    const program = await readFile(join(work, directory, 'usr/libexec/enid', name));
    expect(program.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    expect([name, program.readUInt16LE(18)]).toEqual([name, machine]);
  }
});

it(
  'has the same bytes when it is built again',
  async () => {
    const again = (await build('amd64')).trim().split('\n');
    expect(again).toHaveLength(2);
    expect(sums.trim().split('\n')).toEqual(expect.arrayContaining(again));
  },
  buildMs,
);

it(
  'has only lintian and rpmlint findings with a stated reason',
  async () => {
    const files = [await findPackage(ofDeb.amd64), await findPackage(ofRpm.amd64)];
    const said = await runChecked(['bash', join(root, 'units/package/lint.sh'), ...files], { timeoutMs: buildMs });
    expect(said).toMatch(/0 errors, 0 warnings/);
  },
  buildMs,
);

/** The rest of the matrix: `npm run test:distributions`. */
it.each(shortRows.map((row) => [nameRow(row), row] as const))(
  'works as .deb on a separate host: %s',
  async (_name, row) => {
    const parts = { tree: findTree(row, process.env['ENID_MATRIX'] ?? ''), packages };
    const { failures } = await runRow(row, parts, (text) => console.log(text));
    expect(failures).toEqual({});
  },
  buildMs,
);

/**
 * Debian has no rpm-based system, so Debian's own directory serves as a root for rpm, which runs
 * the scripts in it. Nothing of it is left.
 */
const inRpmRoot = `
set -eu
mount -t tmpfs root /mnt && mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir="$1",upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
rpm() { command rpm --root /mnt/root --dbpath /var/lib/rpm "$@"; }
list() { (cd /mnt/root && find . -xdev ! -type d ! -path './var/lib/rpm/*' -printf '%p %s\\n' | sort); }
rpm --initdb
chroot /mnt/root systemctl -q enable systemd-networkd
list > /mnt/before
rpm --nodeps --nosignature -i "$2"
rpm -V --nodeps enid
chroot /mnt/root enid --version
chroot /mnt/root systemctl is-enabled enid.service
chroot /mnt/root getent passwd enid
chroot /mnt/root systemctl -q disable enid.service
rpm --nodeps --nosignature -U --replacepkgs "$2"
echo "upgraded: $(chroot /mnt/root systemctl is-enabled enid.service) $(ls /mnt/root/etc/systemd/network)"
rpm -e enid
list > /mnt/after
diff /mnt/before /mnt/after || true
`;

it(
  'as .rpm is installed into a root and removed by its scripts, which keep the network configuration and the user',
  async () => {
    const tree = process.env['ENID_MACHINE_TREE'] ?? '';
    const said = await runChecked(['unshare', '-m', 'sh', '-c', inRpmRoot, '-', tree, await findPackage(ofRpm.amd64)], {
      timeoutMs: buildMs,
    });
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(said).toContain(version);
    expect(said).toMatch(/^enabled$/m);
    expect(said).toMatch(/^enid:x:/m);
    // The administrator's decisions stay, and the old version's scripts do not treat the upgrade as
    // a removal.
    expect(said).toMatch(/^upgraded: disabled $/m);
    const left = said.split('\n').filter((line) => line.startsWith('> '));
    expect(left.map((line) => line.split(' ')[1])).toEqual(
      expect.arrayContaining(['./etc/systemd/network/81-ec2-all.network']),
    );
    for (const line of left)
      expect(line).toMatch(
        /81-ec2-all\.network|var\/lib\/enid\/removed|\/etc\/(passwd|shadow|group|gshadow)|catalog\/database|\.(lock|pwd\.lock)/,
      );
  },
  buildMs,
);
