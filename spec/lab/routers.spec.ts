/**
 * Real routing programs beside enid: bird with fifty thousand routes by an ENI's own router,
 * keepalived with an address in a delegated prefix. Their objects stay theirs, and enid's own stay
 * right meanwhile.
 */

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, labConfig } from '../../fixtures/enid-process.ts';
import { readKeepalivedOptions, routingProgram } from '../../fixtures/vpc/debian-trees.ts';
import { alone, primary, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, listDestinations, openLab, testMs, until } from './lab.ts';

const routeCount = 50_000;
const virtual = '10.0.3.70';

const keepalivedConfig = `
global_defs { router_id enid }
vrrp_instance lab {
  state MASTER
  interface ens8
  virtual_router_id 51
  priority 100
  advert_int 1
  virtual_ipaddress { ${virtual}/32 dev ens8 }
}
`;

let lab: Lab;

function check(...argv: string[]): Promise<string> {
  return lab.vpc.guest.check(argv);
}

async function end(process: ChildProcess): Promise<void> {
  const ended = once(process, 'exit');
  process.kill('SIGTERM');
  await ended;
}

async function countRoutes(): Promise<number> {
  return Number(await check('sh', '-c', 'ip route show proto bird | wc -l'));
}

function birdConfig(): string {
  const routes = listDestinations(routeCount).map((destination) => `route ${destination} via 10.0.1.1;`);
  return `router id 10.0.1.10;
protocol device {}
protocol direct { ipv4; }
protocol kernel { ipv4 { import none; export where source = RTS_STATIC; }; }
protocol static peer { ipv4; ${routes.join('\n')} }
`;
}

beforeAll(async () => {
  lab = await openLab('routers', primary);
  for (const eni of [alone, withPrefixes]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await lab.enid.converged();
}, testMs);
afterAll(() => closeLab(lab));

it(
  'bird: fifty thousand routes by the primary’s router come and go, and enid ignores them',
  async () => {
    const { guest } = lab.vpc;
    await guest.writeFile('/etc/bird.conf', birdConfig());
    const linesBefore = lab.enid.lines.length;
    const bird = guest.spawn([...routingProgram('bird'), '-f', '-c', '/etc/bird.conf', '-s', '/run/bird.ctl']);
    await until('the routes', async () => (await countRoutes()) === routeCount, 60_000);
    await check('ip', 'rule', 'del', 'pref', '20001', 'from', '10.0.2.0/24');
    await until('the repair', async () => /^20001:\tfrom 10\.0\.2\.0\/24/m.test(await check('ip', 'rule')));
    lab.enid.signal('SIGHUP');
    await lab.enid.converged();
    await lab.enid.stop();
    lab.enid = EnidProcess.start(guest);
    await lab.enid.converged();
    expect(await countRoutes()).toBe(routeCount);
    await awaitReach(lab.vpc);
    await end(bird);
    await until('the end of the routes', async () => (await countRoutes()) === 0, 60_000);
    await awaitReach(lab.vpc);
    // One for the repair, a few for the restart.
    expect(lab.enid.lines.length - linesBefore).toBeLessThan(30);
  },
  2 * testMs,
);

it(
  'bird: its routes by an ENI attract no source of another ENI, not even the primary’s with rules: classic',
  async () => {
    const { guest } = lab.vpc;
    const config = `router id 10.0.1.10;
protocol device {}
protocol direct { ipv4; }
protocol kernel { ipv4 { import none; export where source = RTS_STATIC; }; }
protocol static peer { ipv4; route 100.98.0.0/16 via 10.0.1.9; route 100.99.0.0/16 via 10.0.2.9; }
`;
    await guest.writeFile('/etc/bird.conf', config);
    const bird = guest.spawn([...routingProgram('bird'), '-f', '-c', '/etc/bird.conf', '-s', '/run/bird.ctl']);
    await until('the routes', async () => (await countRoutes()) === 2);
    const leavesBy = async (source: string, destination: string) =>
      /dev (ens\d)/.exec(await check('ip', 'route', 'get', destination, 'from', source))?.[1];
    for (const destination of ['100.98.0.1', '100.99.0.1']) {
      expect([destination, await leavesBy('10.0.2.20', destination)]).toEqual([destination, 'ens6']);
      expect([destination, await leavesBy('10.0.3.40', destination)]).toEqual([destination, 'ens8']);
    }
    await guest.writeFile('/etc/enid/config.yaml', `${labConfig}  - { match: { device: 0 }, rules: classic }\n`);
    lab.enid.signal('SIGHUP');
    await lab.enid.converged();
    expect(await leavesBy('10.0.1.10', '100.98.0.1')).toBe('ens5');
    expect(await leavesBy('10.0.1.10', '100.99.0.1')).toBe('ens5');
    await guest.writeFile('/etc/enid/config.yaml', labConfig);
    lab.enid.signal('SIGHUP');
    await end(bird);
    await until('the end of the routes', async () => (await countRoutes()) === 0);
    await lab.enid.converged();
  },
  testMs,
);

it(
  'keepalived: its address in a delegated prefix stays, and leaves by the ENI of the prefix',
  async () => {
    const { guest } = lab.vpc;
    const has = async () => (await check('ip', '-o', 'address', 'show', 'dev', 'ens8')).includes(`${virtual}/32`);
    await guest.writeFile('/etc/keepalived.conf', keepalivedConfig);
    const options = readKeepalivedOptions();
    if (options !== null) await guest.writeFile('/etc/keepalived/keepalived.config-opts', options);
    const files = ['-f', '/etc/keepalived.conf', '-p', '/run/keepalived.pid', '-r', '/run/vrrp.pid'];
    const keepalived = guest.spawn([...routingProgram('keepalived'), '--dont-fork', '--vrrp', ...files]);
    await until('the virtual address', has);
    await until('its way', () => lab.vpc.reaches(virtual));
    lab.enid.signal('SIGHUP');
    await lab.enid.converged();
    await lab.enid.stop();
    lab.enid = EnidProcess.start(guest);
    await lab.enid.converged();
    await check('ip', 'rule', 'flush');
    await check('sh', '-c', 'ip rule add pref 32766 lookup main; ip rule add pref 32767 lookup default');
    await awaitReach(lab.vpc);
    expect(await has()).toBe(true);
    expect(await lab.vpc.reaches(virtual)).toBe(true);
    await end(keepalived);
    await until('its end', async () => !(await has()));
    await lab.enid.converged();
    expect(await has()).toBe(false);
  },
  testMs,
);
