/**
 * `npm run release`: what apt and dnf themselves say of the repositories that it makes, in Debian
 * trees, over HTTP: taken, upgraded, gone back, and refused where somebody has changed them.
 */

import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type FileServer, openFileServer } from '../../fixtures/file-server.ts';
import { Chroot } from '../../fixtures/machine/chroot.ts';
import { runChecked, runProgram } from '../../fixtures/vpc/run-program.ts';
import { findTree } from '../distributions/rows.ts';

const root = join(import.meta.dirname, '../..');
const buildMs = 600_000;
const [before, now] = ['0.2.0-rc.1', '0.2.0'];
const trees = process.env['ENID_MATRIX'] ?? '';

let work: string;
let server: FileServer;
const at = (name: string) => join(work, name);

/** A key of its own, without a passphrase; `since`: by a clock that stands there, for 30 days. */
async function makeKey(name: string, since?: string): Promise<string> {
  const file = at(`${name}.key`);
  const make = `export GNUPGHOME=$(mktemp -d)
    gpg --batch --quiet --passphrase '' --quick-gen-key "$1 <$1@enid.example>" rsa3072 sign "$2"
    gpg --batch --armor --export-secret-keys > "$3"; gpgconf --kill all; rm -rf "$GNUPGHOME"`;
  const clock = since === undefined ? [] : ['faketime', since];
  const argv = ['bash', '-ec', make, 'key', name, since === undefined ? 'never' : '30d', file];
  await runChecked([...clock, ...argv], { timeoutMs: 120_000 });
  return file;
}

/** Makes a release and keeps it under a name. */
async function release(name: string, version: string, ...options: string[]): Promise<void> {
  const argv = ['bash', join(root, 'units/release/release.sh'), '--url', server.url, ...options];
  await runChecked(argv, { env: { ENID_VERSION: version, ENID_PACKAGE_LEVEL: '0' }, timeoutMs: buildMs });
  await rm(at(name), { recursive: true, force: true });
  await cp(join(root, 'dist/release'), at(name), { recursive: true });
}

/** A copy of the release, changed by the shell in it, and served. */
async function serveChanged(change: string, release = 'release'): Promise<void> {
  await rm(at('changed'), { recursive: true, force: true });
  await runChecked(['cp', '-al', at(release), at('changed')]);
  await runChecked(['bash', '-euc', `cd "$1"; ${change}`, 'change', at('changed')]);
  server.serve(at('changed'));
}

async function refresh(name: string, key: string, options: readonly string[], clock: readonly string[] = []) {
  // By hard links: what is signed again is another file.
  await runChecked(['cp', '-a', at('release'), at(name)]);
  const argv = ['bash', join(root, 'units/release/refresh.sh'), at(name), '--key', key, ...options];
  await runChecked([...clock, ...argv], { timeoutMs: buildMs });
}

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'enid-release-'));
  server = await openFileServer(work);
  const key = await makeKey('enid');
  await release('candidate', before, '--key', key, '--architectures', 'amd64');
  await release('release', now, '--key', key, '--previous', at('candidate'));
  const past = '2026-01-01 00:00:00';
  await refresh('expired', key, ['--valid-days', '-1']);
  await refresh('foreign', await makeKey('other'), []);
  await refresh('expired-key', await makeKey('past', past), ['--valid-days', '3000'], ['faketime', past]);
}, 3 * buildMs);
afterAll(async () => {
  await server?.close();
  await rm(work, { recursive: true, force: true });
});

/** Each with how it is served; whoever asks has seen nothing of it before. */
const refusedIndexes: readonly (readonly [string, () => Promise<void>])[] = [
  ['changed', () => serveChanged(changeIndexes)],
  [
    'without signatures',
    () => serveChanged("find . -name 'InRelease' -o -name 'Release.gpg' -o -name '*.xml.asc' | xargs rm"),
  ],
  ['signed by another key', async () => server.serve(at('foreign'))],
  ['signed by a key that has expired', async () => server.serve(at('expired-key'))],
];
/** One letter of a description, in files of their own. */
const changeIndexes = `find . -path '*/Packages*' -o -path '*/by-hash/*/*' -o -name '*primary.xml.gz' | while read -r file; do
  case $file in *.gz) cat=zcat ;; *) cat=cat ;; esac
  $cat "$file" | sed 's/ENI daemon/ENI demon/' > "$file.part"
  if [ $cat = zcat ]; then gzip -n < "$file.part" > "$file.new"; mv "$file.new" "$file"; rm "$file.part"; else mv "$file.part" "$file"; fi
done`;

describe.each(['bookworm', 'forky'] as const)('apt of Debian %s', (tree) => {
  let host: Chroot;
  const clean = 'rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin';
  const installed = async () =>
    (await host.shell('dpkg -s enid | grep -E "^(Status|Version):"'))
      .replaceAll(/\w+: /g, '')
      .trim()
      .replace('\n', ' ');
  const code = async (text: string) => (await host.run(['sh', '-c', text], { timeoutMs: 120_000 })).code;

  beforeAll(async () => {
    host = await Chroot.open(findTree({ tree }, trees));
    server.serve(at('release'));
    await host.shell('rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*');
    await host.copyIn(at('release/apt'), '/from');
    // As docs/install.md has it: the key, then the file of the repository.
    await host.shell(`cp /from/enid-archive-keyring.gpg /usr/share/keyrings/
      cp /from/enid.sources /etc/apt/sources.list.d/ && rm -r /from && apt-get update`);
  }, buildMs);
  afterAll(() => host?.close());

  it('installs the release, and networkd and enid are enabled in an image', async () => {
    await host.shell('apt-get install -y --no-install-recommends enid enid-archive-keyring');
    expect(await installed()).toBe('install ok installed 0.2.0-1');
    expect(await host.shell('enid --version')).toContain(now);
    expect(await host.shell('systemctl is-enabled enid.service systemd-networkd.service')).toBe('enabled\nenabled\n');
  });

  it('has a candidate only where unstable is asked for, older than the release', async () => {
    expect(await host.shell('apt-cache policy enid')).not.toContain('rc.1');
    await host.shell(
      "sed -i 's/^Suites:.*/Suites: stable unstable/' /etc/apt/sources.list.d/enid.sources && apt-get update",
    );
    const policy = await host.shell('apt-cache policy enid');
    expect(policy).toContain('Candidate: 0.2.0-1\n');
    expect(policy).toContain('0.2.0~rc.1-1 100');
  });

  it('goes back to the version before, and up again, and the configuration stays', async () => {
    await host.writeFile('/etc/enid/config.d/mine.yaml', 'hostname: true\n');
    await host.shell("echo '# mine' >> /etc/enid/config.yaml");
    await host.shell('apt-get install -y --allow-downgrades enid=0.2.0~rc.1-1');
    expect(await installed()).toContain('0.2.0~rc.1-1');
    expect(await host.shell('enid --version')).toContain(before);
    await host.shell('apt-get upgrade -y');
    expect(await installed()).toContain('0.2.0-1');
    expect(await host.shell('cat /etc/enid/config.d/mine.yaml; tail -n 1 /etc/enid/config.yaml')).toBe(
      'hostname: true\n# mine\n',
    );
  });

  it.each([...refusedIndexes, ['of yesterday, with Valid-Until', async () => server.serve(at('expired'))] as const])(
    'refuses a repository that is %s',
    async (_name, serve) => {
      server.serve(at('release'));
      expect(await code(`${clean}; apt-get update`)).toBe(0);
      await serve();
      expect(await code(`${clean}; apt-get update`)).toBe(100);
      expect(await code('apt-get clean; cd /tmp && apt-get download enid')).toBe(100);
    },
  );

  it('refuses a package that somebody has changed', async () => {
    await serveChanged("find . -name 'enid_*_amd64.deb' -exec sh -c 'cp $0 $0.x; echo x >> $0.x; mv $0.x $0' {} \\;");
    await host.shell(`${clean}; apt-get clean; apt-get update`);
    expect(await code('apt-get install -y --reinstall enid')).toBe(100);
    server.serve(at('release'));
    expect(await code('apt-get install -y --reinstall enid')).toBe(0);
  });
});

describe('dnf', () => {
  let host: Chroot;
  const installed = async () => (await host.shell('rpm -q enid')).trim();
  const dnf = async (words: string) =>
    (await host.run(['sh', '-c', `dnf -y ${words} 2>&1`], { timeoutMs: 180_000 })).code;
  const clean =
    'rm -rf /var/cache/dnf /var/lib/dnf/repos; rpm -q gpg-pubkey > /dev/null && rpm -e $(rpm -q gpg-pubkey)';

  beforeAll(async () => {
    host = await Chroot.open(findTree({ tree: 'bookworm-rpm' }, trees));
    const build =
      '. spec/distributions/stand-ins.sh && build_stand_ins "$1" && mkdir "$2" && mv "$1"/stand-in*.rpm "$2"';
    await runChecked(['bash', '-ec', `cd ${root} && ${build}`, 'build', work, at('stand-ins')]);
    await host.copyIn(at('stand-ins'), '/packages');
    await host.copyIn(at('release/rpm'), '/from');
    await host.shell(
      'rpm -i --nosignature /packages/*.rpm && mkdir -p /etc/yum.repos.d && cp /from/enid-unstable.repo /etc/yum.repos.d/ && rm -r /from',
    );
    server.serve(at('release'));
  }, buildMs);
  afterAll(() => host?.close());

  it('installs the release, which is newer than its candidate, by key and signatures', async () => {
    const repo = await host.shell('cat /etc/yum.repos.d/enid-unstable.repo');
    expect(repo).toMatch(/^gpgcheck=1$/m);
    expect(repo).toMatch(/^repo_gpgcheck=1$/m);
    expect(await dnf('install enid')).toBe(0);
    expect(await installed()).toBe('enid-0.2.0-1.x86_64');
    expect(await host.shell('rpm -q --qf "%{SIGPGP:pgpsig}|%{RSAHEADER:pgpsig}|%{VENDOR}|%{URL}" enid')).toMatch(
      /RSA\/SHA512.*\|The enid project\|https:/,
    );
    expect(await host.shell('systemctl is-enabled enid.service systemd-networkd.service')).toBe('enabled\nenabled\n');
  });

  it('goes back to the version before, and up again', async () => {
    expect(await dnf('downgrade enid')).toBe(0);
    expect(await installed()).toBe('enid-0.2.0~rc.1-1.x86_64');
    expect(await host.shell('enid --version')).toContain(before);
    expect(await dnf('upgrade enid')).toBe(0);
    expect(await installed()).toBe('enid-0.2.0-1.x86_64');
  });

  it.each(refusedIndexes)('refuses a repository that is %s', async (_name, serve) => {
    server.serve(at('release'));
    await host.shell(`${clean}; true`);
    expect(await dnf('makecache')).toBe(0);
    await serve();
    // The key that was trusted stays; that of the repository is not the one.
    await host.shell('rm -rf /var/cache/dnf/*/repodata /var/cache/dnf/*.solv*');
    expect(await dnf('--setopt=skip_if_unavailable=False makecache')).toBe(1);
  });

  it('refuses a package without a signature, and a changed one', async () => {
    await serveChanged(
      `cd rpm/unstable/x86_64 && for file in *.rpm; do cp $file $file.x && rpmsign --delsign $file.x > /dev/null && mv $file.x $file; done`,
    );
    await host.shell(`${clean}; rpm -e enid`);
    expect(await dnf('install enid')).toBe(1);
    server.serve(at('release'));
    await host.shell(`${clean}; true`);
    expect(await dnf('install enid')).toBe(0);
  });
});

it('has checksums of all files, and their signature by the key', async () => {
  const check = `cd "$1" && sha256sum --quiet --strict -c SHA256SUMS && export GNUPGHOME=$(mktemp -d) &&
    gpg --quiet --import enid.asc && gpg --verify SHA256SUMS.asc SHA256SUMS && rm -r "$GNUPGHOME"`;
  await runChecked(['bash', '-ec', check, 'check', at('release')]);
  const listed = (await readFile(at('release/SHA256SUMS'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(/ +/)[1]);
  const entries = await readdir(at('release'), { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(at('release'), join(parentPath, name)))
    .filter((name) => !/^(SHA256SUMS.*|(apt|rpm)\/.*)$/.test(name));
  expect(listed.sort()).toEqual(files.sort());
  expect(
    files.filter((name) => /^enid[_-]0\.2\.0-1[._](amd64|arm64|x86_64|aarch64)\.(deb|rpm)$/.test(name)),
  ).toHaveLength(4);
  expect(await readFile(at('candidate/notes.md'), 'utf8')).toMatch(/^# enid 0\.2\.0-rc\.1\n\n- /);
});

it(
  'is the same when it is built again, and a difference is seen',
  async () => {
    await release('again', now, '--key', await makeKey('again'));
    const compare = (name: string) =>
      runProgram(['bash', join(root, 'units/release/compare.sh'), at('release'), at(name)]);
    const { stdout, code } = await compare('again');
    expect({ code, differs: stdout.match(/^differs.*/gm) ?? [] }).toEqual({
      code: 1,
      // It has the key.
      differs: [expect.stringContaining('enid-archive-keyring')],
    });
    expect(stdout.match(/^same: .*\.(deb|rpm|json|md)$/gm)).toHaveLength(7);
    await writeFile(at('again/enid_0.2.0-1_amd64.deb'), 'another');
    expect((await compare('again')).stdout).toContain('differs: enid_0.2.0-1_amd64.deb');
  },
  buildMs,
);

it('the bill of materials names what has bytes in the packages, and nothing else', async () => {
  for (const arch of ['amd64', 'arm64']) {
    const { components, dependencies } = JSON.parse(await readFile(at(`release/enid_0.2.0_${arch}.cdx.json`), 'utf8'));
    const names = components
      .flatMap((one: Component) => [one, ...(one.components ?? [])])
      .map(({ name }: Component) => name);
    const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -xO ./usr/share/doc/enid/third-party-notices.gz | zcat';
    const notices = await runChecked(['sh', '-c', unpack, 'sh', at(`release/enid_0.2.0-1_${arch}.deb`)]);
    const [, ...rows] = notices.slice(0, notices.indexOf('====')).trim().split('\n');
    const listed = new Set(rows.map((row) => row.trim().split(/\s+/)[1] ?? ''));
    const modules = components
      .filter(({ purl }: Component) => purl.startsWith('pkg:npm/'))
      .map(({ name }: Component) => name);
    // koffi's own JavaScript is not in it: its addon is.
    expect(new Set(modules)).toEqual(
      new Set(
        [...listed]
          .filter((name) => !/^node-linux/.test(name))
          .map((name) => name.replace(/^@koromix\/koffi-.*/, 'koffi')),
      ),
    );
    expect(names).toEqual(
      expect.arrayContaining([
        'Node.js',
        'koffi',
        'netlink',
        'openssl',
        `node-linux-${arch === 'arm64' ? 'arm64' : 'x64'}`,
      ]),
    );
    // What the lock file has beside it are tools.
    expect(names).not.toContain('jest');
    const refs = new Set(dependencies.map(({ ref }: { ref: string }) => ref));
    for (const { dependsOn } of dependencies) for (const ref of dependsOn) expect(refs).toContain(ref);
  }
});

interface Component {
  readonly name: string;
  readonly purl: string;
  readonly components?: readonly Component[];
}
