/** What differs in the settings of an ENI's link: group, MTU, DNS, net.ipv4.conf.<link>. Pure. */

import type { Change, Desired, DesiredEni, KernelState, Ledger, Link, NetworkdState } from '../../model.ts';
import { identifyDnsOff, identifyMtu } from '../base/identity.ts';
import { keepsAddresses, readDns, readMtu } from '../desired/network-file.ts';
import type { OwnFile } from '../desired/unit-directory.ts';
import { isFileInForce } from './leases.ts';

type Settings = NonNullable<Link['settings']>;

interface LinkState extends Pick<KernelState, 'links'> {
  readonly desired: Desired;
}

/** Links that are not in their desired group. */
export function diffGroups({ desired, links }: LinkState): Change[] {
  return [...desired.enis, ...desired.provisional].flatMap(({ mac, linkName, linkIndex, group }): Change[] => {
    const actual = links.find(({ index }) => index === linkIndex)?.group;
    if (group === null || actual === undefined || actual === group) return [];
    return [{ mac, linkName, reason: `it is in group ${actual}`, kind: 'set-link-group', linkIndex, group }];
  });
}

interface FileState {
  readonly files: readonly OwnFile[];
  readonly networkd: NetworkdState;
  readonly ledger: Ledger;
  /** MACs of links that networkd was just told to configure. */
  readonly settling: ReadonlySet<string>;
}

/**
 * Settings that networkd does not apply: if a reload would drop addresses, the file in force keeps
 * another MTU than the desired one, and the DNS of the lease (files.ts). Only settings that this
 * program made are reset to those of the file.
 */
export function diffUnreloaded(desired: Desired, links: KernelState['links'], state: FileState): Change[] {
  const { files, networkd, settling } = state;
  if (networkd.kind !== 'present' || keepsAddresses(networkd.version)) return [];
  return desired.enis.flatMap((eni): Change[] => {
    const [linkFile] = eni.networkFiles;
    const inForce = files.find(({ name }) => name === linkFile?.name)?.text;
    if (linkFile === undefined || inForce === undefined || settling.has(eni.mac) || !isFileInForce(eni, networkd))
      return [];
    const texts = { inForce, wanted: linkFile.text };
    return [...diffMtu(eni, texts, links, state), ...diffDns(eni, texts, state)];
  });
}

interface Texts {
  readonly inForce: string;
  readonly wanted: string;
}

function diffMtu(
  { mac, linkName, linkIndex, mtu }: DesiredEni,
  { inForce, wanted }: Texts,
  links: KernelState['links'],
  { ledger }: FileState,
): Change[] {
  const actual = links.find(({ index }) => index === linkIndex)?.mtu;
  if (mtu === null || actual === undefined || actual === mtu) return [];
  const isLeftToUs = readMtu(inForce) !== readMtu(wanted);
  if (!isLeftToUs && !(identifyMtu(linkIndex, actual) in ledger)) return [];
  return [{ mac, linkName, reason: `it is ${actual}`, kind: 'set-mtu', linkIndex, mtu }];
}

function diffDns(
  { mac, linkName, linkIndex }: DesiredEni,
  { inForce, wanted }: Texts,
  { networkd, ledger }: FileState,
): Change[] {
  const hasDns = networkd.links.find((link) => link.linkIndex === linkIndex)?.hasDns;
  const isUsed = readDns(wanted);
  if (readDns(inForce) !== true || isUsed === null || hasDns === undefined || hasDns === isUsed) return [];
  if (isUsed && !(identifyDnsOff(linkIndex) in ledger)) return [];
  const reason = isUsed ? 'it is not used' : 'it is used';
  return [{ mac, linkName, reason, kind: 'set-dns', linkIndex, isUsed }];
}

/** A link without IPv4 has no settings. */
export function diffSettings({ desired, links }: LinkState): Change[] {
  return desired.enis.flatMap(({ mac, linkName, linkIndex, settings }) => {
    const wanted = listNames(settings);
    // Usual: skips the search among thousands of links.
    if (wanted.length === 0) return [];
    const actual = links.find(({ index }) => index === linkIndex)?.settings;
    return wanted.flatMap((setting): Change[] => {
      const [value, before] = [settings[setting], actual?.[setting]];
      if (value === undefined || before === undefined || before === value) return [];
      return [{ mac, linkName, reason: `it is ${before}`, kind: 'set-link-setting', linkIndex, setting, value }];
    });
  });
}

const names = ['rp_filter', 'arp_ignore', 'arp_announce'] as const;

function listNames(settings: Partial<Settings>): (keyof Settings)[] {
  return names.filter((name) => settings[name] !== undefined);
}
