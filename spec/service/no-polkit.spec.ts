/**
 * A host without polkit, with dbus-broker, as Amazon Linux's minimal image: networkd is reloaded
 * through enid-reload.socket. If that is masked, too, every address still answers, and the missing
 * part is reported.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { measureLoss } from '../../fixtures/loss.ts';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, sharing, subnets, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, sleep, testMs, until } from '../lab/lab.ts';

/** Created by fixtures/machine/tree.sh; spec/service/run.sh passes it on. */
const tree = process.env['ENID_MACHINE_TREE_BROKER'] ?? '';
const withBroker = 'systemctl --root=$1 --quiet enable dbus-broker.service';
const withoutPolkit = `${withBroker}
rm -rf $1/lib/systemd/system/polkit.service $1/usr/lib/systemd/system/polkit.service $1/usr/lib/polkit-1/polkitd
rm -f $1/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service`;
const refusing = `${withBroker}
mkdir -p $1/etc/polkit-1/rules.d
echo 'polkit.addRule(function (a) { if (a.id.indexOf("org.freedesktop.network1.") === 0) return polkit.Result.NO; });' \\
  > $1/etc/polkit-1/rules.d/10-refuse.rules`;
const closed = 'ln -s /dev/null $1/etc/systemd/system/enid-reload.socket';

const manager = 'org.freedesktop.network1 /org/freedesktop/network1 org.freedesktop.network1.Manager';
const asUser = (user: string, text: string) =>
  machine.run(['setpriv', `--reuid=${user}`, '--clear-groups', '--inh-caps=-all', 'sh', '-c', text]);

let vpc: Vpc;
let machine: Machine;

async function boot(name: string, prepare: string): Promise<void> {
  if (tree === '') throw new Error('ENID_MACHINE_TREE_BROKER is not set: run `npm run test:service`');
  vpc = await Vpc.create({ name, subnets });
  for (const eni of [primary, alone]) await vpc.attach(eni);
  machine = await Machine.boot(vpc, tree, { prepare });
}

async function end(): Promise<void> {
  await machine?.stop();
  await vpc?.destroy();
}

const journal = async (...more: string[]) => {
  await machine.check(['journalctl', '--sync']);
  return await machine.check(['journalctl', '-b', '-o', 'cat', '-u', 'enid', ...more]);
};
const states = async () => {
  const { enis } = JSON.parse(await machine.check(['enid', 'status', '--json']));
  // Without the container's own end.
  const named = (enis as { link: string; state: string }[]).filter(({ link }) => link.startsWith('ens'));
  return named.map(({ link, state }) => `${link} ${state}`);
};
const inForce = async (link: string) =>
  (await machine.check(['networkctl', 'status', link])).includes(`70-${link}.network`);

describe.each([
  ['without polkit', withoutPolkit],
  ['where polkit refuses', refusing],
])('%s', (name, prepare) => {
  beforeAll(() => boot(`nopolkit${name.length}`, prepare), testMs);
  afterAll(end, testMs);

  it(
    'boots like any other host, and reports nothing',
    async () => {
      expect((await machine.run(['systemctl', 'is-system-running'])).stdout).toBe('running\n');
      expect(await machine.check(['systemctl', 'is-active', 'dbus-broker'])).toBe('active\n');
      await awaitReach(vpc);
      await until('all is configured', async () => (await states()).every((state) => state.endsWith(' configured')));
      for (const { linkName } of [primary, alone])
        expect([linkName, await inForce(linkName)]).toEqual([linkName, true]);
      expect(await journal('-p', 'warning')).toBe('');
      expect((await machine.run(['enid', 'doctor'])).stdout).not.toMatch(/polkit|enid-reload/);
    },
    testMs,
  );

  it(
    'an ENI that is plugged in costs no packet, and networkd has its file',
    async () => {
      const loss = await measureLoss(vpc, async () => {
        await vpc.attach(sharing);
        await awaitReach(vpc);
        await until('its file', () => inForce(sharing.linkName));
      });
      expect([...loss.notes, ...loss.broken]).toEqual([]);
      expect(loss.fewestSent).toBeGreaterThan(50);
      expect(await journal('-p', 'warning')).toBe('');
    },
    testMs,
  );

  it('lets root reconcile and nobody else, and reload only by way of the socket, which is the user enid’s', async () => {
    const reconcile = 'busctl --timeout=20 call org.enid1 /org/enid1 org.enid1.Manager Reconcile';
    expect((await asUser('nobody', reconcile)).stderr).toMatch(/Access denied/);
    expect(await machine.run(['sh', '-c', reconcile])).toMatchObject({ code: 0 });
    expect((await asUser('enid', `busctl call ${manager} Reload`)).code).not.toBe(0);
    expect((await machine.check(['stat', '-c', '%U %a', '/run/enid-reload.socket'])).trim()).toBe('enid 600');
    const index = parseInt(await machine.check(['ip', '-o', 'link', 'show', 'dev', 'ens5']), 10);
    expect((await asUser('enid', `busctl call ${manager} ReconfigureLink i ${index}`)).code).not.toBe(0);
  });
});

describe('without polkit and with enid-reload.socket masked', () => {
  beforeAll(() => boot('noreload', `${withoutPolkit}\n${closed}`), testMs);
  afterAll(end, testMs);

  it(
    'every address still answers: metrics, routes, rules and addresses need no reload',
    async () => {
      await awaitReach(vpc);
      expect((await machine.check(['ip', 'route', 'get', '198.51.100.10'])).split('\n')[0]).toMatch(
        /dev ens5 .*10\.0\.1\.10/,
      );
    },
    testMs,
  );

  it('status, doctor and the journal name polkit and what to do', async () => {
    expect(await states()).toEqual(['ens5 degraded', 'ens6 degraded']);
    const advice = /polkit.*systemctl restart enid-reload\.socket/s;
    expect((await machine.run(['enid', 'status'])).stderr).toMatch(advice);
    const doctor = await machine.run(['enid', 'doctor']);
    expect([doctor.code, doctor.stdout.match(/^error.*polkit is not installed.*$/gm)]).toEqual([
      3,
      [expect.any(String)],
    ]);
    expect(await journal('-p', 'warning')).toMatch(advice);
  });

  it(
    'a refused reload loses no packet of an address: neither when an ENI is plugged in nor at the retries',
    async () => {
      const loss = await measureLoss(
        vpc,
        async () => {
          for (const eni of [sharing, withPrefixes]) {
            await vpc.attach(eni);
            await awaitReach(vpc);
          }
        },
        { settleMs: 5_000 },
      );
      expect([...loss.notes, ...loss.broken]).toEqual([]);
      expect(loss.fewestSent).toBeGreaterThan(500);
      const before = (await journal()).split('\n').length;
      await sleep(3_000);
      expect((await journal()).split('\n').length).toBe(before);
    },
    testMs,
  );

  it(
    'works as on any host once a reload is permitted',
    async () => {
      await machine.check(['rm', '/etc/systemd/system/enid-reload.socket']);
      await machine.check(['systemctl', 'daemon-reload']);
      const loss = await measureLoss(vpc, () => machine.check(['systemctl', 'restart', 'enid']), { settleMs: 5_000 });
      expect([...loss.notes, ...loss.broken]).toEqual([]);
      await until('all is configured', async () => (await states()).every((state) => state.endsWith(' configured')));
      for (const { linkName } of [primary, alone, sharing, withPrefixes])
        expect([linkName, await inForce(linkName)]).toEqual([linkName, true]);
      await awaitReach(vpc);
      expect((await machine.run(['enid', 'status'])).stderr).toBe('');
    },
    testMs,
  );
});
