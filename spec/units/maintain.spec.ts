/**
 * What the packages' scripts decide about the next boot, with the host's own programs answered for.
 */

import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const script = join(import.meta.dirname, '../../units/package/maintain.sh');
const shipped = join(import.meta.dirname, '../../units/network/80-ec2.network');
const left = '# Left by the removal of enid.\n[Match]\n';
let directory: string;
let fallback: string;
let leftForPrimary: string;
let leftForAll: string;
const at = (path: string) => join(directory, path);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-maintain-'));
  fallback = at('network/80-ec2.network');
  leftForPrimary = at('network/79-ec2-primary.network');
  leftForAll = at('network/81-ec2-all.network');
  for (const path of ['network', 'written', 'state/network', 'bin', 'links/ens5'])
    mkdirSync(at(path), { recursive: true });
  writeFileSync(at('links/ens5/address'), '06:00:00:00:00:01\n');
  for (const program of ['systemd-sysusers', 'systemd-tmpfiles']) symlinkSync('/bin/true', at(`bin/${program}`));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

interface Host {
  /** Units that are. */
  readonly enabled?: readonly string[];
  readonly active?: readonly string[];
  /** What they say of enid.service; `enabled` by default. */
  readonly presets?: 'disabled';
  /** False: an image is being built. */
  readonly hasSystemd?: boolean;
  readonly interfaces?: string;
}

/** Calls a function of the script; what it has others do is printed. */
function call(name: string, host: Host = {}): string {
  writeFileSync(at('interfaces'), host.interfaces ?? 'auto lo\niface lo inet loopback\n');
  const answers = [
    ...(host.enabled ?? []).map(
      (unit) => `"is-enabled ${unit}.service") echo enabled ;; "--quiet is-enabled ${unit}.service") ;;`,
    ),
    `"show --property=UnitFilePreset "*) echo ${host.presets ?? 'enabled'} ;;`,
    ...(host.active ?? []).map((unit) => `*"is-active ${unit}.service") ;;`),
  ];
  const text = `set -e
. '${script}'
fallback='${fallback}' left_for_primary='${leftForPrimary}' left_for_all='${leftForAll}' shipped='${shipped}' interfaces='${at('interfaces')}'
written='${at('written')}' state='${at('state')}' removed='${at('state/removed')}' backup='${at('backup')}'
links='${at('links')}' network_manager='${at('90-enid.conf')}' cloud_init='${at('99-enid.cfg')}'
systemctl() {
  case "$*" in
    ${answers.join('\n    ')}
    *is-*) return 1 ;;
    *) echo "systemctl $*" ;;
  esac
}
tell_others() { :; }
PATH='${at('bin')}':$PATH
enid() { echo "enid $*"; }
has_systemd() { ${host.hasSystemd ?? true}; }
${name}`;
  return execFileSync('sh', ['-c', text], { encoding: 'utf8' });
}

const isThere = (path = fallback) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

describe('decide_next_boot', () => {
  it('enables enid where systemd-networkd is, and nobody else', () => {
    expect(call('decide_next_boot', { enabled: ['systemd-networkd', 'networking'] })).toBe(
      'systemctl --quiet preset enid.service\n',
    );
    expect(isThere()).toBe(false);
  });

  it('does nothing where systemd-networkd is not', () => {
    expect(call('decide_next_boot', { enabled: ['NetworkManager'] })).toBe('');
    expect(isThere()).toBe(false);
  });

  it.each<[string, string | undefined]>([
    ['NetworkManager', undefined],
    ['dhcpcd', undefined],
    ['networking', 'auto lo\niface lo inet loopback\n\niface ens5 inet static\n'],
  ])('keeps systemd-networkd off the ENIs beside %s', (rival, interfaces) => {
    const host = { enabled: ['systemd-networkd', rival], ...(interfaces === undefined ? {} : { interfaces }) };
    expect(call('decide_next_boot', host)).toBe('');
    expect(readlinkSync(fallback)).toBe('/dev/null');
    // Once more, as a second installation does.
    expect(call('decide_next_boot', host)).toBe('');
  });
});

describe('before_removal', () => {
  const writtenFor = (mac: string, isPrimary: boolean) =>
    `# Written by enid for ${mac} (eni-1, device ${isPrimary ? 0 : 1}, card 0).\n[Match]\nPermanentMACAddress=${mac}\nKind=!*\n\n[Link]\nMTUBytes=9001\nRequiredForOnline=yes\n`;

  it('leaves plain DHCP for all, by which the primary comes first', () => {
    writeFileSync(at('written/70-ens4.network'), writtenFor('06:00:00:00:00:02', false));
    writeFileSync(at('written/70-ens5.network'), writtenFor('06:00:00:00:00:01', true));
    expect(call('before_removal', { enabled: ['enid', 'systemd-networkd'] })).toBe(
      'systemctl stop enid.service\nsystemctl --quiet disable enid.service\n',
    );
    const ofAll = readFileSync(leftForAll, 'utf8');
    expect(ofAll).toMatch(/^# Left by the removal of enid\.\n# Without the line above it is yours/);
    expect(ofAll.endsWith(readFileSync(shipped, 'utf8'))).toBe(true);
    const ofPrimary = readFileSync(leftForPrimary, 'utf8');
    expect(ofPrimary).toMatch(
      /^# Left by the removal of enid\.\n#.*\n\[Match\]\nPermanentMACAddress=06:00:00:00:00:01\nKind=!\*\n/,
    );
    expect(ofPrimary.match(/RouteMetric=.*/g)).toEqual(['RouteMetric=512', 'RouteMetric=512']);
    expect(ofPrimary).not.toMatch(/Driver=/);
    expect(ofPrimary).toMatch(/^DHCP=yes$/m);
  });

  it('leaves nothing where the next boot is not systemd-networkd’s', () => {
    writeFileSync(at('written/70-ens5.network'), writtenFor('06:00:00:00:00:01', true));
    call('before_removal', { enabled: ['NetworkManager'] });
    expect([isThere(leftForAll), isThere(leftForPrimary)]).toEqual([false, false]);
  });

  it("leaves a file of the administrator's, and nothing beside it", () => {
    writeFileSync(at('written/70-ens5.network'), writtenFor('06:00:00:00:00:01', true));
    writeFileSync(fallback, '[Match]\nName=ens5\n');
    call('before_removal', { enabled: ['systemd-networkd'] });
    expect(readFileSync(fallback, 'utf8')).toBe('[Match]\nName=ens5\n');
    expect([isThere(leftForAll), isThere(leftForPrimary)]).toEqual([false, false]);
  });

  it('lets the link to /dev/null go after it beside another, and puts the files in its place where that is gone', () => {
    writeFileSync(at('written/70-ens5.network'), writtenFor('06:00:00:00:00:01', true));
    symlinkSync('/dev/null', fallback);
    call('before_removal', { enabled: ['systemd-networkd', 'dhcpcd'] });
    expect(readlinkSync(fallback)).toBe('/dev/null');
    call('after_removal');
    expect([isThere(leftForAll), isThere(leftForPrimary)]).toEqual([false, false]);
    symlinkSync('/dev/null', fallback);
    call('before_removal', { enabled: ['systemd-networkd'] });
    call('after_removal');
    expect(readFileSync(leftForAll, 'utf8')).toMatch(/^DHCP=yes$/m);
    expect(isThere(leftForPrimary)).toBe(true);
  });

  it.each([
    ['an expression of sed', 'a/;1e touch /tmp/never #'],
    ['a link of another host', '06:00:00:00:00:99'],
  ])('takes nothing but the MAC of a link of this host from files that root did not write: %s', (_name, mac) => {
    writeFileSync(at('written/70-ens5.network'), writtenFor(mac, true));
    call('before_removal', { enabled: ['systemd-networkd'] });
    expect([isThere(leftForAll), isThere(leftForPrimary)]).toEqual([true, false]);
  });

  it('finds the primary in the files that are kept, where enid has not run since the boot', () => {
    writeFileSync(at('state/network/70-ens5.network'), writtenFor('06:00:00:00:00:01', true));
    call('before_removal', { enabled: ['systemd-networkd'] });
    expect(isThere(leftForPrimary)).toBe(true);
  });

  it('is done to its end where it was interrupted, and remembers what enid was', () => {
    writeFileSync(at('written/70-ens5.network'), writtenFor('06:00:00:00:00:01', true));
    expect(() => call('mv() { return 1; }; before_removal', { enabled: ['enid', 'systemd-networkd'] })).toThrow();
    expect([isThere(leftForAll), isThere(leftForPrimary)]).toEqual([false, false]);
    call('before_removal', { enabled: ['systemd-networkd'] });
    expect([isThere(leftForAll), isThere(leftForPrimary)]).toEqual([true, true]);
    expect(call('after_aborted_removal')).toMatch(/enable --now enid/);
  });

  it('enables systemd-networkd where only enid has started it', () => {
    const said = call('before_removal', { active: ['systemd-networkd'] });
    expect(said).toMatch(/enable systemd-networkd\.service/);
    expect(call('before_removal', { active: ['systemd-networkd'], enabled: ['dhcpcd'] })).not.toMatch(
      /systemd-networkd/,
    );
  });

  it.each([[['enid']], [[]]])('is taken back where dpkg gives up; %j was enabled', (enabled) => {
    writeFileSync(at('written/70-ens5.network'), writtenFor('06:00:00:00:00:01', true));
    call('before_removal', { enabled: [...enabled, 'systemd-networkd'] });
    expect([isThere(leftForAll), isThere(leftForPrimary)]).toEqual([true, true]);
    expect(call('after_aborted_removal')).toBe(
      enabled.length > 0 ? 'systemctl --quiet enable --now enid.service\n' : '',
    );
    expect([isThere(leftForAll), isThere(leftForPrimary), isThere(at('state/removed'))]).toEqual([false, false, false]);
  });
});

describe('after_install', () => {
  const restart = 'systemctl try-restart enid.service\n';

  it('restarts at an upgrade, and nothing else', () => {
    expect(call('after_install upgrade', { enabled: ['enid', 'systemd-networkd'] })).toBe(restart);
    expect(call('after_install upgrade', { hasSystemd: false })).toBe('');
  });

  it.each<[string, () => void]>([
    ['as the removal left it', () => undefined],
    ['where its file was deleted', () => rmSync(leftForAll)],
    ['where its file was edited', () => writeFileSync(leftForAll, '[Match]\n')],
    [
      'where systemd-networkd was held off',
      () => {
        rmSync(leftForAll);
        symlinkSync('/dev/null', fallback);
      },
    ],
  ])('after a removal it is no upgrade, though dpkg says so: %s', (_name, change) => {
    call('before_removal', { enabled: ['enid', 'systemd-networkd'] });
    change();
    const said = call('after_install upgrade', { enabled: ['systemd-networkd'] });
    expect(said).toMatch(/enid takeover --if-safe\nsystemctl --quiet preset enid\.service\n/);
    // The link to /dev/null of a first installation beside another would hold systemd-networkd off
    // for good.
    expect(isThere()).toBe(false);
    expect(call('after_install upgrade')).toBe(restart);
  });

  it('is done again where it was interrupted', () => {
    call('before_removal', { enabled: ['enid', 'systemd-networkd'] });
    expect(() => call('enid() { exit 1; }; after_install upgrade', { enabled: ['systemd-networkd'] })).toThrow();
    expect(call('after_install upgrade')).toMatch(/enid takeover --if-safe/);
  });

  it('starts, after a takeover and a removal, without another takeover', () => {
    call('before_removal', { enabled: ['enid', 'systemd-networkd'] });
    mkdirSync(at('state/takeover'));
    writeFileSync(at('state/takeover/record.json'), '{}');
    expect(call('after_install upgrade', { active: ['systemd-networkd', 'enid'] })).toBe(
      'systemctl --quiet enable enid.service\nsystemctl restart enid.service\n',
    );
  });

  it('keeps what the removal had left until enid runs, and removes it later, too', () => {
    const enabled = ['systemd-networkd'];
    call('before_removal', { enabled });
    call('after_install upgrade', { enabled });
    expect(isThere(leftForAll)).toBe(true);
    expect(call('after_install upgrade', { enabled, active: ['enid'] })).toBe(restart);
    expect(isThere(leftForAll)).toBe(false);
    call('before_removal', { enabled });
    call('after_install upgrade', { enabled, active: ['enid'] });
    expect(isThere(leftForAll)).toBe(false);
    call('before_removal', { enabled });
    call('after_install', { enabled, hasSystemd: false });
    expect(isThere(leftForAll)).toBe(false);
  });

  it('never leaves the ENIs to nobody: NetworkManager was told to, or networkd had them by what a removal left', () => {
    const host = { enabled: ['systemd-networkd', 'NetworkManager'] };
    writeFileSync(at('90-enid.conf'), '');
    expect(call('after_install', host)).toMatch(/preset enid\.service/);
    rmSync(at('90-enid.conf'));
    writeFileSync(leftForAll, left);
    expect(call('after_install', host)).toMatch(/preset enid\.service/);
    expect(isThere()).toBe(false);
  });

  it('does not begin where a preset of the administrator says so', () => {
    const said = call('after_install', { enabled: ['systemd-networkd'], presets: 'disabled' });
    expect(said).toMatch(/^enid: a preset says that it is not enabled/m);
    expect(said).not.toMatch(/systemctl|enid takeover --if-safe/);
  });

  it('enables enid in an image, and systemd-networkd with it, unless another program is there or a preset says no', () => {
    const install = (enabled: readonly string[]) => call('after_install', { hasSystemd: false, enabled });
    const preset = 'systemctl --quiet preset enid.service\n';
    const networkd = 'systemctl --quiet enable systemd-networkd.service\n';
    expect(install(['systemd-networkd'])).toBe(preset);
    expect(install(['enid'])).toBe(preset + networkd);
    // The preset has left it disabled.
    expect(install([])).toBe(preset);
    expect(install(['NetworkManager'])).toMatch(/systemctl enable systemd-networkd\.service enid\.service/);
  });
});

it("puts what a takeover has put aside, which is the administrator's, out of a purge's way", () => {
  mkdirSync(at('state/takeover/files'), { recursive: true });
  expect(call('purge_takeover')).toBe('');
  writeFileSync(at('state/takeover/record.json'), '{}');
  writeFileSync(at('state/takeover/files/interfaces'), 'auto ens5\n');
  expect(call('purge_takeover')).toMatch(/before enid is in .*backup/);
  expect([isThere(at('backup/files/interfaces')), isThere(at('state/takeover'))]).toEqual([true, false]);
  expect(call('purge_takeover')).toBe('');
  mkdirSync(at('state/takeover/files'), { recursive: true });
  writeFileSync(at('state/takeover/files/interfaces'), 'later\n');
  expect(call('purge_takeover')).toMatch(/backup\.1 now/);
  expect(readFileSync(at('backup/files/interfaces'), 'utf8')).toBe('auto ens5\n');
  mkdirSync(at('state/takeover/files'), { recursive: true });
  writeFileSync(at('state/takeover/files/interfaces'), 'later\n');
  expect(call('purge_takeover')).toMatch(/backup\.2 now/);
});

it.each([
  [['systemd-networkd'], true],
  [['NetworkManager'], false],
])('with %j enabled what a takeover told others stays at a purge: %s', (enabled, stays) => {
  for (const name of ['90-enid.conf', '99-enid.cfg']) writeFileSync(at(name), '');
  expect(call('purge_takeover', { enabled })).toMatch(stays ? /90-enid.*stays(.|\n)*99-enid.*stays/ : /^$/);
  expect([isThere(at('90-enid.conf')), isThere(at('99-enid.cfg'))]).toEqual([stays, stays]);
});

describe('purge_fallback', () => {
  it.each([
    [['systemd-networkd'], true],
    [['systemd-networkd', 'networking'], true],
    [['networking'], false],
  ])('with %j enabled the file that enid left stays: %s', (enabled, stays) => {
    writeFileSync(leftForAll, left);
    writeFileSync(leftForPrimary, left);
    expect(call('purge_fallback', { enabled })).toMatch(stays ? /79-ec2.*stays(.|\n)*81-ec2.*stays/ : /^$/);
    expect([isThere(leftForAll), isThere(leftForPrimary)]).toEqual([stays, stays]);
  });

  it('takes the link to /dev/null with it, and leaves a file of the administrator', () => {
    symlinkSync('/dev/null', fallback);
    call('purge_fallback');
    expect(isThere()).toBe(false);
    writeFileSync(fallback, '[Match]\nName=ens5\n');
    call('purge_fallback');
    expect(isThere()).toBe(true);
  });
});
