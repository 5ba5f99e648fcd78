/**
 * The DNS servers that networkd knows of: from leases, router advertisements and files of all links
 * together.
 */

import { join } from 'node:path';
import { canonicalAddress } from '../../lib/ip/address.ts';
import { readText } from './host-facts.ts';
import { linkFiles } from './lease-files.ts';

/**
 * sd-network's summary, which resolvectl and sd-network(3) clients read; its format is not
 * guaranteed, so unexpected text is left out.
 */
const stateFile = '/run/systemd/netif/state';

/**
 * None if networkd does not run or knows none. Servers with a zone (`fe80::1%ens5`) are routers on
 * the link: left out.
 */
export function readResolvers(path: string = stateFile): string[] {
  const [, list = ''] = /^DNS=(.*)$/m.exec(readText(path) ?? '') ?? [];
  // `address:port%link#name` is possible, too.
  return [...new Set(list.split(/\s+/).flatMap((word) => canonicalAddress(word.replace(/#.*$/, '')) ?? []))];
}

/** What networkd knows of one link; nothing where it knows none. */
export function readLinkDns(
  linkIndex: number,
  directory: string = linkFiles.directory,
): { readonly servers: string[]; readonly domains: string[] } {
  const path = join(directory, String(linkIndex));
  const [, domains = ''] = /^DOMAINS=(.*)$/m.exec(readText(path) ?? '') ?? [];
  return { servers: readResolvers(path), domains: domains.split(/\s+/).filter((word) => word !== '') };
}
