/**
 * deploy/: what can be run without AWS is run, in Debian trees that have nothing but loopback, by
 * cloud-init and Ansible themselves, from the repositories of a release.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { Chroot } from '../../fixtures/machine/chroot.ts';
import { runChecked } from '../../fixtures/vpc/run-program.ts';
import { findTree } from '../distributions/rows.ts';

const root = join(import.meta.dirname, '../..');

const deploy = join(root, 'deploy');
const release = join(root, 'dist/release');
const url = 'http://127.0.0.1';
const buildMs = 600_000;
const version = '0.2.0';
let host: Chroot;

beforeAll(async () => {
  const work = await mkdtemp(join(tmpdir(), 'enid-recipes-'));
  const key = join(work, 'key');
  const make = `export GNUPGHOME="$1" && gpg --batch --quiet --passphrase '' --quick-gen-key 'x <x@enid.example>' rsa3072 sign never
    gpg --batch --armor --export-secret-keys > "$2"; gpgconf --kill all`;
  await runChecked(['bash', '-ec', make, 'key', work, key], { timeoutMs: 120_000 });
  const argv = ['bash', join(root, 'units/release/release.sh'), '--key', key, '--url', url, '--architectures', 'amd64'];
  await runChecked(argv, { env: { ENID_VERSION: version, ENID_PACKAGE_LEVEL: '0' }, timeoutMs: buildMs });
  await rm(work, { recursive: true });
}, buildMs);

/** A fresh image with a web server that has the release, and no other repository. */
beforeEach(async () => {
  host = await Chroot.open(findTree({ tree: 'bookworm-recipes' }, process.env['ENID_MATRIX'] ?? ''), {
    isIsolated: true,
  });
  await host.copyIn(release, '/srv/enid');
  await host.copyIn(deploy, '/srv/deploy');
  await host.shell(`rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
    mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial
    cd /srv/enid && setsid python3 -m http.server 80 --bind 127.0.0.1 > /dev/null 2>&1 < /dev/null &
    i=0; until curl -fs -o /dev/null ${url}/SHA256SUMS || [ $i = 100 ]; do i=$((i + 1)); sleep 0.1; done`);
}, buildMs);
afterEach(() => host?.close());

const enabled = () => host.shell('systemctl is-enabled enid.service systemd-networkd.service');
const installed = async () => (await host.shell('dpkg -s enid')).match(/^Version: (.*)$/m)?.[1];
const code = async (text: string) => (await host.run(['sh', '-c', text], { timeoutMs: 180_000 })).code;
const install = (options = '') => `ENID_URL=${url} ${options} sh /srv/deploy/install.sh`;

it(
  "cloud-init's stages install it from user data",
  async () => {
    const userData = (await readFile(join(deploy, 'cloud-init/debian.yaml'), 'utf8')).replaceAll('URL/', `${url}/`);
    await host.writeFile('/var/lib/cloud/seed/nocloud-net/user-data', userData);
    await host.writeFile('/var/lib/cloud/seed/nocloud-net/meta-data', 'instance-id: i-1\n');
    // The tree has no locales.
    const settings =
      'datasource_list: [NoCloud]\nnetwork: {config: disabled}\napt: {preserve_sources_list: true}\nlocale: false\n';
    await host.writeFile('/etc/cloud/cloud.cfg.d/90-test.cfg', settings);
    await host.shell(
      `cloud-init init --local && cloud-init init && cloud-init modules --mode=config
      cloud-init modules --mode=final`,
      300_000,
    );
    expect(await installed()).toBe('0.2.0-1');
    expect(await enabled()).toBe('enabled\nenabled\n');
    const result = JSON.parse(await host.shell('cat /run/cloud-init/result.json'));
    expect(result.v1).toMatchObject({ errors: [], datasource: expect.stringContaining('NoCloud') });
    // What the one for Amazon Linux may say, too.
    for (const name of ['debian', 'amazon-linux'])
      await host.shell(`cloud-init schema --config-file /srv/deploy/cloud-init/${name}.yaml`);
  },
  buildMs,
);

it(
  'the Ansible role installs and configures it, and changes nothing the second time',
  async () => {
    const play = async (more = '') => {
      // As JSON: the form NAME=VALUE ends a value at a space.
      const words = `-i localhost, -c local -e enid_url=${url} -e '${JSON.stringify({ enid_config: config })}' ${more}`;
      const said = await host.shell(`cd /srv/deploy/ansible && ansible-playbook ${words} playbook.yml`, 300_000);
      return Object.fromEntries(
        [...said.matchAll(/(ok|changed|failed)=(\d+)/g)].map(([, name, count]) => [name, Number(count)]),
      );
    };
    const config = 'hostname: true';
    const first = await play();
    expect(first['failed']).toBe(0);
    expect(first['changed']).toBeGreaterThan(3);
    expect(await installed()).toBe('0.2.0-1');
    expect(await host.shell('cat /etc/enid/config.d/50-ansible.yaml')).toBe('hostname: true');
    expect(await host.shell('enid config show')).toContain('hostname: true');
    expect(await play()).toMatchObject({ failed: 0, changed: 0 });
    // What the configuration of the role may not say is found before it is there.
    expect(
      await code(
        `cd /srv/deploy/ansible && ansible-playbook -i localhost, -c local -e enid_url=${url} -e enid_config=nonsense playbook.yml`,
      ),
    ).not.toBe(0);
    expect(await host.shell('cat /etc/enid/config.d/50-ansible.yaml')).toBe('hostname: true');
  },
  buildMs,
);

describe('deploy/install.sh', () => {
  it(
    'has enid and networkd enabled in an image, and changes nothing the second time',
    async () => {
      expect(await code(install('ENID_VERSION=0.2.0-1').concat(' image'))).toBe(0);
      expect(await enabled()).toBe('enabled\nenabled\n');
      expect(await host.shell('cat /etc/cloud/cloud.cfg.d/99-enid-network.cfg')).toBe('network: {config: disabled}\n');
      const list =
        'find /etc /usr -xdev -type f -newer /srv/mark ! -path "*/apt/*" ! -name "99-enid-network.cfg" ! -name enid.sources';
      await host.shell('touch /srv/mark && sleep 1.1');
      expect(await code(install('ENID_VERSION=0.2.0-1').concat(' image'))).toBe(0);
      expect(await host.shell(list)).toBe('');
    },
    buildMs,
  );

  it(
    'says no by its exit code: another key, a version that is not there, an image with another manager',
    async () => {
      expect(await code(install(`ENID_KEY_SHA256=${'0'.repeat(64)}`))).toBe(1);
      expect(await code(install('ENID_VERSION=9.9'))).not.toBe(0);
      expect(await code('dpkg -s enid')).not.toBe(0);
      const sum = (await host.shell(`sha256sum /srv/enid/apt/enid-archive-keyring.gpg | cut -d' ' -f1`)).trim();
      await host.shell(
        'mkdir -p /usr/lib/systemd/system && printf "[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n" > /usr/lib/systemd/system/NetworkManager.service && systemctl -q enable NetworkManager.service',
      );
      const { code: refused, stderr } = await host.run(
        ['sh', '-c', install(`ENID_KEY_SHA256=${sum}`).concat(' image')],
        { timeoutMs: 180_000 },
      );
      expect(refused).toBe(1);
      expect(stderr).toContain('expected enid.service to be enabled in the image');
    },
    buildMs,
  );
});

it(
  'what the others run, as they run it',
  async () => {
    const put = (text: string) => text.replaceAll('{{ Url }}', url).replaceAll(/\{\{ \w+ \}\}/g, '');
    const { mainSteps } = JSON.parse(await readFile(join(deploy, 'ssm/document.json'), 'utf8'));
    // The last line waits for a service manager.
    const ssm = mainSteps[0].inputs.runCommand.slice(0, -1);
    const { phases } = parse(await readFile(join(deploy, 'image-builder/component.yaml'), 'utf8'));
    const [build, validate] = phases.map(
      ({ steps }: { steps: [{ inputs: { commands: string[] } }] }) => steps[0].inputs.commands,
    );
    for (const commands of [ssm, build, validate]) await host.shell(put(commands.join('\n')));
    await host.shell(`bash /srv/deploy/parallelcluster/on-node-start.sh ${url} 0.2.0-1 && sh /srv/deploy/eks/bake.sh`);
    expect(await host.shell('systemctl is-enabled enid systemd-networkd cni-enis')).toBe('enabled\nenabled\nenabled\n');
    await host.shell('bash /srv/deploy/ssm/distributor.sh /srv/enid /srv/package');
    const manifest = JSON.parse(await host.shell('cat /srv/package/manifest.json'));
    expect(manifest).toMatchObject({
      version: '0.2.0-1',
      packages: { debian: { _any: { x86_64: { file: 'enid_amd64.zip' } } } },
    });
    await host.shell(`apt-get remove -y enid && mkdir /srv/one && cd /srv/one && python3 -m zipfile -e /srv/package/enid_amd64.zip .
    sh install.sh && enid --version && sh uninstall.sh && ! [ -e /usr/bin/enid ]`);
  },
  buildMs,
);

it('every file can be parsed, and shellcheck has nothing to say', async () => {
  const files = (
    await runChecked([
      'git',
      '-C',
      root,
      'ls-files',
      '--cached',
      '--others',
      '--exclude-standard',
      'deploy',
      'units/release',
    ])
  )
    .trim()
    .split('\n');
  for (const file of files.filter((name) => /\.ya?ml$/.test(name)))
    expect([file, parseAllDocuments(await readFile(join(root, file), 'utf8')).flatMap(({ errors }) => errors)]).toEqual(
      [file, []],
    );
  const shells = files.filter((name) => name.endsWith('.sh')).map((name) => join(root, name));
  expect(shells.length).toBeGreaterThan(9);
  await runChecked(['shellcheck', '-x', '-S', 'warning', '-P', root, ...shells]);
});
