/**
 * What the state file of a link says of DNS (sd-network; networkd-state-file.c): what resolved
 * takes from there, with what was set on the bus. The file is networkd's own matter, and the bus
 * tells neither of an empty list nor of a change. Pure.
 */

/** Whether anything of the link is used for DNS; null: it does not say. */
export function parseLinkFile(text: string): boolean | null {
  const isDefaultRoute = /^DNS_DEFAULT_ROUTE=(yes|no)$/m.exec(text)?.[1];
  if (isDefaultRoute === undefined) return null;
  return isDefaultRoute === 'yes' || /^(DNS|DOMAINS|ROUTE_DOMAINS)=./m.test(text);
}
