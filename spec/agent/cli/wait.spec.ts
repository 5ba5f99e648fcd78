/** `enid wait`: what it waits for, and when it ends. */

import { expect, it } from '@jest/globals';
import { judge, waitForEnis } from '../../../agent/cli/wait.ts';
import type { StatusRow } from '../../../agent/report/status-row.ts';

const row: StatusRow = {
  ...{ eni: 'eni-1', mac: '06:53:e1:00:00:01', link: 'ens5', primary: true, device: 0, card: 0, state: 'configured' },
  ...{
    reason: null,
    table: null,
    mtuOutside: null,
    addresses: [],
    prefixes: [],
    publicAddresses: {},
    networkFile: null,
  },
  ...{ changesPending: 0, lastChange: null, repairs: {}, recurringRepairs: [], lastFight: null },
};
const waiting: StatusRow = { ...row, eni: 'eni-2', link: 'ens6', state: 'waiting', reason: 'no lease yet' };
const ignored: StatusRow = { ...row, eni: 'eni-3', link: 'ctr0', state: 'ignored', reason: 'manage: none' };

it.each([
  ['no row yet', [], null, 'waiting', 'no ENI is known yet'],
  ['all configured', [row], null, 'done', 'configured: ens5'],
  ['one that waits', [row, waiting], null, 'waiting', 'ens6: waiting: no lease yet'],
  ['the other one', [row, waiting], 'eni-1', 'done', 'configured: ens5'],
  ['one that is not attached yet', [row], 'eni-9', 'waiting', 'eni-9 is not there yet'],
  ['one by its link', [row, waiting], 'ens6', 'waiting', 'ens6: waiting: no lease yet'],
  ['ignored ones among others', [row, ignored], null, 'done', 'configured: ens5'],
  [
    'an ignored one that is asked for',
    [row, ignored],
    'ctr0',
    'never',
    'ctr0: ignored: manage: none: enid does not configure it',
  ],
] as const)('%s', (_name, rows, name, kind, text) => {
  expect(judge(rows, name)).toEqual({ kind, text });
});

it('says what it waits for once each, and returns when it is there', async () => {
  const answers = [
    'enid does not answer yet',
    [row, waiting],
    [row, waiting],
    [row, { ...row, link: 'ens6' }],
  ] as const;
  const said: string[] = [];
  let at = 0;
  const read = async () => answers[at++] ?? [];
  const result = await waitForEnis({ name: null, timeoutMs: 60_000, say: (line) => said.push(line), read });
  expect(result).toEqual({ stdout: 'configured: ens5, ens6\n', stderr: '', exitCode: 0 });
  expect(said).toEqual(['enid: waiting: enid does not answer yet', 'enid: waiting: ens6: waiting: no lease yet']);
});

it('ends with 1 after its time, saying what lacks, and with 2 where waiting does not help', async () => {
  const wait = (name: string | null, rows: readonly StatusRow[]) =>
    waitForEnis({ name, timeoutMs: 0, say: () => undefined, read: async () => rows });
  expect(await wait(null, [waiting])).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('no lease yet') });
  expect(await wait('ctr0', [ignored])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('manage: none') });
});
