/**
 * Text from others never controls the operator's terminal: every command, without and with a
 * terminal.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

/** Sets the title and colours, uses CSI as one C1 character, and reverses the order of letters. */
const evil = '\x1b]0;own\x07\x1b[31m\u009b2J\u202e\x7f';
const directory = mkdtempSync(join(tmpdir(), 'enid-terminal-'));

beforeAll(() => {
  const config = { drivers: ['veth'], runtimeDirectory: directory, networkd: { unitDirectory: directory } };
  const imds = { endpoints: ['http://127.0.0.1:1'], timeout: '200ms' };
  const interfaces = [{ match: { tag: { role: evil } }, manage: 'none' }];
  writeFileSync(join(directory, 'good.yaml'), JSON.stringify({ ...config, imds, interfaces }));
  writeFileSync(join(directory, 'bad.yaml'), JSON.stringify({ ...config, hostname: evil, [evil]: 1 }));
  const mac = '06:00:00:00:00:01';
  const snapshot = { primaryMac: mac, enis: [{ kind: 'ready', eni: readyEni(mac) }], instanceId: null };
  writeFileSync(join(directory, 'metadata.json'), JSON.stringify({ snapshot, departed: [] }));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Ways are looked up on its link. */
function readyEni(mac: string) {
  return {
    ...{ mac, eniId: 'eni-00000000000000001', deviceNumber: 0, networkCard: 0, subnetId: null, vpcId: null },
    ...{ ipv4Addresses: ['10.0.0.5'], ipv6Addresses: [], ipv4Prefixes: [], ipv6Prefixes: [] },
    ...{ subnetIpv4: '10.0.0.0/24', subnetIpv6: [], publicIpv4: {} },
  };
}

/** In namespaces of its own, beside a link with such a name and such an alternative name. */
function run(words: readonly string[], isTerminal: boolean): string {
  const script = `
    set -e
    mount -t tmpfs tmpfs /run
    name=$(printf 'ens\\033[31m\\302\\233\\342\\200\\256')
    ip link add "$name" address 06:00:00:00:00:01 type veth peer name peer
    ip link property add dev "$name" altname "$(printf 'alt\\302\\2332J\\342\\200\\256')"
    ip address add 10.0.0.5/24 dev "$name"
    ip link set "$name" up
    ip link set peer up
    command=$1; shift
    if [ "$command" = terminal ]; then script -qec "$(printf '%q ' "$@")" /dev/null; else "$@"; fi`;
  const command = [process.execPath, resolve('dist/enid.js'), ...words];
  const { stdout, stderr } = spawnSync(
    'unshare',
    [
      '-n',
      '-m',
      '--propagation',
      'private',
      'bash',
      '-c',
      script,
      'bash',
      isTerminal ? 'terminal' : 'pipe',
      ...command,
    ],
    { encoding: 'utf8', input: '', env: { ...process.env, SHELL: '/bin/bash', NODE_OPTIONS: '' } },
  );
  return stdout + stderr;
}

const withConfig = (name: string) => ['--config', join(directory, name)];
const commands: readonly (readonly [string, readonly string[]])[] = [
  ['status', ['status', '--no-daemon', ...withConfig('good.yaml')]],
  ['status --json', ['status', '--no-daemon', '--json', ...withConfig('good.yaml')]],
  ['plan', ['plan', '--no-daemon', ...withConfig('good.yaml')]],
  ['explain', ['explain', '--no-daemon', '10.0.0.5', ...withConfig('good.yaml')]],
  ['explain --all', ['explain', '--all', ...withConfig('good.yaml')]],
  ['doctor', ['doctor', ...withConfig('good.yaml')]],
  ['doctor --json', ['doctor', '--json', ...withConfig('good.yaml')]],
  ['takeover --dry-run', ['takeover', '--dry-run', ...withConfig('good.yaml')]],
  ['config show', ['config', 'show', ...withConfig('good.yaml')]],
  ['config show --resolved', ['config', 'show', '--resolved', ...withConfig('good.yaml')]],
  ['config check of a bad file', ['config', 'check', ...withConfig('bad.yaml')]],
  ['a bad file', ['status', ...withConfig('bad.yaml')]],
  ['a file that is not there', ['config', 'check', '--config', `/nowhere/${evil}`]],
  ['an unknown command', [evil]],
  ['an unknown option', ['status', `--${evil}`]],
  ['an odd source', ['explain', evil, ...withConfig('good.yaml')]],
  ['an odd shell', ['completion', evil]],
];

for (const isTerminal of [false, true]) {
  test.each(commands)(`enid %s${isTerminal ? ' on a terminal' : ''}`, (name, words) => {
    const output = run(words, isTerminal);
    expect(output).not.toBe('');
    // Its own colours stand around one word of its own.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is about control characters.
    const rest = output.replaceAll(/\x1b\[3\dm[a-z]+ *\x1b\[39m/g, '').replaceAll('\r\n', '\n');
    expect(rest.match(/[^\P{Cc}\n\t]|\p{Bidi_Control}/gu)?.map((one) => JSON.stringify(one)) ?? []).toEqual([]);
    // The text was there, escaped; YAML escapes it in its own way.
    if (/^(status|explain|config|a|an) /.test(`${name} `)) expect(output).toMatch(/\\u001b|\\e/);
  });
}
