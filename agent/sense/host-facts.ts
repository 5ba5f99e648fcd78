/**
 * Reads what `enid doctor` checks: other network programs and their files, kernel settings, ways to
 * the metadata service.
 */

import { readlinkSync } from 'node:fs';
import { release } from 'node:os';
import { basename, join } from 'node:path';
import { readRegularFile } from '../../lib/file/read-file.ts';
import { list, tryRead } from '../../lib/file/try-read.ts';
import { sendRequest } from '../../lib/imds/request.ts';
import { listRoutes } from '../../lib/imds/route.ts';
import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import type { HostFacts } from '../model.ts';
import { version } from '../version.ts';
import { listPeerFiles } from './peer-files.ts';

export interface HostFactsQuestion {
  /** Names of the links that are ENIs, each with its addresses. */
  readonly links: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  /** Process of the daemon; null: none runs. */
  readonly daemonProcessId: number | null;
}

/** Names in /proc/<pid>/comm. */
const networkPrograms = [
  'NetworkManager',
  'dhclient',
  'dhcpcd',
  'dhcpcd5',
  'connmand',
  'wickedd',
  'ifplugd',
  'ec2-net-utils',
];

/** A directory, and the prefix and suffix of the file names in it. */
const foreignFiles: readonly (readonly [string, string, string])[] = [
  ['/etc/netplan', '', '.yaml'],
  ['/run/systemd/network', '10-netplan-', '.network'],
  ['/run/systemd/network', '10-cloud-init-', '.network'],
  ['/etc/systemd/network', '10-cloud-init-', '.network'],
  ['/etc/network/interfaces.d', '50-cloud-init', ''],
  ['/etc/udev/rules.d', '', 'hook-hotplug.rules'],
  ['/usr/lib/udev/rules.d', '99-vpc-policy-routes', '.rules'],
  ['/usr/lib/systemd/system', 'policy-routes@', '.service'],
  // An enabled timer; its service comes with it or with NetworkManager's dispatcher.
  ['/etc/systemd/system/timers.target.wants', 'nm-cloud-setup', '.timer'],
  ['/etc/systemd/system/NetworkManager.service.wants', 'nm-cloud-setup', '.service'],
];

/** No configuration file of a network program is longer. */
const longestBytes = 1024 * 1024;
/** CAP_NET_ADMIN (linux/capability.h). */
const netAdminBit = 1n << 12n;

/** What cannot be read is left out; the checks report what is missing. Never rejects. */
export async function readHostFacts(question: HostFactsQuestion): Promise<HostFacts> {
  const { daemonProcessId } = question;
  const settings = readNetworkdSettings();
  const instanceId = readText('/sys/class/dmi/id/board_asset_tag')?.trim() ?? '';
  const files = readNetworkFiles();
  const strangeMacs = listStrangeMacs(files);
  const strangeNames = listStrangeNames(files);
  const pathMtuCount = await countPathMtus();
  const imdsNetwork = readText('/run/systemd/network/85-imds-early.network');
  return {
    kernelRelease: release(),
    programs: listPrograms(),
    files: [...foreignFiles.flatMap(([directory, start, end]) => listFiles(directory, start, end)), ...listPeerFiles()],
    ...(imdsNetwork === null ? {} : { imdsNetwork: /^Type=prohibit$/m.test(imdsNetwork) ? 'locked' : 'unlocked' }),
    manageForeignRoutes: settings.get('ManageForeignRoutes') ?? null,
    manageForeignRules: settings.get('ManageForeignRoutingPolicyRules') ?? null,
    ...readFirewalld(),
    reversePathFilters: readReversePathFilters(question.links.map(({ name }) => name)),
    metadataWays: await askMetadata(question),
    ...(/^i-[0-9a-f]{1,40}$/.test(instanceId) ? { instanceId } : {}),
    ...(strangeMacs.length === 0 ? {} : { strangeMacs }),
    ...(strangeNames.length === 0 ? {} : { strangeNames }),
    ...(pathMtuCount === null ? {} : { pathMtuCount }),
    daemon:
      daemonProcessId === null ? null : { processId: daemonProcessId, hasNetAdmin: readHasNetAdmin(daemonProcessId) },
  };
}

async function countPathMtus(): Promise<number | null> {
  const client = new RtnetlinkClient();
  try {
    const [ipv4, ipv6] = await Promise.all([client.countPathMtus(4), client.countPathMtus(6)]);
    return ipv4 + ipv6;
  } catch {
    return null;
  } finally {
    client.close();
  }
}

/** Programs that configure networks, in this network namespace. */
export function listPrograms(names: readonly string[] = networkPrograms): HostFacts['programs'] {
  const ownNamespace = tryRead(() => readlinkSync('/proc/self/ns/net'));
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const command = readText(`/proc/${name}/comm`)?.trim() ?? '';
      if (!names.includes(command)) return [];
      // Containers have their own programs. Without permission to look, a program is taken for one
      // of this host.
      const namespace = tryRead(() => readlinkSync(`/proc/${name}/ns/net`)) ?? ownNamespace;
      return namespace === ownNamespace ? [{ name: command, processId: Number(name) }] : [];
    });
}

function readFirewalld(): Pick<HostFacts, 'ipv6ReversePathFilter'> {
  if (listPrograms(['firewalld']).length === 0) return {};
  return { ipv6ReversePathFilter: parseFirewalldFilter(readText('/etc/firewalld/firewalld.conf') ?? '') };
}

/**
 * What firewalld.conf(5) has for forwarded packets: `strict-forward` is strict for them, and so is
 * what firewalld does not know, such as a typing error. Before 2.2 it does not know `loose` either;
 * its version is not to be seen here.
 */
export function parseFirewalldFilter(text: string): 'strict' | 'other' {
  const value = /^\s*IPv6_rpfilter\s*=\s*(\S+)/im.exec(text)?.[1]?.toLowerCase() ?? 'strict';
  return ['no', 'false', 'loose', 'loose-forward'].includes(value) ? 'other' : 'strict';
}

/** `end` with a slash: the rest is the name of a file in the directory that matches. */
function listFiles(directory: string, start: string, end: string): string[] {
  return list(directory)
    .filter((name) => name.startsWith(start) && name.endsWith(end))
    .map((name) => join(directory, name));
}

interface ReadFile {
  readonly path: string;
  readonly text: string;
}

/** In /etc/systemd/network, with their drop-ins. */
function readNetworkFiles(): ReadFile[] {
  const root = '/etc/systemd/network';
  const paths = list(root).flatMap((name) => {
    const inner = /\.(network|link|netdev)\.d$/.test(name) ? list(join(root, name)) : null;
    return inner === null ? [join(root, name)] : inner.map((one) => join(root, name, one));
  });
  return paths.map((path) => ({ path, text: readText(path) ?? '' }));
}

/** An image or a moved volume brings the MACs of the machine that it was made on. */
function listStrangeMacs(files: readonly ReadFile[]): { readonly path: string; readonly mac: string }[] {
  const present = new Set(list('/sys/class/net').map((name) => readText(`/sys/class/net/${name}/address`)?.trim()));
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(/^\s*(?:Permanent)?MACAddress\s*=\s*(?<macs>[0-9A-Fa-f: ]+)$/gm)]
      .flatMap(({ groups }) => (groups?.['macs'] ?? '').trim().toLowerCase().split(/\s+/))
      .filter((mac) => mac !== '' && !present.has(mac))
      .map((mac) => ({ path, mac })),
  );
}

/**
 * Another instance type has other names. Patterns are left out: only networkd knows what they
 * match.
 */
function listStrangeNames(files: readonly ReadFile[]): { readonly path: string; readonly name: string }[] {
  const present = new Set(list('/sys/class/net'));
  return files
    .filter(({ path }) => /\.network(\.d\/[^/]+\.conf)?$/.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/^\s*Name\s*=\s*(?<names>[\w. -]+)$/gm)]
        .flatMap(({ groups }) => (groups?.['names'] ?? '').trim().split(/\s+/))
        .filter((name) => name !== '' && !present.has(name))
        .map((name) => ({ path, name })),
    );
}

/**
 * networkd.conf(5): the main file, then the drop-ins of all directories by name; the last
 * assignment counts.
 */
function readNetworkdSettings(): Map<string, string> {
  const directories = ['/usr/lib', '/usr/local/lib', '/run', '/etc'].map((root) => `${root}/systemd/networkd.conf.d`);
  const dropIns = new Map<string, string>();
  for (const directory of directories) {
    for (const name of list(directory)) if (name.endsWith('.conf')) dropIns.set(name, join(directory, name));
  }
  const sorted = [...dropIns.values()].sort((left, right) => (basename(left) < basename(right) ? -1 : 1));
  const settings = new Map<string, string>();
  for (const path of ['/etc/systemd/networkd.conf', ...sorted]) {
    for (const [, key = '', value = ''] of (readText(path) ?? '').matchAll(/^\s*(\w+)\s*=\s*(\S*)\s*$/gm)) {
      settings.set(key, value);
    }
  }
  return settings;
}

function readReversePathFilters(linkNames: readonly string[]): Record<string, number> {
  const values = ['all', ...linkNames].flatMap((name) => {
    const text = readText(`/proc/sys/net/ipv4/conf/${name}/rp_filter`);
    return text === null ? [] : [[name, Number(text)] as const];
  });
  return Object.fromEntries(values);
}

/**
 * Requests a token from each address of an ENI, at each endpoint of its family: one request each,
 * all at once.
 */
export async function askMetadata({
  links,
  endpoints,
  timeoutMs,
}: Pick<HostFactsQuestion, 'links' | 'endpoints' | 'timeoutMs'>): Promise<HostFacts['metadataWays']> {
  const ways = links.flatMap(({ name, addresses }) =>
    listRoutes(endpoints, addresses, null).flatMap(({ endpoint, localAddress }) =>
      localAddress === null ? [] : [{ linkName: name, endpoint, localAddress }],
    ),
  );
  return await Promise.all(
    ways.map(async (way) => {
      const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': '60', 'User-Agent': `enid/${version}` };
      const session = { ...way, headers, timeoutMs };
      const failure = await sendRequest(session, { method: 'PUT', path: 'api/token' }).then(
        ({ status }) => (status === 200 ? null : `status ${status}`),
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      return { ...way, failure };
    }),
  );
}

function readHasNetAdmin(processId: number): boolean | null {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText(`/proc/${processId}/status`) ?? '')?.[1];
  return line === undefined ? null : (BigInt(`0x${line}`) & netAdminBit) !== 0n;
}

/** Null if it cannot be read, is no regular file, or is too long to be the expected file. */
export function readText(path: string): string | null {
  return tryRead(() => readRegularFile(path, { maxBytes: longestBytes, followsLinks: true, isAnyText: true }));
}
