/**
 * What the state file of a link says about DNS (sd-network; networkd-state-file.c): resolved reads
 * it, and it includes what was set on the bus. The file is private to networkd, but the bus reports
 * neither an empty list nor a change. Pure.
 */

/**
 * The link's .network file and setup state; null: the file does not say. For when the bus cannot be
 * asked.
 */
export function parseLinkState(
  text: string,
): { readonly networkFile: string | null; readonly setupState: string } | null {
  const setupState = /^ADMIN_STATE=([a-z-]+)$/m.exec(text)?.[1];
  if (setupState === undefined) return null;
  return { networkFile: /^NETWORK_FILE=(\/.*)$/m.exec(text)?.[1] ?? null, setupState };
}

/** Whether any DNS of the link is used; null: the file does not say. */
export function parseLinkFile(text: string): boolean | null {
  const isDefaultRoute = /^DNS_DEFAULT_ROUTE=(yes|no)$/m.exec(text)?.[1];
  if (isDefaultRoute === undefined) return null;
  return isDefaultRoute === 'yes' || /^(DNS|DOMAINS|ROUTE_DOMAINS)=./m.test(text);
}
