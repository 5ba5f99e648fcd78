import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkConfig, printSchema, showConfig } from '../../../agent/cli/config.ts';
import { defaultConfig } from '../../../agent/config/defaults.ts';
import { listIgnored } from '../../../agent/config/fault.ts';
import { loadConfig, readConfig, requireConfig } from '../../../agent/config/load.ts';

let directory: string;
let places: { mainFile: string; dropInDirectory: string };
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'enid-config-'));
  places = { mainFile: join(directory, 'config.yaml'), dropInDirectory: join(directory, 'config.d') };
});
afterEach(() => rm(directory, { recursive: true }));

async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  await mkdir(places.dropInDirectory);
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
}

describe('loadConfig', () => {
  it('is content without files, unless one was asked for', async () => {
    expect(await loadConfig(places)).toEqual(defaultConfig);
    await expect(loadConfig({ ...places, isMainFileRequired: true })).rejects.toMatchObject({
      code: 'unreadable',
      message: `failed to read ${places.mainFile}: no such file`,
    });
  });

  it('merges keys in the order of names, replaces lists, puts later entries first', async () => {
    await write({
      'config.yaml': 'imds: {interval: 10s, timeout: 1s}\ndrivers: [ena, vif]\ninterfaces: [{match: {device: 1}}]',
      'config.d/20-b.yaml': 'imds: {timeout: 3s}\ninterfaces: [{match: {device: 20}}, {match: {device: 21}}]',
      'config.d/10-a.yaml': 'imds: {timeout: 2s}\ndrivers: [veth]\ninterfaces: [{match: {device: 10}}]',
      'config.d/.hidden.yaml': 'broken: [',
      'config.d/30-c.yaml.bak': 'broken: [',
    });
    const config = await loadConfig(places);
    expect(config.imds).toEqual({ ...defaultConfig.imds, intervalMs: 10_000, timeoutMs: 3_000 });
    expect(config.drivers).toEqual(['veth']);
    expect(config.interfaces.map(({ match }) => match.device)).toEqual([20, 21, 10, 1]);
  });

  it('names the file that it refuses', async () => {
    await write({ 'config.d/a.yaml': 'hostname: true\nhostnam: true' });
    const path = join(places.dropInDirectory, 'a.yaml');
    await expect(loadConfig(places, { isStrict: true })).rejects.toThrow(
      `${path}:2: hostnam: unknown key: did you mean \`hostname\`?`,
    );
  });

  it('refuses what it cannot read', async () => {
    await write({ 'config.yaml': Uint8Array.of(0x61, 0xff) });
    await expect(loadConfig(places)).rejects.toMatchObject({
      message: expect.stringMatching(/: expected UTF-8 text$/),
    });
    await mkdir(join(places.dropInDirectory, 'x.yaml'));
    await rm(places.mainFile);
    await expect(loadConfig(places)).rejects.toMatchObject({
      message: expect.stringMatching(/x\.yaml: expected a regular file, got a directory$/),
    });
  });
});

async function writeSparse(path: string): Promise<void> {
  const file = await open(path, 'w');
  await file.truncate(2 ** 40);
  await file.close();
}

describe('what is no file to be read', () => {
  const refusal = async () => {
    const startMs = performance.now();
    const message = await loadConfig(places).then(
      () => 'read',
      (error: Error) => error.message,
    );
    expect(performance.now() - startMs).toBeLessThan(1_000);
    return message;
  };

  const notRegular = (got: string) => `expected a regular file, got ${got}`;
  const cases: readonly (readonly [string, (path: string) => unknown, string])[] = [
    ['a FIFO', (path) => execFileSync('mkfifo', [path]), notRegular('a FIFO')],
    ['a device', (path) => symlink('/dev/zero', path), notRegular('a device')],
    ['a terminal or pipe', (path) => symlink('/dev/stdin', path), notRegular('')],
    ['a directory', (path) => mkdir(path), notRegular('a directory')],
    ['a huge file', writeSparse, 'expected at most 262144 bytes, got more'],
  ];
  it.each(cases)('is refused at once: %s', async (_name, lay, expected) => {
    await lay(places.mainFile);
    expect(await refusal()).toContain(`failed to read ${places.mainFile}: ${expected}`);
  });

  it('may be a link to a file', async () => {
    await writeFile(join(directory, 'elsewhere'), 'hostname: true');
    await symlink('elsewhere', places.mainFile);
    expect((await loadConfig(places)).hostname).toBe(true);
  });
});

const here = { againstHost: false };

describe('enid config', () => {
  it('checks and shows', async () => {
    expect(await checkConfig(places, here)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('using the defaults'),
    });
    await write({ 'config.yaml': 'hostname: true', 'config.d/a.yaml': '' });
    expect(await checkConfig(places, here)).toEqual({
      exitCode: 0,
      stdout: `${places.mainFile}: ok\n${places.dropInDirectory}/a.yaml: ok\n`,
      stderr: '',
    });
    expect(showConfig(places)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('hostname: true\n'),
    });
    await writeFile(places.mainFile, 'hostname: 5');
    const refusal = `${places.mainFile}:1: hostname: expected \`true\` or \`false\`, got 5`;
    const end = '\n\n1 fault in 1 file: a reload refuses it, and the daemon keeps what it has.\n';
    expect(await checkConfig(places, here)).toEqual({ exitCode: 1, stdout: '', stderr: refusal + end });
    expect(() => showConfig(places)).toThrow(refusal);
  });

  it('names every fault of every file', async () => {
    const mistakes =
      'imds: { interval: 2s, timeout: 5min }\ninterfaces:\n  - manage: none\nhostnam: true\nhostname: no\n';
    await write({ 'config.yaml': mistakes, 'config.d/a.yaml': 'drivers: ena', 'config.d/b.yaml': 'a: [' });
    await mkdir(join(places.dropInDirectory, 'c.yaml'));
    const { stderr, exitCode } = await checkConfig(places, here);
    expect(exitCode).toBe(1);
    expect(stderr.replaceAll(`${directory}/`, '').split('\n')).toEqual([
      'failed to read config.d/c.yaml: expected a regular file, got a directory',
      'config.yaml:1: imds.interval: expected a duration from 5s to 1h, such as 60s, got "2s"',
      'config.yaml:1: imds.timeout: expected a duration from 100ms to 1m, such as 60s, got "5min"',
      'config.yaml:3: interfaces[0].match: expected which ENIs the entry is for, got nothing; for every ENI: `match: {}`',
      'config.yaml:4: hostnam: unknown key: did you mean `hostname`?',
      'config.yaml:5: hostname: expected `true` or `false`, got "no"; write `false`',
      'config.d/a.yaml:1: drivers: expected a list of 1 to 32 entries, got "ena"; write `[ena]`',
      expect.stringMatching(/^config\.d\/b\.yaml:1: expected YAML: /),
      '',
      '8 faults in 4 files: a reload refuses it, and the daemon keeps what it has.',
      '',
    ]);
  });

  it('an entry without `match`: a start takes it, a reload does not', async () => {
    await write({ 'config.yaml': 'interfaces:\n  - manage: none\n' });
    expect((await loadConfig(places)).interfaces).toEqual([{ match: {}, policy: { manage: 'none' } }]);
    await expect(loadConfig(places, { isStrict: true })).rejects.toThrow(/config\.yaml:2: interfaces\[0\]\.match: /);
    expect(await checkConfig(places, here)).toMatchObject({ exitCode: 1 });
    await writeFile(places.mainFile, 'interfaces:\n  - match: {}\n    manage: none\n');
    expect(await loadConfig(places, { isStrict: true })).toMatchObject({ interfaces: [{ match: {} }] });
    expect(await checkConfig(places, here)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('tells what is seldom meant', async () => {
    await write({
      'config.yaml': 'interfaces:\n  - match: { device: 1, name: ens6 }\n  - match: { device: 0 }\n    vrf: blue\n',
      'config.d/a.yaml': 'interfaces:\n  - match: { device: 1 }\n  - match: {}\n    manage: none\n',
    });
    const { stderr, exitCode } = await checkConfig(places, here);
    expect([exitCode, stderr.replaceAll(`${directory}/`, '').trimEnd().split('\n')]).toEqual([
      0,
      [
        'warning: config.yaml:2: interfaces[0]: without effect: interfaces[0] of config.d/a.yaml:2 comes before it and matches all that it matches; the first match decides, so put this one before it',
        'warning: config.yaml:3: interfaces[1]: without effect: interfaces[1] of config.d/a.yaml:3 comes before it and matches every ENI; the first match decides, so put this one before it',
        'warning: config.yaml:3: interfaces[1].vrf: not for the primary ENI, which this entry matches (device 0); match the others',
      ],
    ]);
  });

  it('an entry that others narrow is none of them', async () => {
    const entries = [
      '{ device: 1, card: 1 }',
      '{ device: 1 }',
      '{ tag: { role: nat } }',
      '{ tag: { role: web } }',
      '{}',
    ];
    await write({ 'config.yaml': `interfaces:\n${entries.map((one) => `  - match: ${one}\n`).join('')}` });
    expect(await checkConfig(places, here)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('prints the schema', () => {
    expect(JSON.parse(printSchema().stdout)).toMatchObject({ $schema: expect.stringContaining('2020-12') });
  });
});

describe('an unknown key at a start', () => {
  const start = () => {
    const reading = readConfig(places);
    return { config: requireConfig(reading), ignored: listIgnored(reading.faults), reading };
  };

  it('is ignored, with its place, where a reload refuses it', async () => {
    await write({
      'config.yaml': 'hostname: true\nimds: { timeout: 2s, version: 3 }\ntelemetry: { off: true }',
      'config.d/a.yaml': 'interfaces:\n  - match: { device: 1 }\n    bandwidth: 5\n    manage: none',
    });
    await expect(loadConfig(places, { isStrict: true })).rejects.toThrow('imds.version: unknown key');
    const { config, ignored } = start();
    expect(config).toMatchObject({ hostname: true, imds: { timeoutMs: 2000 } });
    expect(config.interfaces).toEqual([{ match: { device: 1 }, policy: { manage: 'none' } }]);
    const dropIn = join(places.dropInDirectory, 'a.yaml');
    expect(ignored).toEqual([
      expect.stringMatching(/^.*config\.yaml:2: ignored \(of a newer version\?\): imds\.version: unknown key: /),
      expect.stringMatching(/config\.yaml:3: ignored .* telemetry: /),
      expect.stringContaining(`${dropIn}:3: ignored (of a newer version?): interfaces[0].bandwidth: unknown key`),
    ]);
  });

  it('never widens: an entry, a route or a selector with an unknown condition goes as a whole', async () => {
    await write({
      'config.yaml': [
        'interfaces:',
        '  - match: { device: 1, zone: "use1-az1" }',
        '    manage: none',
        '  - match: { device: 2 }',
        '    routes: [{ to: 10.7.0.0/16, weight: 3 }, { to: 10.8.0.0/16 }]',
        '    select: [{ to: 10.9.0.0/16, process: nginx }]',
        '    addresses: { pin: true, secondary: route-only }',
      ].join('\n'),
    });
    const { config, ignored, reading } = start();
    expect(config.interfaces).toEqual([
      {
        match: { device: 2 },
        policy: {
          routes: [{ to: '10.8.0.0/16', via: null, table: 'both' }],
          select: [],
          secondary: 'route-only',
        },
      },
    ]);
    expect(ignored).toHaveLength(4);
    expect(reading.entries).toEqual([expect.objectContaining({ line: 4, index: 1 })]);
  });

  it.each([
    ['a bad value', 'hostname: perhaps', 'hostname: expected'],
    ['a bad value beside an unknown key', 'news: 1\nhostname: perhaps', ':1: news: unknown key'],
    ['a bad value that an unknown key hid', 'interfaces: [{ match: { device: 1 }, x: 1, mtu: 3 }]', 'expected'],
    ['no YAML', 'hostname: [', 'expected'],
  ])('refuses %s', async (_name, text, expected) => {
    await write({ 'config.yaml': text });
    expect(start).toThrow(expected);
  });
});
