/** docs/security.md names every system call of the daemon, from start to end, with its reason. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { EnidProcess, labConfig, runEnid } from '../../fixtures/enid-process.ts';
import { alone, primary, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';

const trace = '/run/enid-system-calls';
let lab: Lab;

beforeAll(async () => {
  lab = await openLab('syscalls', primary);
  await lab.enid.stop();
}, testMs);
afterAll(() => closeLab(lab));

/** Names in the table of docs/security.md. */
function readDocumented(): Set<string> {
  const page = readFileSync(join(import.meta.dirname, '../../docs/security.md'), 'utf8');
  const table = page.slice(page.indexOf('## System calls'));
  const rows = table.split('\n').filter((line) => /^\| `/.test(line));
  return new Set(
    rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name ?? '')),
  );
}

it(
  'every call from start to end, with attach, repair, detach, reload, metrics and questions between, is documented',
  async () => {
    const { vpc } = lab;
    const metrics = 'metrics: { listen: "127.0.0.1:9469", textfile: /run/enid/enid.prom }\n';
    await vpc.guest.writeFile('/etc/enid/config.yaml', metrics + labConfig);
    // Stopped by its own signal, which strace passes on; -D: the daemon is the direct child of the
    // test.
    lab.enid = EnidProcess.start(vpc.guest, [], {}, ['strace', '-D', '-f', '-c', '-S', 'name', '-qq', '-o', trace]);
    await until('the daemon answers', async () => (await runEnid(vpc.guest, ['status'])).stderr === '');
    for (const eni of [alone, withPrefixes]) await vpc.attach(eni);
    await awaitReach(vpc, 60_000);
    await vpc.guest.check(['ip', 'rule', 'del', 'pref', '20001', 'from', '10.0.2.0/24']);
    await until('the repair', async () => (await vpc.guest.check(['ip', 'rule'])).includes('20001:'));
    for (const args of [['plan'], ['explain', '10.0.2.21'], ['reload']]) await runEnid(vpc.guest, args);
    await vpc.detach(alone.id);
    await lab.enid.converged(60_000);
    await lab.enid.stop();
    const isWritten = async () => (await vpc.guest.run(['grep', '-c', 'total', trace])).stdout.trim() === '1';
    await until('strace has counted', isWritten);
    const lines = (await vpc.guest.readFile(trace)).split('\n');
    // "% time seconds usecs/call calls errors syscall", between two lines of dashes.
    const seen = lines
      .filter((line) => /^\s*\d+\.\d+ /.test(line))
      .map((line) => line.trim().split(/\s+/).at(-1) ?? '');
    const names = seen.filter((name) => name !== 'total');
    expect(names).toEqual(expect.arrayContaining(['sendmsg', 'recvmsg', 'epoll_pwait', 'openat', 'rename', 'listen']));
    expect(names.filter((name) => !readDocumented().has(name))).toEqual([]);
  },
  testMs,
);
