/** What the lab tests share: a VPC with the program installed, and waiting for reach and quiet. */

import { EnidProcess, installInto } from '../../fixtures/enid-process.ts';
import type { EniSpec } from '../../fixtures/vpc/eni.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { subnets } from '../../fixtures/vpc-shapes.ts';

/** No test takes longer on a busy machine, unless something never happens. */
export const testMs = 90_000;

export interface Lab {
  readonly vpc: Vpc;
  enid: EnidProcess;
}

/** An instance with its primary, networkd and the program, all converged. */
export async function openLab(
  name: string,
  primary: EniSpec,
  config?: string,
  networkd?: readonly string[],
): Promise<Lab> {
  const vpc = await Vpc.create({ name, subnets, guest: networkd === undefined ? {} : { command: networkd } });
  try {
    await installInto(vpc.guest, config);
    await vpc.attach(primary);
    await vpc.guest.networkd.start();
    const enid = EnidProcess.start(vpc.guest);
    await awaitReach(vpc);
    return { vpc, enid };
  } catch (error) {
    await vpc.destroy();
    throw error;
  }
}

export async function closeLab(lab: Lab | undefined): Promise<void> {
  await lab?.vpc.destroy();
}

/**
 * Waits until every source reaches the far host through its own ENI; throws with the sources that
 * do not.
 */
export async function awaitReach(vpc: Vpc, timeoutMs = 20_000): Promise<string[]> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const reached = await vpc.reachesAll({ timeoutMs: 300 });
    const lost = reached.filter(({ isReached }) => !isReached).map(({ source }) => source);
    if (lost.length === 0) return reached.map(({ source }) => source);
    if (performance.now() > end) throw new Error(`not reached within ${timeoutMs} ms: ${lost.join(', ')}`);
    await sleep(50);
  }
}

/** Five requests without an answer: repeated after 1 s, then 2, 4, … (RFC 8415, section 15). */
const solicitMs = 60_000;

/**
 * Waits until DHCPv6 and router advertisements have configured the links, and the program has
 * reacted.
 */
export async function awaitLeases({ vpc, enid }: Lab): Promise<void> {
  const wanted = vpc.enis.filter(({ ipv6 }) => ipv6.length > 0).length;
  const show = (...argv: string[]) => vpc.guest.check(['ip', '-6', '-o', ...argv]);
  const count = async (pattern: RegExp, ...argv: string[]) => [...(await show(...argv)).matchAll(pattern)].length;
  try {
    await until('the DHCPv6 leases', async () => (await count(/ dynamic /g, 'address')) >= wanted, solicitMs);
    await until(
      'the advertised routers',
      async () => (await count(/ proto ra /g, 'route', 'show', 'default')) >= wanted,
    );
  } catch (error) {
    const seen = [await show('address', 'show', 'scope', 'global'), await show('route', 'show', 'default')];
    throw new Error(`${error}\n${[...seen, ...enid.lines.slice(-30)].join('\n')}`);
  }
  await enid.converged();
  await until('its stand-ins are gone', async () => (await count(/ proto 236 /g, 'route', 'show', 'default')) === 0);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits for a condition; `what` names it in the error. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`never came within ${timeoutMs} ms: ${what}`);
    await sleep(50);
  }
}

/** For bash: a word and its echo over TCP. */
export function echoWord(address: string, port: number): string {
  return `exec 3<>/dev/tcp/${address}/${port} && echo word >&3 && read -t 2 -r answer <&3 && [ "$answer" = word ]`;
}

/** As many unused destinations as requested: for floods of routes. */
export function listDestinations(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `100.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}/32`,
  );
}
