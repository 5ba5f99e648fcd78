/** What other programs may have on the same host, in large numbers. */

import type { Guest } from '../../fixtures/vpc/guest.ts';
import { listDestinations } from '../lab/lab.ts';

export const routeCount = 100_000;
export const linkCount = 5_000;
export const ruleCount = 5_000;

export const foreignLink = 'foreign0';

async function batch(guest: Guest, lines: readonly string[]): Promise<void> {
  await guest.check(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n`, timeoutMs: 300_000 });
}

/** Routes of main by a link of nobody's, as a routing daemon puts them. */
export async function addForeignRoutes(guest: Guest): Promise<void> {
  await batch(guest, [
    `link add ${foreignLink} type bridge`,
    `link set ${foreignLink} up`,
    ...routeLines('add', foreignLink),
  ]);
}

/** By an ENI's own link: the kind that the program has to tell from its own. */
export async function addForeignRoutesBy(guest: Guest, link: string): Promise<void> {
  await batch(guest, routeLines('add', link));
}

export async function removeForeignRoutesBy(guest: Guest, link: string): Promise<void> {
  await batch(guest, routeLines('del', link));
}

function routeLines(verb: 'add' | 'del', link: string): string[] {
  return listDestinations(routeCount).map((destination) => `route ${verb} ${destination} dev ${link} proto 186`);
}

/** Links of containers; ifb takes the least time to make (5 000: 6 s). */
export async function addForeignLinks(guest: Guest): Promise<void> {
  const names = Array.from({ length: linkCount }, (_, index) => `if${index}`);
  await batch(
    guest,
    names.flatMap((name) => [`link add ${name} type ifb`, `link set ${name} up`]),
  );
}

/** As a network plugin puts them, one for each container; before those of ENIs. */
export async function addForeignRules(guest: Guest): Promise<void> {
  const sources = Array.from({ length: ruleCount }, (_, index) => `172.16.${index >> 8}.${index & 255}`);
  await batch(
    guest,
    sources.map((source, index) => `rule add from ${source} lookup main pref ${600 + index} proto 186`),
  );
}
