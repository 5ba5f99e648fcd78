/** Settings of an ENI's link: its group, and those of net.ipv4.conf.<link> that the operator wants. What they are, and what differs. Pure. */

import type { InterfacePolicy } from '../config/types.ts';
import type { Change, Desired, KernelState, Link } from '../model.ts';

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
