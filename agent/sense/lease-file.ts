/**
 * What networkd's lease file says about the default route (systemd.network(5), UseGateway=;
 * sd-dhcp-lease.c). The file is private to networkd ("Do not parse"), but before 257 nothing else
 * reports a lease without a default route: the bus has it from 257 on. So anything unexpected
 * counts as unknown. Pure.
 */

import { isIPv4 } from 'node:net';
import type { NetworkdLease } from '../model.ts';

const anywhere = '0.0.0.0';

/** Null: the file does not say. */
export function parseLeaseFile(text: string): NetworkdLease | null {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^([A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, value);
  }
  const address = values.get('ADDRESS') ?? '';
  // Up to systemd 249 two options are one: it cannot be determined whether the router counts.
  if (!isIPv4(address) || values.has('ROUTES')) return null;
  const classless = splitWords(values.get('CLASSLESS_ROUTES'));
  if (classless.length === 0) return readRouters(address, splitWords(values.get('ROUTER')));
  const routes = classless.map((word) => /^([\d.]+)\/(\d+),([\d.]+)$/.exec(word));
  if (routes.some((route) => route === null || !isIPv4(route[1] ?? '') || !isIPv4(route[3] ?? ''))) return null;
  const [gateway] = routes.flatMap((route) => (route?.[2] === '0' ? [route[3] ?? anywhere] : []));
  // An on-link default route has no router.
  return gateway === anywhere ? null : { address, gateway: gateway ?? null };
}

function readRouters(address: string, routers: readonly string[]): NetworkdLease | null {
  const [gateway = null] = routers;
  return routers.every((router) => isIPv4(router) && router !== anywhere) ? { address, gateway } : null;
}

function splitWords(text: string | undefined): string[] {
  return (text ?? '').split(' ').filter((word) => word !== '');
}
