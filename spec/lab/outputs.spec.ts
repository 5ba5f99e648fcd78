/**
 * docs/proof/outputs.md is what the commands print, captured here. `UPDATE_DOCS=1` writes it again;
 * without, it must be the same. Only process numbers, times, the kernel's release and a random MAC
 * are replaced.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import * as z from 'zod';
import { EnidProcess, labConfig, program, runEnid } from '../../fixtures/enid-process.ts';
import { trixieNetworkd } from '../../fixtures/vpc/debian-trees.ts';
import { alone, primary, withPrefixes } from '../../fixtures/vpc-shapes.ts';
import { openWithEnid } from '../../fixtures/ways/instance.ts';
import { makeLargest } from '../../fixtures/ways/shapes.ts';
import { awaitLeases, awaitReach, closeLab, type Lab, openLab, testMs, until } from './lab.ts';

const file = join(import.meta.dirname, '../../docs/proof/outputs.md');
const head = `# Outputs

What the commands print, captured by \`spec/lab/outputs.spec.ts\` on an instance with three ENIs. Lines of stderr come first; the
exit code is named where it is not 0.
`;

const networkd = 'org.freedesktop.network1';
const reload = ['busctl', 'call', networkd, '/org/freedesktop/network1', `${networkd}.Manager`, 'Reload'];

let lab: Lab;
let text = head;

function say(title: string, paragraph: string): void {
  text += `\n## ${title}\n\n${paragraph}\n`;
}

async function capture(...args: string[]): Promise<void> {
  const { stdout, stderr, code } = await runEnid(lab.vpc.guest, args);
  const output = normalise(stderr + stdout).trimEnd();
  text += `\n\`\`\`\n$ enid ${args.join(' ')}\n${output === '' ? '' : `${output}\n`}${code === 0 ? '' : `(exit code ${code})\n`}\`\`\`\n`;
}

function normalise(output: string): string {
  return (
    output
      .replaceAll(/\b20\d\d-\d\d-\d\dT[\d:.]+Z/g, '2026-01-02T03:04:05.678Z')
      .replaceAll(/\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, '2026-01-02 03:04:05 UTC')
      .replaceAll(/(?<= {2})\d+[smhd] +(?=\d+$)/gm, '2m       ')
      .replaceAll(/\b\d+[smhd] ago\b/g, '2m ago')
      .replaceAll(/\bvalid for \d+[smhd]\b/g, 'valid for 59m')
      .replaceAll(/\blast read \d+ s ago\b/g, 'last read 30 s ago')
      .replaceAll(/\bprocess \d+/g, 'process 812')
      .replace(/^(ok +kernel +).*$/m, '$16.1.0-28-cloud-amd64')
      // Of the container's link.
      .replaceAll(/\b(?!06:53:)(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '0e:00:00:00:00:01')
  );
}

async function readStatus(): Promise<{ enis: { link: string; state: string; repairs: object | null }[] }> {
  return JSON.parse((await runEnid(lab.vpc.guest, ['status', '--json'])).stdout);
}

/** A daemon that has changed nothing yet, so that its memory is the same each time. */
async function startDaemon(): Promise<void> {
  lab.enid = EnidProcess.start(lab.vpc.guest);
  await until('the daemon answers', async () => (await readStatus()).enis.every(({ repairs }) => repairs !== null));
}

beforeAll(async () => {
  // Whatever the host's setting is: enid does what the kernel does not do, and reports it.
  lab = await openLab('outputs', primary, undefined, trixieNetworkd());
  for (const eni of [alone, withPrefixes]) await lab.vpc.attach(eni);
  await awaitReach(lab.vpc);
  await awaitLeases(lab);
  await lab.enid.stop();
}, testMs);
afterAll(() => closeLab(lab));

it(
  'a healthy host',
  async () => {
    await startDaemon();
    await lab.vpc.guest.check(['ip', 'rule', 'del', 'pref', '20001', 'from', '10.0.2.0/24']);
    await until('the repair', async () => JSON.stringify(await readStatus()).includes('"repairs":{"rule":1}'));
    say('A healthy host', 'Another program has removed a rule of ens6 a while ago.');
    await capture('status');
    await capture('status', '-o', 'wide');
    await capture('status', 'ens6');
    await capture('status', '--json');
    for (const args of [
      ['wait'],
      ['plan'],
      ['explain', '10.0.2.21'],
      ['explain', '10.0.1.10'],
      ['explain', '10.0.2.99'],
      ['explain', '--all'],
      ['doctor'],
      ['reload'],
    ])
      await capture(...args);
    for (const command of ['check', 'show']) await capture('config', command);
    await capture('config', 'show', '--resolved');
  },
  testMs,
);

it(
  'a metadata service that fails',
  async () => {
    await lab.vpc.imds.setFaults([{ effect: { kind: 'status', status: 500 } }]);
    await until('it is seen', () => lab.enid.lines.some((line) => line.includes('failed to read the metadata')));
    say('A metadata service that fails', 'It answers 500 to everything. The network stays as it is.');
    for (const args of [['status'], ['plan'], ['explain', '10.0.2.21'], ['doctor'], ['reload'], ['config', 'check']])
      await capture(...args);
    await capture('status', '--no-daemon');
    await lab.vpc.imds.setFaults([]);
    await until('it is over', () => lab.enid.lines.some((line) => line.includes('answers again')));
  },
  testMs,
);

it(
  'an override in /etc',
  async () => {
    const { guest } = lab.vpc;
    const override = '/etc/systemd/network/10-mine.network';
    await guest.writeFile(override, '[Match]\nName=ens6\n\n[Network]\nDHCP=ipv4\n');
    await guest.check(reload);
    await until('it is seen', async () => (await readStatus()).enis.some(({ state }) => state === 'overridden'));
    await until('its objects are gone', async () => (await guest.check(['ip', 'rule'])).includes('10001') === false);
    // networkd requests the lease when it has received a router advertisement.
    await until('its DHCPv6 lease is back', async () =>
      /2001:db8:0:2::20\/\d+ scope global(?!.*tentative)/.test(
        await guest.check(['ip', '-6', '-o', 'address', 'show', 'dev', 'ens6']),
      ),
    );
    await until('its IPv6 default is there', async () =>
      (await guest.check(['ip', '-6', 'route', 'show', 'default'])).includes('dev ens6'),
    );
    say('An override in /etc', `The operator's own file, \`${override}\`, claims ens6: enid steps back.`);
    // Not from the daemon's memory: how much it restored before it noticed the override is random.
    await capture('status', '--no-daemon');
    for (const args of [['plan'], ['explain', '10.0.2.21'], ['doctor'], ['reload'], ['config', 'check']])
      await capture(...args);
    await guest.removeFile(override);
    await guest.check(reload);
    await until('it is its own again', async () =>
      (await readStatus()).enis.every(({ link, state }) => link !== 'ens6' || state === 'configured'),
    );
    await awaitReach(lab.vpc);
    await awaitLeases(lab);
  },
  testMs,
);

it(
  'a host that has drifted',
  async () => {
    const { guest } = lab.vpc;
    await lab.enid.stop();
    await guest.check(['ip', 'rule', 'del', 'pref', '20001', 'from', '10.0.2.0/24']);
    await guest.check(['ip', 'route', 'del', 'default', 'table', '10001']);
    await guest.check(['ip', 'address', 'del', '10.0.2.21/32', 'dev', 'ens6']);
    say(
      'A host that has drifted',
      'The daemon is stopped, and another program has removed a rule, a route and an address of ens6.',
    );
    for (const args of [
      ['status'],
      ['plan'],
      ['plan', '--detailed'],
      ['plan', '--json'],
      ['explain', '10.0.2.20'],
      ['doctor'],
      ['reload'],
    ])
      await capture(...args);
    await capture('run', '--once');
    await capture('plan');
  },
  testMs,
);

it(
  'what is refused',
  async () => {
    await startDaemon();
    await lab.vpc.guest.writeFile('/etc/enid/config.yaml', `${labConfig}  - match: { device: 1 }\n    rules: clasic\n`);
    say(
      'What is refused',
      'A misspelt value in the configuration, of which the daemon keeps the one before; a misspelt command.',
    );
    for (const args of [['config', 'check'], ['reload'], ['status']]) await capture(...args);
    await lab.vpc.guest.writeFile('/etc/enid/config.yaml', labConfig);
    for (const args of [['explain', 'ens6'], ['statsu']]) await capture(...args);
  },
  testMs,
);

it(
  'what --json prints has the form that docs/json says',
  async () => {
    const commands: readonly (readonly [string, readonly string[]])[] = [
      ['status', ['status']],
      ['status', ['status', '--no-daemon']],
      ['status', ['status', '--watch']],
      ['status-eni', ['status', 'ens6']],
      ['status-eni', ['status', 'eni-00000000000000004', '--no-daemon']],
      ['plan', ['plan']],
      ['plan', ['plan', '--no-daemon']],
      ['explain', ['explain', '10.0.2.21']],
      ['explain', ['explain', '198.51.100.7', '--no-daemon']],
      ['explain-all', ['explain', '--all']],
      ['doctor', ['doctor']],
      ['config-resolved', ['config', 'show', '--resolved']],
    ];
    // A repair, so that there is one to be told of.
    await lab.vpc.guest.check(['ip', 'rule', 'del', 'pref', '20001', 'from', '10.0.2.0/24']);
    await until('the repair', async () => JSON.stringify(await readStatus()).includes('"repairs":{"rule":1}'));
    for (const [name, args] of commands) {
      const path = join(import.meta.dirname, `../../docs/json/${name}.schema.json`);
      const schema = z.fromJSONSchema(JSON.parse(readFileSync(path, 'utf8')));
      const words = [process.execPath, program, ...args, '--json'];
      // The reader of a watch goes after the first object.
      const command = args.includes('--watch') ? ['bash', '-c', '"$@" | head -1', 'bash', ...words] : words;
      const { stdout } = await lab.vpc.guest.run(command);
      expect({ args, problems: schema.safeParse(JSON.parse(stdout)).error?.issues }).toEqual({
        args,
        problems: undefined,
      });
    }
  },
  testMs,
);

it(
  'fifteen ENIs',
  async () => {
    await closeLab(lab);
    const shape = makeLargest();
    lab = await openWithEnid({ ...shape, enis: shape.enis.slice(0, 15) }, { networkd: trixieNetworkd() });
    await awaitLeases(lab);
    await lab.enid.stop();
    await startDaemon();
    say('Fifteen ENIs', 'On eight network cards; the picture of their ways is [graph.svg](../graph.svg).');
    const asked = [['status'], ['status', '-o', 'wide'], ['wait'], ['plan'], ['explain', '10.0.19.21'], ['doctor']];
    for (const args of asked) await capture(...args);
  },
  3 * testMs,
);

it('and docs/proof/outputs.md shows just this', () => {
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, text);
  expect(readFileSync(file, 'utf8')).toBe(text);
});
