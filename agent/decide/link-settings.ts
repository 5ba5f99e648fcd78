/** Settings of an ENI's link: its group, its MTU, and those of net.ipv4.conf.<link> that the operator wants. What they are, and what differs. Pure. */

import type { InterfacePolicy } from '../config/types.ts';
import type { Change, Desired, EniMetadata, KernelState, Ledger, Link, NetworkdState } from '../model.ts';
import { isFileInForce } from './diff-leases.ts';
import { identifyMtu } from './identity.ts';
import { keepsAddresses, readMtu } from './network-file.ts';
import { hasFamily } from './sources.ts';
import type { OwnFile } from './unit-directory.ts';

type Settings = NonNullable<Link['settings']>;

const reversePathFilters = { strict: 1, loose: 2 } as const;

/** Never those of `all`, which hold for every link of the host. */
export function computeSettings({ reversePathFilter, arp }: InterfacePolicy): Partial<Settings> {
  return {
    ...(reversePathFilter === 'keep' ? {} : { rp_filter: reversePathFilters[reversePathFilter] }),
    ...(arp === 'keep' ? {} : { arp_ignore: 1, arp_announce: 2 }),
  };
}

/** Links that are not in the group that they are to be in. */
export function diffGroups(desired: Desired, links: KernelState['links']): Change[] {
  return desired.enis.flatMap(({ mac, linkName, linkIndex, group }): Change[] => {
    const actual = links.find(({ index }) => index === linkIndex)?.group;
    if (group === null || actual === undefined || actual === group) return [];
    return [{ mac, linkName, reason: `it is in group ${actual}`, kind: 'set-link-group', linkIndex, group }];
  });
}

/** Below it, the kernel takes IPv6 off a link (RFC 8200, 5). */
const smallestOfIpv6 = 1280;

/** What networkd makes of `MTUBytes=`: no more than the driver takes, and enough for IPv6 where the link is to have it. */
export function computeMtu(eni: EniMetadata, { maxMtu }: Link, { mtu }: InterfacePolicy): number {
  const hasAddress = hasFamily(eni, 4) || hasFamily(eni, 6);
  const raised = hasAddress ? Math.max(mtu, smallestOfIpv6) : mtu;
  return maxMtu === undefined ? raised : Math.min(raised, maxMtu);
}

interface MtuState {
  readonly files: readonly OwnFile[];
  readonly networkd: NetworkdState;
  readonly ledger: Ledger;
  /** MACs of links that networkd was just told to configure. */
  readonly settling: ReadonlySet<string>;
}

/**
 * MTUs that networkd does not see to: where it would drop addresses for it, the file in force is left with another MTU than the
 * wanted one (diff-files.ts). Back to the one in the file goes only what this program has set: that of another one stays.
 */
export function diffMtus(desired: Desired, links: KernelState['links'], state: MtuState): Change[] {
  const { files, networkd, ledger, settling } = state;
  if (networkd.kind !== 'present' || keepsAddresses(networkd.version)) return [];
  return desired.enis.flatMap((eni): Change[] => {
    const { mac, linkName, linkIndex, mtu } = eni;
    const actual = links.find(({ index }) => index === linkIndex)?.mtu;
    if (mtu === null || actual === undefined || actual === mtu) return [];
    const [linkFile] = eni.networkFiles;
    const inForce = files.find(({ name }) => name === linkFile?.name);
    if (linkFile === undefined || inForce === undefined || settling.has(mac) || !isFileInForce(eni, networkd))
      return [];
    const isLeftToUs = readMtu(inForce.text) !== readMtu(linkFile.text);
    if (!isLeftToUs && !(identifyMtu(linkIndex, actual) in ledger)) return [];
    return [{ mac, linkName, reason: `it is ${actual}`, kind: 'set-mtu', linkIndex, mtu }];
  });
}

/** A link without IPv4 has none to set. */
export function diffSettings(desired: Desired, links: KernelState['links']): Change[] {
  return desired.enis.flatMap(({ mac, linkName, linkIndex, settings }) => {
    const wanted = listNames(settings);
    // Nearly always: the links of a host may be thousands.
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
