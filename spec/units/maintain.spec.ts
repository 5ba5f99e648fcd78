/** What the packages' scripts decide about the next boot, with the host's own programs answered for. */

import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const script = join(import.meta.dirname, '../../units/package/maintain.sh');
let directory: string;
let fallback: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-maintain-'));
  fallback = join(directory, 'network/80-ec2.network');
  mkdirSync(join(directory, 'network'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Calls a function of the script; what it has systemctl do is printed. */
function call(name: string, enabled: readonly string[], interfaces = 'auto lo\niface lo inet loopback\n'): string {
  writeFileSync(join(directory, 'interfaces'), interfaces);
  const systemctl = `systemctl() {
    case "$*" in
      ${enabled.map((unit) => `*"is-enabled ${unit}.service"`).join(' | ') || '-'}) return 0 ;;
      *is-*) return 1 ;;
      *) echo "$*" ;;
    esac
  }`;
  const places = `fallback='${fallback}'; interfaces='${join(directory, 'interfaces')}'`;
  const text = `set -e\n. '${script}'\n${places}\n${systemctl}\n${name}`;
  return execFileSync('sh', ['-c', text], { encoding: 'utf8' });
}

const isThere = () => lstatSync(fallback, { throwIfNoEntry: false }) !== undefined;

describe('decide_next_boot', () => {
  it('enables enid where systemd-networkd is, and nobody else', () => {
    expect(call('decide_next_boot', ['systemd-networkd', 'networking'])).toBe('--quiet enable enid.service\n');
    expect(isThere()).toBe(false);
  });

  it('does nothing where systemd-networkd is not', () => {
    expect(call('decide_next_boot', ['NetworkManager'])).toBe('');
    expect(isThere()).toBe(false);
  });

  it.each<[string, string | undefined]>([
    ['NetworkManager', undefined],
    ['dhcpcd', undefined],
    ['networking', 'auto lo\niface lo inet loopback\n\niface ens5 inet static\n'],
  ])('keeps systemd-networkd off the ENIs beside %s', (rival, interfaces) => {
    expect(call('decide_next_boot', ['systemd-networkd', rival], interfaces)).toBe('');
    expect(readlinkSync(fallback)).toBe('/dev/null');
    // Once more, as a second installation does.
    expect(call('decide_next_boot', ['systemd-networkd', rival], interfaces)).toBe('');
  });
});

describe('purge_fallback', () => {
  it.each([
    [['systemd-networkd'], true],
    [['systemd-networkd', 'networking'], true],
    [['networking'], false],
  ])('with %j enabled the file that enid left stays: %s', (enabled, stays) => {
    writeFileSync(fallback, '# Left by the removal of enid.\n[Match]\n');
    expect(call('purge_fallback', enabled)).toMatch(stays ? /stays/ : /^$/);
    expect(isThere()).toBe(stays);
  });

  it('takes the link to /dev/null with it, and leaves a file of the administrator', () => {
    symlinkSync('/dev/null', fallback);
    call('purge_fallback', []);
    expect(isThere()).toBe(false);
    writeFileSync(fallback, '[Match]\nName=ens5\n');
    call('purge_fallback', []);
    expect(isThere()).toBe(true);
  });
});
