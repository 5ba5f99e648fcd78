/**
 * Promise P7 on the real kernel: floods of other programs' routes and links, metadata that differs
 * at every poll, and ENIs that come and go do not make memory or the journal grow without limit,
 * and the final state is right. ENID_BOUNDED_ROUNDS=100 and ENID_BOUNDED_CYCLES=1000 take longer.
 */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readResidentMb } from '../../fixtures/process-counters.ts';
import { alone, primary, sharing } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, listDestinations, openLab, testMs, until } from '../lab/lab.ts';

const rounds = Number(process.env['ENID_BOUNDED_ROUNDS'] ?? 2);
const quickCycles = Number(process.env['ENID_BOUNDED_CYCLES'] ?? 10);
const routeCount = 100_000;
const linkCount = 500;
const cyclesPerRound = 2;
/** Measured: an attach and a detach log about 35 lines, the altered addresses a few. */
const linesPerRound = 60 * cyclesPerRound + 120;
/**
 * Between two rounds the collector may lag behind by this much; a leak in each round exceeds it.
 */
const residentRatio = 1.5;

let lab: Lab;

beforeAll(async () => {
  lab = await openLab('bounded', primary);
  await lab.vpc.attach(alone);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
  await batch(['link add br9 type bridge', 'link set br9 up']);
}, testMs);
afterAll(() => closeLab(lab));

function batch(lines: readonly string[]): Promise<string> {
  return lab.vpc.guest.check(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n`, timeoutMs: 60_000 });
}

/** Half by another link, half by an ENI's, as a router on the host would add them. */
async function floodRoutes(): Promise<void> {
  const routes = listDestinations(routeCount).map(
    (destination, index) => `${destination} dev ${index % 2 === 0 ? 'br9' : 'ens5'} proto 186`,
  );
  await batch(routes.map((route) => `route add ${route}`));
  await batch(routes.map((route) => `route del ${route}`));
}

/** Links of containers; ifb links are the fastest to create. */
async function floodLinks(): Promise<void> {
  const names = Array.from({ length: linkCount }, (_, index) => `if${index}`);
  await batch(names.flatMap((name) => [`link add ${name} type ifb`, `link set ${name} up group 77`]));
  await batch(['link del group 77']);
}

async function runRound(): Promise<void> {
  const { vpc } = lab;
  for (let cycle = 0; cycle < cyclesPerRound; cycle++) {
    await vpc.attach(sharing);
    await vpc.assign(alone.id, { ipv4: ['10.0.2.77'] });
    await awaitReach(vpc);
    await vpc.unassign(alone.id, { ipv4: ['10.0.2.77'] });
    await vpc.detach(sharing.id);
  }
  await floodRoutes();
  await floodLinks();
  // All events are processed.
  await until('its rules are gone', async () => !/10002/.test(await vpc.guest.check(['ip', 'rule'])));
}

/**
 * The metadata service reports something else about the primary at every poll; the returned
 * function ends that.
 */
function lie(): () => Promise<void> {
  let count = 0;
  const timer = setInterval(() => {
    const body = `10.0.1.10\n10.0.1.11\n10.0.1.${100 + (count++ % 100)}`;
    lab.vpc.imds
      .setFaults([{ path: `macs/${primary.mac}/local-ipv4s$`, effect: { kind: 'body', body } }])
      .catch(() => undefined);
  }, 2_500);
  return () => {
    clearInterval(timer);
    return lab.vpc.imds.setFaults([]);
  };
}

it(
  'stays within its limits',
  async () => {
    await runRound();
    const residentBefore = readResidentMb(lab.enid.pid);
    const linesBefore = lab.enid.lines.length;
    const stopLying = lie();
    for (let round = 0; round < rounds; round++) await runRound();
    await stopLying();
    await until('the truth', async () => !/10\.0\.1\.1\d\d\//.test(await lab.vpc.guest.check(['ip', '-o', 'address'])));
    expect(lab.enid.lines.length - linesBefore).toBeLessThan(rounds * linesPerRound);
    expect(readResidentMb(lab.enid.pid) / residentBefore).toBeLessThan(residentRatio);
    // Losses were reported and the state read again; the program still receives everything.
    await lab.vpc.guest.check(['ip', 'rule', 'del', 'pref', '20001']);
    await until('the repair', async () => /^20001:/m.test(await lab.vpc.guest.check(['ip', 'rule'])), 5_000);
    await awaitReach(lab.vpc);
    await lab.enid.converged();
    process.stderr.write(
      `bounded: ${residentBefore.toFixed(1)} MB, then ${readResidentMb(lab.enid.pid).toFixed(1)} MB after ${rounds} rounds, ${lab.enid.lines.length - linesBefore} lines\n`,
    );
  },
  testMs * (1 + rounds),
);

it(
  'an ENI that is attached and detached repeatedly leaves nothing, and works at the end',
  async () => {
    const { vpc, enid } = lab;
    const linesBefore = enid.lines.length;
    const residentBefore = readResidentMb(lab.enid.pid);
    const hasRules = async () => (await vpc.guest.check(['ip', 'rule'])).includes('lookup 10002');
    for (let cycle = 0; cycle < quickCycles; cycle++) {
      await vpc.attach(sharing);
      await until('its rules', hasRules);
      await vpc.detach(sharing.id);
    }
    await until('the end of its rules', async () => !(await hasRules()));
    await enid.converged();
    // All of it was EC2's decision: no other program has undone anything, and nothing is delayed.
    expect(enid.lines.slice(linesBefore).filter((line) => /keeps undoing/.test(line))).toEqual([]);
    expect(await vpc.guest.check(['ls', '/run/systemd/network'])).not.toMatch(/ens7/);
    const ledger = await vpc.guest.readFile('/run/enid/ledger.json');
    expect(ledger).not.toMatch(/ 10002 /);
    expect((enid.lines.length - linesBefore) / quickCycles).toBeLessThan(linesPerRound / cyclesPerRound);
    expect(readResidentMb(lab.enid.pid) / residentBefore).toBeLessThan(residentRatio);
    await vpc.attach(sharing);
    await awaitReach(vpc);
    await enid.converged();
    process.stderr.write(
      `bounded: ${residentBefore.toFixed(1)} MB, then ${readResidentMb(lab.enid.pid).toFixed(1)} MB after ${quickCycles} attach and detach, ${enid.lines.length - linesBefore} lines\n`,
    );
  },
  4 * testMs + quickCycles * 2_000,
);
