/**
 * The installed unit under a real systemd, in its sandbox and as its own user, used as an operator
 * would use it.
 */

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { messageIds } from '../../agent/report/journal-line.ts';
import { Machine } from '../../fixtures/machine/machine.ts';
import { completeEni } from '../../fixtures/vpc/eni.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, efaOnly, primary, sharing, subnets, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, testMs, until } from '../lab/lab.ts';
import { readDocumentedExposure, readExposure } from './exposure.ts';

/** Created by fixtures/machine/tree.sh; spec/run.sh passes it on. */
const tree = process.env['ENID_MACHINE_TREE'] ?? '';
const baseConfig =
  'drivers: [veth]\nimds: { interval: 5s, timeout: 1s }\ninterfaces:\n  - match: { name: "ctr*" }\n    manage: none\n';

let vpc: Vpc;
let machine: Machine;

function shell(text: string): Promise<string> {
  return machine.check(['sh', '-c', text]);
}

/** Throws if it does not run: `kill 0` would end every process of this process's group. */
async function readMainPid(): Promise<string> {
  const pid = await machine.show('MainPID');
  if (!/^[1-9]\d*$/.test(pid))
    throw new Error(`enid does not run: ${await machine.check(['journalctl', '-u', 'enid', '-n', '30'])}`);
  return pid;
}

async function readNetwork(): Promise<string> {
  const text = await shell('ip -o address; ip rule; ip -6 rule; ip route show table all; ip -6 route show table all');
  return text.replace(/(valid_lft|preferred_lft|expires|hoplimit) \S+/g, '');
}

async function readStatus(): Promise<{ eni: string; state: string; link: string | null }[]> {
  return JSON.parse(await machine.check(['enid', 'status', '--json'])).enis;
}

async function converged(): Promise<void> {
  await until('all is configured', async () =>
    (await readStatus()).every(({ state }) => /configured|ignored/.test(state)),
  );
}

beforeAll(async () => {
  if (tree === '') throw new Error('ENID_MACHINE_TREE is not set: run `npm run test:service`');
  vpc = await Vpc.create({ name: 'service', subnets });
  for (const eni of [primary, alone]) await vpc.attach(eni);
  machine = await Machine.boot(vpc, tree);
}, testMs);
afterAll(async () => {
  await machine?.stop();
  await vpc?.destroy();
}, testMs);

describe('at boot', () => {
  it(
    'comes up with the system, before network-online.target, and configures every ENI',
    async () => {
      expect((await machine.run(['systemctl', 'is-system-running'])).stdout).toBe('running\n');
      // 252 does not know notify-reload, and uses the assignment before it.
      expect([await machine.show('Type'), await machine.show('ActiveState')]).toEqual(['notify', 'active']);
      expect(await machine.show('Before')).toContain('network-online.target');
      expect(await machine.show('After')).toContain('systemd-networkd.service');
      await awaitReach(vpc);
      await converged();
      expect(await machine.show('StatusText')).toBe('2 ENIs, 2 configured');
    },
    testMs,
  );

  it('runs as its own user with one capability, no new privileges, filtered system calls', async () => {
    const status = await shell(`cat /proc/${await readMainPid()}/status`);
    const user = (await machine.check(['id', '-u', 'enid'])).trim();
    expect(user).not.toBe('0');
    expect(status).toMatch(new RegExp(`^Uid:\\t${user}\\t${user}\\t${user}\\t${user}$`, 'm'));
    for (const set of ['CapEff', 'CapPrm', 'CapBnd'])
      expect(status).toMatch(new RegExp(`^${set}:\\t0000000000001000$`, 'm'));
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
  });

  it('has an exposure of at most 1.5, explained in docs/security.md', async () => {
    const { level, settings } = await readExposure(machine);
    expect(level).toBeLessThanOrEqual(1.5);
    expect(settings).toEqual(readDocumentedExposure());
    expect((await readExposure(machine, 'enid-restore.service')).level).toBeLessThanOrEqual(2.5);
  });

  it("may make networkd reload and change a link's DNS, nothing else, and cannot remove other programs' files", async () => {
    const asEnid = (text: string) =>
      machine.run(['setpriv', '--reuid=enid', '--regid=enid', '--clear-groups', 'sh', '-c', text]);
    const manager = 'org.freedesktop.network1 /org/freedesktop/network1 org.freedesktop.network1.Manager';
    expect(await asEnid(`busctl call ${manager} Reload`)).toMatchObject({ code: 0 });
    const index = parseInt(await shell('ip -o link show dev ens5'), 10);
    expect((await asEnid(`busctl call ${manager} ReconfigureLink i ${index}`)).stderr).toMatch(
      /[Aa]ccess denied|authentication required/,
    );
    await machine.writeFile('/run/systemd/network/10-other.network', '[Match]\nName=nothing\n');
    expect((await asEnid('rm /run/systemd/network/10-other.network')).stderr).toMatch(/not permitted/);
    const nobody = await machine.run([
      'setpriv',
      '--reuid=nobody',
      '--clear-groups',
      'busctl',
      'call',
      ...manager.split(' '),
      'Reload',
    ]);
    expect(nobody.code).not.toBe(0);
  });
});

describe('while it runs', () => {
  it(
    'configures an ENI that is plugged in, and repairs what is removed',
    async () => {
      for (const eni of [sharing, withPrefixes]) await vpc.attach(eni);
      await awaitReach(vpc);
      await machine.writeFile('/etc/enid/config.yaml', baseConfig);
      await machine.check(['systemctl', 'reload', 'enid']);
      await converged();
      await shell('ip rule del pref 20002 from 10.0.1.30/31');
      await until('the rule is back', async () => (await shell('ip rule')).includes('20002:\tfrom 10.0.1.30/31 '));
    },
    testMs,
  );

  it(
    'follows every change of EC2 and repairs every kind of drift, inside its sandbox',
    async () => {
      await vpc.assign(alone.id, { ipv4: ['10.0.2.30'], ipv4Prefixes: ['10.0.2.96/28'] });
      await awaitReach(vpc);
      await vpc.unassign(alone.id, { ipv4: ['10.0.2.30'], ipv4Prefixes: ['10.0.2.96/28'] });
      await until('the rule is gone', async () => !(await shell('ip rule')).includes('10.0.2.96/28'));
      await machine.writeFile(
        '/etc/enid/config.yaml',
        `${baseConfig}  - match: { device: 1 }\n    reversePathFilter: loose\n`,
      );
      await machine.check(['systemctl', 'reload', 'enid']);
      await converged();
      const drift = [
        'ip rule flush; ip rule add pref 32766 lookup main; ip -6 rule flush; ip -6 rule add pref 32766 lookup main',
        'ip route flush table 10001; ip -6 route flush table 10001',
        'ip address del 10.0.2.22/32 dev ens6; ip address del 2001:db8:0:2::21/128 dev ens6',
        'ip link property del dev ens6 altname device-number-1.0',
        'rm /run/systemd/network/70-ens6.network.d/sources.conf',
      ];
      for (const text of drift) {
        await shell(text);
        await converged();
        await awaitReach(vpc);
      }
      // The system has no sysctl(8); its network is the guest's.
      await vpc.guest.check(['sysctl', '-qw', 'net.ipv4.conf.ens6.rp_filter=1']);
      const readFilter = () => shell('cat /proc/sys/net/ipv4/conf/ens6/rp_filter');
      await until('the filter is back', async () => (await readFilter()) === '2\n');
      expect(await shell('ip link show dev ens6')).toContain('altname device-number-1.0');
      await machine.check(['test', '-s', '/run/systemd/network/70-ens6.network.d/sources.conf']);
      await machine.check(['systemctl', 'restart', 'systemd-networkd']);
      await converged();
      await awaitReach(vpc);
      await vpc.detach(withPrefixes.id);
      await until('its rules are gone', async () => !(await shell('ip rule')).includes('10.0.3.'));
      await vpc.attach(withPrefixes);
      await awaitReach(vpc);
      await machine.writeFile('/etc/enid/config.yaml', baseConfig);
      await machine.check(['systemctl', 'reload', 'enid']);
      await converged();
    },
    testMs,
  );

  it(
    'writes journal fields that journalctl finds by, and lines for people',
    async () => {
      await machine.check(['journalctl', '--sync']);
      const text = await machine.check([
        'journalctl',
        '-u',
        'enid',
        `ENI=${sharing.id}`,
        `MESSAGE_ID=${messageIds.attached}`,
        'CHANGE=write-file',
        '-o',
        'json',
        '-n',
        '1',
      ]);
      // journalctl finds it by each of its kinds; what else there was to do depends on networkd.
      const entry = JSON.parse(text);
      expect([entry['CHANGE']].flat()).toContain('write-file');
      expect(entry).toMatchObject({
        ENI: sharing.id,
        INTERFACE: 'ens7',
        DEVICE_NUMBER: '2',
        MESSAGE: expect.stringMatching(/^ens7 (attached|configured): eni-\w+, .*, table 10002, 70-ens7\.network \(/),
        MESSAGE_ID: expect.stringMatching(/^[0-9a-f]{32}$/),
        PRIORITY: '6',
        SYSLOG_IDENTIFIER: 'enid',
        _SYSTEMD_UNIT: 'enid.service',
      });
      // The whole of one ENI has its last entries.
      const whole = await machine.check(['enid', 'status', sharing.id]);
      expect(whole).toMatch(/\d enid\[\d+\]: ens7 (attached|configured|changed|repaired)/);
      await machine.check(['journalctl', '--update-catalog']);
      const ofAttached = [`ENI=${sharing.id}`, `MESSAGE_ID=${messageIds.attached}`, '-n', '1', '--catalog'];
      const explained = await machine.check(['journalctl', '-u', 'enid', ...ofAttached]);
      expect(explained).toContain('Subject: An ENI was configured');
    },
    testMs,
  );

  it(
    'answers any user: status, plan, explain, doctor without privileges',
    async () => {
      const asNobody = (...argv: string[]) =>
        machine.run(['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', 'enid', ...argv]);
      expect(await asNobody('status')).toMatchObject({ code: 0, stderr: '' });
      expect(await asNobody('plan')).toMatchObject({ code: 0, stdout: 'Converged: nothing to change.\n' });
      expect(await asNobody('explain', '10.0.1.30')).toMatchObject({ code: 0 });
      expect((await asNobody('doctor')).stdout).toMatch(/^ok +daemon/m);
      expect(await asNobody('reload')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('sudo systemctl reload enid'),
      });
    },
    testMs,
  );
});

describe('org.enid1 on the bus', () => {
  const manager = ['org.enid1', '/org/enid1', 'org.enid1.Manager'];
  const asNobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'];
  const eniPath = `/org/enid1/interface/${alone.id.replaceAll('-', '_')}`;

  it('is introspectable and readable by any user', async () => {
    const tree = await machine.check([...asNobody, 'busctl', 'tree', '--list', 'org.enid1']);
    expect(tree.split('\n')).toEqual(expect.arrayContaining(['/org/enid1', eniPath]));
    const members = await machine.check([...asNobody, 'busctl', 'introspect', 'org.enid1', '/org/enid1']);
    for (const member of ['ListInterfaces', 'GetInterface', 'DescribeInterface', 'Plan', 'Explain', 'Reconcile'])
      expect(members).toMatch(new RegExp(`^\\.${member} +method`, 'm'));
    const properties = await machine.check([...asNobody, 'busctl', 'introspect', 'org.enid1', eniPath]);
    expect(properties).toMatch(/^\.State +property +s +"configured"/m);
    expect(properties).toMatch(/^\.Addresses +property +as +6 "10\.0\.2\.20"/m);
    expect(await machine.check(['busctl', 'call', ...manager, 'GetInterface', 's', 'ens6'])).toBe(`o "${eniPath}"\n`);
    const described = await machine.check([
      ...asNobody,
      'busctl',
      '--json=short',
      'call',
      ...manager,
      'DescribeInterface',
      's',
      alone.id,
    ]);
    const shown = (await readStatus()).find(({ eni }) => eni === alone.id);
    expect(JSON.parse(JSON.parse(described).data[0])).toEqual(shown);
    expect(await machine.check(['busctl', '--json=short', 'call', ...manager, 'Plan'])).toContain('\\"changes\\":[]');
    const explained = await machine.check([
      ...asNobody,
      'busctl',
      '--json=short',
      'call',
      ...manager,
      'Explain',
      'ss',
      '10.0.2.21',
      '',
    ]);
    expect(JSON.parse(JSON.parse(explained).data[0])).toMatchObject({ right: true, kernel: { link: 'ens6' } });
  });

  it('refuses invalid calls with a named error', async () => {
    const errorOf = async (...words: string[]) => (await machine.run(['busctl', ...words])).stderr;
    expect(await errorOf('call', ...manager, 'GetInterface', 's', 'ens99')).toMatch(
      /no ENI has the id, MAC or link name ens99/,
    );
    expect(await errorOf('call', ...manager, 'GetInterface', 'u', '1')).toMatch(/expected the signature "s", got "u"/);
    expect(await errorOf('call', ...manager, 'Explain', 'ss', 'nonsense', '')).toMatch(/got "nonsense"/);
    expect(await errorOf('call', ...manager, 'constructor')).toMatch(/no method constructor/);
    expect(await errorOf('set-property', ...manager, 'Version', 's', 'x')).toMatch(/expected to be read/);
    expect(await errorOf('get-property', 'org.enid1', '/org/enid1/nothing', 'org.enid1.Interface', 'State')).toMatch(
      /no object/,
    );
  });

  it('lets only root reconcile unless polkit permits it; no other user may own the name', async () => {
    expect(await machine.run(['busctl', 'call', ...manager, 'Reconcile'])).toMatchObject({ code: 0 });
    const refused = await machine.run([...asNobody, 'busctl', 'call', ...manager, 'Reconcile']);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/not authorised|Access denied/) });
    const leave =
      'polkit.addRule(function (a, s) { if (a.id === "org.enid1.reconcile" && s.user === "nobody") return polkit.Result.YES; });';
    await machine.writeFile('/etc/polkit-1/rules.d/10-leave.rules', `${leave}\n`);
    await until(
      'polkit has read it',
      async () => (await machine.run([...asNobody, 'busctl', 'call', ...manager, 'Reconcile'])).code === 0,
    );
    await machine.check(['rm', '/etc/polkit-1/rules.d/10-leave.rules']);
    const bus = ['org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus'];
    expect(
      (await machine.run([...asNobody, 'busctl', 'call', ...bus, 'RequestName', 'su', 'org.enid1', '0'])).stderr,
    ).toMatch(/Access denied/);
  });

  it(
    'announces changes by PropertiesChanged',
    async () => {
      const log = '/run/monitor.log';
      await shell(
        `busctl monitor --match "type='signal',sender='org.enid1'" --json=short > ${log} 2>&1 & echo $! > /run/monitor.pid`,
      );
      await until('the monitor listens', async () => (await shell('busctl list')).includes('busctl'));
      await vpc.assign(alone.id, { ipv4: ['10.0.2.77'] });
      await until('the change is told', async () => {
        const signals = (await shell(`cat ${log}`))
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line));
        return signals.some(
          ({ path, member, payload }) =>
            path === eniPath && member === 'PropertiesChanged' && payload.data[1].Addresses?.data.includes('10.0.2.77'),
        );
      });
      await shell('kill "$(cat /run/monitor.pid)"');
    },
    testMs,
  );
});

it(
  'can make networkd ignore the DNS of a lease, and use it again',
  async () => {
    const readDns = () =>
      shell('grep -E "^(DNS|DNS_DEFAULT_ROUTE)=" "/run/systemd/netif/links/$(ip -o link show dev ens6 | cut -d: -f1)"');
    const before = await readDns();
    expect(before).toMatch(/^DNS=.+\nDNS_DEFAULT_ROUTE=yes$/m);
    const file = await shell('cat /run/systemd/network/70-ens6.network');
    await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}  - { match: { name: ens6 }, dns: false }\n`);
    await machine.check(['systemctl', 'reload', 'enid']);
    await until('nothing of it is used', async () => (await readDns()) === 'DNS=\nDNS_DEFAULT_ROUTE=no\n');
    // No reload: the file waits until networkd stops.
    expect(await shell('cat /run/systemd/network/70-ens6.network')).toBe(file);
    await machine.writeFile('/etc/enid/config.yaml', baseConfig);
    await machine.check(['systemctl', 'reload', 'enid']);
    await until('it is used', async () => (await readDns()) === before);
  },
  testMs,
);

it(
  'offers metrics on a Unix socket when asked to',
  async () => {
    await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}metrics: { listen: "unix:/run/enid/metrics" }\n`);
    await machine.check(['systemctl', 'restart', 'enid']);
    await converged();
    const fetch = `require('http').get({ socketPath: '/run/enid/metrics', path: '/metrics' }, (r) => r.pipe(process.stdout))`;
    const read = () => machine.check(['node', '-e', fetch]);
    await until('the metrics say so', async () =>
      (await read()).includes(`enid_eni_state{eni="${alone.id}",interface="ens6",state="configured"} 1`),
    );
    await shell('ip rule del pref 20001 from 10.0.2.0/24');
    await until('the repair is counted', async () =>
      /^enid_changes_total\{kind="add-rule",result="made"\} 1$/m.test(await read()),
    );
    // Listed, and permanently without a network device (libfabric's newer mode): no alert, no log
    // line, nothing to wait for.
    await machine.check(['journalctl', '--sync']);
    const countLines = async () => (await machine.check(['journalctl', '-u', 'enid', '-o', 'cat'])).split('\n').length;
    const before = await countLines();
    await vpc.metadata.put(completeEni(efaOnly));
    const told = `enid_eni_state{eni="${efaOnly.id}",interface=""`;
    await until('the metrics tell of it', async () => (await read()).includes(`${told},state="ignored"} 1`));
    for (const state of ['waiting', 'degraded', 'configured'])
      expect(await read()).toContain(`${told},state="${state}"} 0`);
    const ofEfaOnly = ['org.enid1', `/org/enid1/interface/${efaOnly.id.replaceAll('-', '_')}`, 'org.enid1.Interface'];
    expect(await machine.check(['busctl', 'get-property', ...ofEfaOnly, 'State', 'Reason', 'LinkName'])).toBe(
      's "ignored"\ns "no network device: EFA-only"\ns ""\n',
    );
    expect(await machine.run(['enid', 'plan'])).toMatchObject({ code: 0 });
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    await machine.check(['journalctl', '--sync']);
    expect(await countLines()).toBe(before);
    await vpc.metadata.remove(efaOnly.id);
    await until('it is forgotten', async () => !(await read()).includes(efaOnly.id));
    const text = await read();
    for (const line of [
      /^enid_changes_pending 0$/m,
      /^enid_metadata_last_read_timestamp_seconds [\d.]+$/m,
      /^enid_pass_duration_seconds_count [1-9]/m,
      /^process_resident_memory_bytes /m,
    ])
      expect(text).toMatch(line);
    await vpc.imds.setFaults([{ effect: { kind: 'status', status: 500 } }]);
    await until('the failure is counted', async () =>
      /^enid_metadata_read_failures_total\{kind="[a-z-]+"\} [1-9]/m.test(await read()),
    );
    await vpc.imds.setFaults([]);
    await machine.writeFile('/etc/enid/config.yaml', baseConfig);
    await machine.check(['systemctl', 'restart', 'enid']);
    await converged();
  },
  testMs,
);

describe('D-Bus activation', () => {
  const list = ['busctl', 'call', 'org.enid1', '/org/enid1', 'org.enid1.Manager', 'ListInterfaces'];
  const asNobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'];

  it(
    'a call to org.enid1 starts the daemon if it is enabled; its own commands do not',
    async () => {
      await machine.check(['systemctl', 'stop', 'enid']);
      expect(await machine.run(['enid', 'status'])).toMatchObject({
        code: 0,
        stderr: expect.stringContaining('enid is not running'),
      });
      expect(await machine.show('ActiveState')).toBe('inactive');
      const { code, stdout } = await machine.run([...asNobody, ...list]);
      expect([code, stdout]).toEqual([0, expect.stringContaining(alone.id)]);
      await until('the start is over', async () => (await machine.show('ActiveState')) === 'active');
      await converged();
    },
    testMs,
  );

  it(
    'a disabled daemon stays stopped',
    async () => {
      await machine.check(['systemctl', 'disable', '--now', 'enid']);
      const { code, stderr } = await machine.run(list);
      expect([code, stderr]).toEqual([1, expect.stringContaining('dbus-org.enid1.service not found')]);
      expect(await machine.show('ActiveState')).toBe('inactive');
      await machine.check(['systemctl', 'enable', '--now', 'enid']);
      await converged();
    },
    testMs,
  );
});

it(
  'sets the host name from the metadata if configured, and only if no other name is set',
  async () => {
    const setName = async (name: string) => {
      await machine.check(['hostnamectl', 'set-hostname', '--transient', name]);
      await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}hostname: true\n`);
      await machine.check(['systemctl', 'restart', 'enid']);
      await converged();
    };
    const readName = async () => (await machine.check(['hostnamectl', 'hostname'])).trim();
    await shell('rm -f /etc/hostname');
    const hosts = '127.0.0.1 localhost\n';
    await machine.writeFile('/etc/hosts', hosts);
    await setName('named-by-hand');
    await shell('sleep 2');
    expect(await readName()).toBe('named-by-hand');
    await setName('localhost');
    await until('it has the name', async () => (await readName()) === 'ip-10-0-1-10.ec2.internal');
    // Transient: nothing of it is on the disk, where an image would keep it.
    expect(await machine.check(['hostnamectl', 'hostname', '--static'])).toBe('\n');
    expect(await shell('test ! -e /etc/hostname && cat /etc/hosts')).toBe(hosts);
    expect(await machine.check(['journalctl', '-u', 'enid', '-o', 'cat', '-n', '30'])).toMatch(
      /host name ip-10-0-1-10/,
    );
    await machine.writeFile('/etc/enid/config.yaml', baseConfig);
    await machine.check(['systemctl', 'restart', 'enid']);
    await converged();
  },
  testMs,
);

describe('systemctl reload enid', () => {
  it(
    'is over when the pass is done',
    async () => {
      await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}  - match: { device: 1 }\n    rules: classic\n`);
      await machine.check(['systemctl', 'reload', 'enid']);
      expect(await shell('ip rule')).toMatch(/^10001:\tfrom 10\.0\.2\.23 lookup 10001/m);
      await machine.writeFile('/etc/enid/config.yaml', baseConfig);
      await machine.check(['systemctl', 'reload', 'enid']);
      expect(await shell('ip rule')).not.toMatch(/10\.0\.2\.23/);
    },
    testMs,
  );

  it(
    'fails on a bad configuration, names file, line and key, and keeps the previous one',
    async () => {
      const before = await readNetwork();
      const mainPid = await readMainPid();
      await machine.writeFile('/etc/enid/config.yaml', `${baseConfig}  - match: { device: 1 }\n    rules: clasic\n`);
      const { code, stderr } = await machine.run(['systemctl', 'reload', 'enid']);
      expect(code).not.toBe(0);
      expect(stderr).toContain('enid.service');
      await machine.check(['journalctl', '--sync']);
      const journal = await machine.check(['journalctl', '-u', 'enid', '-n', '20', '-o', 'cat']);
      expect(journal).toMatch(/\/etc\/enid\/config\.yaml:7: interfaces\[1\]\.rules: .*clasic/);
      expect(await readNetwork()).toBe(before);
      expect([await machine.show('ActiveState'), await machine.show('MainPID')]).toEqual(['active', mainPid]);
      await machine.writeFile('/etc/enid/config.yaml', baseConfig);
      await machine.check(['systemctl', 'reload', 'enid']);
    },
    testMs,
  );
});

describe('the watchdog', () => {
  it(
    'restarts a daemon that hangs, but not one whose metadata service hangs; the network stays throughout',
    async () => {
      await machine.writeFile('/run/systemd/system/enid.service.d/watchdog.conf', '[Service]\nWatchdogSec=3\n');
      await machine.check(['systemctl', 'daemon-reload']);
      await machine.check(['systemctl', 'restart', 'enid']);
      await converged();
      const before = await readNetwork();

      const patient = await readMainPid();
      await vpc.imds.setFaults([{ effect: { kind: 'hang' } }]);
      await new Promise((resolve) => setTimeout(resolve, 9_000));
      expect(await machine.show('MainPID')).toBe(patient);
      await vpc.imds.setFaults([]);

      await shell(`kill -STOP ${patient}`);
      await until('another process', async () => !['0', patient].includes(await machine.show('MainPID')), 30_000);
      expect(await machine.show('NRestarts')).toBe('1');
      await until('it runs', async () => (await machine.show('ActiveState')) === 'active');
      await converged();
      expect(await readNetwork()).toBe(before);
      await machine.check(['journalctl', '--sync']);
      expect(await machine.check(['journalctl', '-u', 'enid', '-o', 'cat'])).toMatch(/Watchdog timeout/);
    },
    testMs,
  );
});

describe('its end', () => {
  it(
    'by kill -9: systemd starts it again, and the network stays; by stop: the network stays',
    async () => {
      const before = await readNetwork();
      const mainPid = await readMainPid();
      await shell(`kill -KILL ${mainPid}`);
      await until('another process', async () => !['0', mainPid].includes(await machine.show('MainPID')));
      await until('it runs', async () => (await machine.show('ActiveState')) === 'active');
      expect(await readNetwork()).toBe(before);
      await machine.check(['systemctl', 'stop', 'enid']);
      expect(await machine.show('Result')).toBe('success');
      expect(await readNetwork()).toBe(before);
      await awaitReach(vpc);
    },
    testMs,
  );
});
