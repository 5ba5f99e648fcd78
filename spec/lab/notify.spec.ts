/** What the daemon reports to the service manager by sd_notify(3), as systemd would receive it. */

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DatagramReceiver } from '../../fixtures/datagram-receiver.ts';
import { EnidProcess, installInto, labConfig } from '../../fixtures/enid-process.ts';
import { Vpc } from '../../fixtures/vpc/vpc.ts';
import { alone, primary, subnets } from '../../fixtures/vpc-shapes.ts';
import { sleep, testMs, until } from './lab.ts';

let vpc: Vpc;
let receiver: DatagramReceiver;
let draining: NodeJS.Timeout;
const received: string[] = [];

function receive(): readonly string[] {
  for (let text = receiver.read(); text !== null; text = receiver.read()) received.push(text);
  return received;
}

/** Waits for a datagram with this beginning among those since `from`. */
async function awaitText(start: string, from = 0): Promise<number> {
  await until(start, () =>
    receive()
      .slice(from)
      .some((text) => text.startsWith(start)),
  );
  return received.findIndex((text, index) => index >= from && text.startsWith(start));
}

beforeAll(async () => {
  vpc = await Vpc.create({ name: 'notify', subnets });
  await installInto(vpc.guest);
  await vpc.attach(primary);
  await vpc.attach(alone);
  await vpc.guest.networkd.start();
  receiver = new DatagramReceiver(vpc.guest.path('/run/notify'));
  // The socket's queue holds ten (net.unix.max_dgram_qlen), and what does not fit is dropped.
  draining = setInterval(receive, 2);
}, testMs);
afterAll(async () => {
  clearInterval(draining);
  receiver?.close();
  await vpc?.destroy();
});

it(
  'ready, alive, reloading and ready again when the pass is done, stopping',
  async () => {
    const environment = { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '900000' };
    const enid = EnidProcess.start(vpc.guest, [], environment);
    await awaitText('READY=1');
    await enid.converged();
    await awaitText('STATUS=2 ENIs, 2 configured');

    // Nothing happens, and the manager is still notified three times as often as it requires.
    receive();
    const idle = received.length;
    await sleep(2_000);
    const beats = receive().slice(idle);
    // A pass after a read of the metadata also reports the status.
    for (const text of beats) expect(text).toMatch(/^(STATUS=2 ENIs, 2 configured\n)?WATCHDOG=1$/);
    expect(beats.length).toBeGreaterThanOrEqual(3);

    // A reload with a change to make: it is made before READY reports the end of the reload.
    const before = receive().length;
    await vpc.guest.writeFile('/etc/enid/config.yaml', `${labConfig}  - match: { device: 1 }\n    rules: classic\n`);
    enid.signal('SIGHUP');
    const reloading = await awaitText('RELOADING=1\nMONOTONIC_USEC=', before);
    const ready = await awaitText('READY=1\nSTATUS=2 ENIs, 2 configured', before);
    expect(reloading).toBeLessThan(ready);
    expect(await vpc.guest.check(['ip', 'rule'])).toMatch(/from 10\.0\.2\.20 lookup 10001/);

    // A bad configuration ends the reload, too; the previous one stays in force.
    await vpc.guest.writeFile('/etc/enid/config.yaml', 'interfaces: 5\n');
    const bad = receive().length;
    enid.signal('SIGHUP');
    await awaitText('READY=1', bad);

    const end = receive().length;
    expect(await enid.stop('SIGTERM')).toBe(0);
    expect(receive().slice(end).at(-1)).toBe('STOPPING=1');
  },
  testMs,
);
