/**
 * What the state file of a link says of DNS (sd-network; networkd-state-file.c): what resolved
 * takes from there, with what was set on the bus. The file is networkd's own matter, and the bus
 * tells neither of an empty list nor of a change. Pure.
 */

/**
 * By which file networkd has the link, and how far it is; null: it does not say. For when the bus
 * cannot be asked.
 */
export function parseLinkState(
  text: string,
): { readonly networkFile: string | null; readonly setupState: string } | null {
  const setupState = /^ADMIN_STATE=([a-z-]+)$/m.exec(text)?.[1];
  if (setupState === undefined) return null;
  return { networkFile: /^NETWORK_FILE=(\/.*)$/m.exec(text)?.[1] ?? null, setupState };
}

/** Whether anything of the link is used for DNS; null: it does not say. */
export function parseLinkFile(text: string): boolean | null {
  const isDefaultRoute = /^DNS_DEFAULT_ROUTE=(yes|no)$/m.exec(text)?.[1];
  if (isDefaultRoute === undefined) return null;
  return isDefaultRoute === 'yes' || /^(DNS|DOMAINS|ROUTE_DOMAINS)=./m.test(text);
}
