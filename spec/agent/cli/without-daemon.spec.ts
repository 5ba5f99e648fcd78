/**
 * The commands that ask the daemon, on a host without a bus: files, faults, words for completion.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { listWords } from '../../../agent/cli/complete-words.ts';
import { loadForLook, readConfigInForce, renderNotes } from '../../../agent/cli/load-config.ts';
import { reloadChecked } from '../../../agent/cli/reload-checked.ts';
import { waitForEnis } from '../../../agent/cli/wait.ts';

let directory: string;
let places: { mainFile: string; dropInDirectory: string };
const busBefore = process.env['DBUS_SYSTEM_BUS_ADDRESS'];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-cli-'));
  places = { mainFile: join(directory, 'config.yaml'), dropInDirectory: join(directory, 'config.d') };
  process.env['DBUS_SYSTEM_BUS_ADDRESS'] = `unix:path=${directory}/no-bus`;
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  if (busBefore === undefined) delete process.env['DBUS_SYSTEM_BUS_ADDRESS'];
  else process.env['DBUS_SYSTEM_BUS_ADDRESS'] = busBefore;
});

const write = (text: string) => writeFileSync(places.mainFile, text);
const looks = [
  { asksDaemon: true, prefersDaemon: true },
  { asksDaemon: true, prefersDaemon: false },
  { asksDaemon: false, prefersDaemon: true },
];

it.each(looks)('the files hold: %j', async (look) => {
  write(`runtimeDirectory: ${directory}\n`);
  expect(await loadForLook(places, look)).toMatchObject({ config: { runtimeDirectory: directory }, notes: [] });
});

it.each(looks)('a refused file is an error: %j', async (look) => {
  write('hostname: perhaps\n');
  await expect(loadForLook(places, look)).rejects.toThrow('config.yaml:1: hostname: expected');
});

it.each(looks)('an unknown key is told and ignored, as at a start: %j', async (look) => {
  write('hostname: true\ntelemetry: 1\n');
  const { config, notes } = await loadForLook(places, look);
  expect(config.hostname).toBe(true);
  expect(notes).toEqual([expect.stringMatching(/config\.yaml:2: ignored \(of a newer version\?\): telemetry: /)]);
});

it('what is tolerated is told', async () => {
  write('interfaces: [{ mtu: 1500 }]\n');
  const { config, notes } = await loadForLook(places, { asksDaemon: true, prefersDaemon: true });
  expect(config.interfaces).toEqual([{ match: {}, policy: { mtu: 1500 } }]);
  expect(renderNotes(notes)).toMatch(/^enid: warning: .*config\.yaml:1: interfaces\[0\]\.match: expected .*\n$/);
});

it('nothing is in force', async () => {
  expect(await readConfigInForce()).toBe(null);
});

it('a reload names every fault before anybody is asked, and else that no daemon runs', async () => {
  const warned: string[] = [];
  const options = { warn: (text: string) => warned.push(text), isAsked: false };
  write(`runtimeDirectory: ${directory}\nhostname: 1\ndrivers: 2\n`);
  const { stderr, exitCode } = await reloadChecked(places, options);
  expect([exitCode, stderr.split('\n')]).toEqual([
    1,
    [
      `enid: ${places.mainFile}:2: hostname: expected \`true\` or \`false\`, got 1`,
      `enid: ${places.mainFile}:3: drivers: expected a list of 1 to 32 entries, got 2`,
      'enid: not reloaded: the daemon keeps the configuration that it has',
      '',
    ],
  ]);
  write(`runtimeDirectory: ${directory}\ninterfaces: [{ match: {} }, { match: { device: 1 } }]\n`);
  expect(await reloadChecked(places, options)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('no daemon'),
  });
  expect(warned).toEqual([expect.stringMatching(/^enid: warning: .*interfaces\[1\]: without effect/)]);
});

it('completion has what the kernel has, and waiting says whom it waits for', async () => {
  expect(await listWords('enis')).not.toMatch(/^lo$/m);
  expect(await listWords('addresses')).not.toMatch(/^(127|fe80)/m);
  const result = await waitForEnis({ name: null, timeoutMs: 0, say: () => undefined });
  expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('enid does not answer yet') });
});
