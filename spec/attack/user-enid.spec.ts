/**
 * What an attacker who controls the daemon's user enid gains from root's commands and from the
 * units: tried as that user in the booted system. docs/security.md, "The user enid", has a line for
 * each.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Machine } from '../../fixtures/machine/machine.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';

/** Created by fixtures/machine/tree.sh; spec/service/run.sh passes it on. */
const tree = process.env['ENID_MACHINE_TREE'] ?? '';
const maintain = readFileSync(join(import.meta.dirname, '../../units/package/maintain.sh'), 'utf8');
const networkd = '/run/systemd/network';
const kept = '/var/lib/enid/network';
const patienceMs = 20_000;
/** Limited inside the system: a command that waits for a FIFO would exceed the test's own limit. */
const bounded = ['timeout', '--signal=KILL', '15'];

let vpc: Vpc;
let machine: Machine;

beforeAll(async () => {
  if (tree === '') throw new Error('ENID_MACHINE_TREE is not set: run `npm run test:service`');
  vpc = await Vpc.create({ name: 'enid-user', subnets });
  for (const eni of [primary, alone]) await vpc.attach(eni);
  machine = await Machine.boot(vpc, tree);
  await awaitReach(vpc);
  await machine.writeFile('/run/maintain.sh', maintain);
}, testMs);
afterAll(async () => {
  await machine?.stop();
  await vpc?.destroy();
}, testMs);

const shell = (text: string) => machine.check(['sh', '-c', text], { timeoutMs: patienceMs });
const as = (user: string, text: string) =>
  machine.run(
    [
      'setpriv',
      `--reuid=${user}`,
      '--clear-groups',
      `--regid=${user === 'enid' ? 'enid' : 'nogroup'}`,
      'sh',
      '-c',
      text,
    ],
    {
      timeoutMs: patienceMs,
    },
  );

/** As the user enid; must succeed. */
async function lay(text: string): Promise<void> {
  expect(await as('enid', text)).toMatchObject({ code: 0, stderr: '' });
}

async function converged(): Promise<void> {
  await until('all is configured', async () => {
    const { code, stdout } = await machine.run(['enid', 'status', '--json']);
    return code === 0 && !/"state": "(?!configured|ignored)/.test(stdout);
  });
}

async function start(): Promise<void> {
  await machine.check(['systemctl', 'restart', 'enid']);
  await converged();
}

describe('root’s commands, while the daemon is stopped', () => {
  afterEach(async () => {
    await vpc.imds.setFaults([]);
    await shell('rm -rf /run/enid/lock /run/enid/metadata.json /run/enid/ledger.json; rm -f /run/enid/*.tmp');
    await start();
  }, testMs);

  it(
    'open no link in place of the lock',
    async () => {
      await machine.writeFile('/etc/victim', 'precious\n');
      await machine.check(['systemctl', 'stop', 'enid']);
      await lay('rm /run/enid/lock; ln -s /etc/victim /run/enid/lock');
      expect(await machine.run(['enid', 'run', '--once'], { timeoutMs: testMs })).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/failed to lock \/run\/enid\/lock: ELOOP/),
      });
      expect(await shell('cat /etc/victim; stat -c %U:%a /etc/victim')).toBe('precious\nroot:644\n');
    },
    testMs,
  );

  it(
    'leave the daemon what it can replace: `run --once` works as the user enid',
    async () => {
      await machine.check(['systemctl', 'stop', 'enid']);
      await shell(`rm -r /run/enid ${networkd}/70-ens6.network.d`);
      await machine.check(['enid', 'run', '--once'], { timeoutMs: testMs });
      const owners = await shell(`find /run/enid ${networkd} -mindepth 1 -printf '%u %p\\n'`);
      expect(owners).toMatch(/^enid \/run\/enid\/ledger\.json$/m);
      expect(owners).toMatch(/^enid .*70-ens6\.network\.d\/sources\.conf$/m);
      for (const line of owners.trim().split('\n')) expect(line).toMatch(/^enid /);
    },
    testMs,
  );

  it(
    'believe of metadata.json what the metadata service could have said, and nothing else',
    async () => {
      const stored = JSON.parse(await shell('cat /run/enid/metadata.json'));
      await machine.check(['systemctl', 'stop', 'enid']);
      for (const { eni } of stored.snapshot.enis)
        eni.eniId = `${eni.eniId}).\n[Service]\nExecStartPre=/bin/sh -c id\n#`;
      await machine.writeFile('/run/evil.json', JSON.stringify(stored));
      await lay('rm -f /run/enid/metadata.json; cat /run/evil.json > /run/enid/metadata.json');
      await vpc.imds.setFaults([{ effect: { kind: 'status', status: 500 } }]);
      await shell(`rm -r ${networkd}/70-ens6.network.d`);
      await machine.run(['timeout', '-s', 'KILL', '8', 'enid', 'run', '--once'], { timeoutMs: patienceMs });
      expect(await shell(`grep -rl ExecStartPre ${networkd} || true`)).toBe('');
    },
    testMs,
  );

  it.each([
    ['a FIFO', 'mkfifo'],
    ['a link to /dev/zero', 'ln -s /dev/zero'],
  ])(
    'wait for no %s, and read nothing without end',
    async (_name, make) => {
      await machine.check(['systemctl', 'stop', 'enid']);
      const names = ['metadata.json', 'ledger.json', 'reload.json'].map((name) => `/run/enid/${name}`).join(' ');
      await lay(`rm -f ${names}; for f in ${names} ${networkd}/70-x.network; do ${make} $f; done`);
      try {
        expect(await machine.run([...bounded, 'enid', 'plan', '--no-daemon'])).toMatchObject({
          stderr: '',
        });
        expect((await machine.run([...bounded, 'enid', 'doctor'])).stdout).toMatch(/^ok /m);
      } finally {
        await shell(`rm -f ${names} ${networkd}/70-x.network`);
      }
    },
    testMs,
  );

  it(
    'signal none but who holds the lock',
    async () => {
      await machine.check(['systemctl', 'stop', 'enid']);
      const victim = await shell(
        'bash -c \'exec -a "vim /etc/enid/config.yaml" sleep 600\' > /dev/null 2>&1 & echo $!',
      );
      await lay(`echo ${victim.trim()} > /run/enid/lock`);
      expect(await machine.run(['enid', 'reload'])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('no daemon runs'),
      });
      expect(await shell(`tr '\\0' ' ' < /proc/${victim.trim()}/cmdline; kill ${victim.trim()}`)).toMatch(/^vim /);
    },
    testMs,
  );
});

describe('the package’s scripts', () => {
  const call = (text: string) => machine.run([...bounded, 'sh', '-c', `. /run/maintain.sh; links=/run/links; ${text}`]);

  it.each([
    ['a FIFO', 'mkfifo'],
    ['a link to /dev/zero', 'ln -s /dev/zero'],
    ['a link to a file that only root reads', 'ln -s /etc/only-roots'],
  ])(
    'stumble over no %s at a removal',
    async (_name, make) => {
      // The system's /sys shows the links of another network namespace.
      await shell(`for link in ens5 ens6; do
          mkdir -p /run/links/$link; sed -n 's/^MACAddress=//p' ${networkd}/70-$link.network > /run/links/$link/address
        done
        sed "s/^MACAddress=.*/MACAddress=$(cat /run/links/ens6/address)/" ${networkd}/70-ens5.network > /etc/only-roots
        chmod 600 /etc/only-roots`);
      await lay(`${make} ${networkd}/00.network; ${make} ${kept}/00.network`);
      try {
        expect(await call('left_for_primary=/run/left; write_left_for_primary')).toMatchObject({ code: 0, stderr: '' });
        expect(await shell("sed -n 's/^MACAddress=//p' /run/left; rm /run/left")).toBe(
          await shell('cat /run/links/ens5/address'),
        );
      } finally {
        await shell(`rm -f ${networkd}/00.network ${kept}/00.network /etc/only-roots`);
      }
    },
    testMs,
  );

  it('give nothing else to root at a purge', async () => {
    await shell('mkdir -p /run/elsewhere && chown enid /run/elsewhere && cp -a /run/systemd/network /run/before');
    await lay(`cd /run/elsewhere; echo evil > f; chmod 6777 f; mkfifo p; echo x > hard
      ln -s /run/elsewhere ${networkd}/x; ln -s /run/elsewhere ${networkd}/70-ens9.network.d
      ln hard ${networkd}/70-hard.network; echo y > ${networkd}/00.link; mkfifo ${networkd}/70-p.network`);
    expect(await call('purge_written')).toMatchObject({ code: 0, stderr: '' });
    expect(await shell('stat -c "%U %n" /run/elsewhere/*')).toBe(
      'enid /run/elsewhere/f\nenid /run/elsewhere/hard\nenid /run/elsewhere/p\n',
    );
    const left = await shell(`find ${networkd} -printf '%u %m %P\\n' | sort`);
    expect(left).toMatch(/^root 755 $/m);
    expect(left).toMatch(/^root 644 70-ens6\.network\.d\/sources\.conf$/m);
    expect(left).not.toMatch(/enid|00\.link|hard|x$|ens9|70-p/m);
    await shell(`rm -rf ${networkd}/* && cp -a /run/before/. ${networkd} && rm -r /run/before /run/elsewhere`);
  });
});

describe('the units', () => {
  it(
    'stop, start and restore over a FIFO and a device',
    async () => {
      await lay(`mkfifo ${networkd}/00.network ${kept}/00.network; ln -s /dev/zero ${networkd}/01.network`);
      await machine.check(['systemctl', 'stop', 'enid'], { timeoutMs: patienceMs });
      await machine.check(['systemctl', 'restart', 'enid-restore'], { timeoutMs: patienceMs });
      await lay(`rm ${networkd}/00.network ${networkd}/01.network; rm -f ${kept}/00.network`);
      await start();
      expect(await machine.check(['journalctl', '-u', 'enid', '-n', '50', '-o', 'cat'])).not.toMatch(/timed out/i);
    },
    testMs,
  );

  it(
    'restore networkd’s previous files at boot, owned by the user that changes them',
    async () => {
      await machine.check(['systemctl', 'stop', 'enid']);
      const before = await shell(`cat ${networkd}/70-ens6.network`);
      await shell(`rm -r ${networkd}/70-*`);
      await machine.check(['systemctl', 'restart', 'enid-restore']);
      expect(await shell(`cat ${networkd}/70-ens6.network`)).toBe(before);
      expect(await shell(`stat -c %U:%a ${networkd}/70-ens6.network`)).toBe('enid:644\n');
      await start();
    },
    testMs,
  );
});

describe('the lock', () => {
  it(
    'is nobody’s to take who is not root or enid, and keeps no other command from its work',
    async () => {
      expect(await shell('stat -c %U:%a /run/enid/lock')).toBe('enid:600\n');
      expect((await as('nobody', 'flock --nonblock /run/enid/lock true')).stderr).toMatch(/Permission denied/);
      expect(await as('nobody', 'enid status')).toMatchObject({ code: 0, stderr: '' });
      expect((await as('nobody', 'enid doctor')).stdout).toMatch(/^ok +daemon/m);
      expect(await as('nobody', 'enid reload')).toMatchObject({ code: 1, stderr: expect.stringContaining('sudo') });
      await machine.check(['enid', 'reload'], { timeoutMs: patienceMs });
      await start();
    },
    testMs,
  );
});
