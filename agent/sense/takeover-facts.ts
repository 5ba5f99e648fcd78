/**
 * Reads what `enid takeover` decides on: what configures the ENIs now, and by which files. Changes
 * nothing.
 */

import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { readRegularFile } from '../../lib/file/read-file.ts';
import { list, tryRead } from '../../lib/file/try-read.ts';
import { matchesShellPattern } from '../../lib/text/pattern.ts';
import type { Link } from '../model.ts';
import type { NetworkManagerDevice, TakeoverFacts, TextFile } from '../takeover-model.ts';
import { listPrograms, readText } from './host-facts.ts';
import { listPeerFiles } from './peer-files.ts';
import { readUnitStates } from './unit-states.ts';

const unitNames = [
  ...['systemd-networkd', 'systemd-resolved', 'enid', 'NetworkManager', 'nm-cloud-setup', 'dhcpcd', 'networking'].map(
    (name) => `${name}.service`,
  ),
  'nm-cloud-setup.timer',
];

export type HostPart = Omit<
  TakeoverFacts,
  | 'systemdVersion'
  | 'eniLinks'
  | 'unclaimedLinks'
  | 'heldAddresses'
  | 'otherLinks'
  | 'drivers'
  | 'networkFiles'
  | 'unconfigured'
  | 'isTaken'
>;

/** Throws a RuntimeError if systemd does not answer. */
export async function readTakeoverFacts(eniLinks: readonly Pick<Link, 'name' | 'index'>[]): Promise<HostPart> {
  const hasSystemd = existsSync('/run/systemd/system');
  return {
    isRoot: process.getuid?.() === 0,
    hasSystemd,
    units: hasSystemd ? await readUnitStates(unitNames) : {},
    interfacesFiles: readInterfaces('/etc/network/interfaces', new Set()),
    netplanFiles: await readNetplan(),
    generatedFiles: [
      ...listNetworkFiles('/run/systemd/network', '10-netplan-'),
      ...listNetworkFiles('/run/systemd/network', '10-cloud-init-'),
      ...listNetworkFiles('/etc/systemd/network', '10-cloud-init-'),
      ...listPeerFiles(),
    ],
    clients: listPrograms()
      .filter(({ name }) => /^(dhclient|dhcpcd)/.test(name))
      .map((program) => ({ ...program, words: readCommandLine(program.processId) })),
    hasCloudInit: existsSync('/etc/cloud/cloud.cfg.d'),
    networkManagerDevices: eniLinks.flatMap(readNetworkManagerDevice),
    isNetworkManagerTold: existsSync('/etc/NetworkManager/conf.d/90-enid.conf'),
    resolvConf: readResolvConf(),
    isFallbackMasked: tryRead(() => readlinkSync('/etc/systemd/network/80-ec2.network')) === '/dev/null',
  };
}

/** dhcpcd writes the links that it serves into its process title, with spaces. */
function readCommandLine(processId: number): string[] {
  return (readText(`/proc/${processId}/cmdline`) ?? '').split(/[\0\s]+/).filter((word) => word !== '');
}

function readNetworkManagerDevice({ name, index }: Pick<Link, 'name' | 'index'>): NetworkManagerDevice[] {
  const path = `/run/NetworkManager/devices/${index}`;
  const text = readText(path);
  if (text === null) return [];
  // Only a UUID is accepted: it becomes part of a command.
  return [{ link: name, path, connection: /^connection-uuid=([\da-f-]{36})$/m.exec(text)?.[1] ?? null }];
}

/**
 * interfaces(5): `source` takes a shell pattern, `source-directory` every file with a plain name.
 */
function readInterfaces(path: string, seen: Set<string>): TextFile[] {
  const text = seen.has(path) ? null : readText(path);
  if (text === null) return [];
  seen.add(path);
  const drawn = [...text.matchAll(/^\s*(source|source-directory)\s+(\S+)/gm)].flatMap(([, keyword, word = '']) => {
    const pattern = resolve(dirname(path), word);
    if (keyword === 'source-directory')
      return list(pattern)
        .filter((name) => /^[\w-]+$/.test(name))
        .map((name) => join(pattern, name));
    // Only the last part may be a pattern; a leading dot is only matched by a dot.
    return list(dirname(pattern))
      .filter((name) => name.startsWith('.') === basename(pattern).startsWith('.'))
      .filter((name) => matchesShellPattern(basename(pattern), name))
      .map((name) => join(dirname(pattern), name));
  });
  return [{ path, text }, ...drawn.flatMap((file) => readInterfaces(file, seen))];
}

/** netplan(5): all directories by name; a file in /etc hides one of the same name in /lib. */
async function readNetplan(): Promise<TakeoverFacts['netplanFiles']> {
  const paths = list('/etc/netplan')
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join('/etc/netplan', name));
  if (paths.length === 0) return [];
  const { mostYamlBytes, parseYamlValue } = await import('../../lib/text/yaml.ts');
  const options = { maxBytes: mostYamlBytes, followsLinks: true };
  return paths.map((path) => ({ path, document: tryRead(() => parseYamlValue(readRegularFile(path, options))) }));
}

function listNetworkFiles(directory: string, start: string): string[] {
  return list(directory)
    .filter((name) => name.startsWith(start) && name.endsWith('.network'))
    .map((name) => join(directory, name));
}

function readResolvConf(): TakeoverFacts['resolvConf'] {
  const path = '/etc/resolv.conf';
  try {
    if (!lstatSync(path).isSymbolicLink()) return 'other';
    const target = resolve('/etc', readlinkSync(path));
    if (target.startsWith('/run/systemd/resolve/')) return 'resolved';
    return target.startsWith('/run/') ? 'volatile' : 'other';
  } catch {
    return 'absent';
  }
}
