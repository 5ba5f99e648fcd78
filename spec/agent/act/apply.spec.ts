/** Changes in their order, and what came of each. */

import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Actuators, applyChanges } from '../../../agent/act/apply.ts';
import { KernelError } from '../../../agent/errors.ts';
import type { Change } from '../../../agent/model.ts';
import { makeRoute } from '../../../fixtures/model/records.ts';

const about = { mac: '06:00:00:00:00:02', linkName: 'ens6', reason: 'missing' };
const write = (name: string): Change => ({ ...about, kind: 'write-file', file: { name, text: '', role: 'link' } });
const name = (altName: string): Change => ({ ...about, kind: 'add-alt-name', linkIndex: 3, altName });
const reload = (linkName: string): Change => ({ ...about, linkName, kind: 'reload' });
const remove = (metric: number): Change => ({
  ...about,
  kind: 'remove-route',
  route: makeRoute({ table: 1, destination: '10.0.0.0/8', type: 'unicast', gateway: null, linkIndex: 3, metric }),
});

/** What was begun and ended, in this order. */
let calls: string[];
/** What each call comes to; by default it is made. */
let answer: (call: string) => boolean | Error;

async function call(what: string): Promise<boolean> {
  calls.push(`begin ${what}`);
  await new Promise(setImmediate);
  calls.push(`end ${what}`);
  const result = answer(what);
  if (result instanceof Error) throw result;
  return result;
}

const actuators: Actuators = {
  changeKernel: (change) => call(change.kind === 'add-alt-name' ? change.altName : change.kind),
  beginRemovals: () => ({
    remove: (removal) => call(removal.kind === 'remove-route' ? `remove ${removal.route.metric}` : removal.kind),
  }),
  writeFile: (file) => call(file),
  removeFile: (file) => call(file),
  reloadNetworkd: async () => void (await call('reload')),
  setDns: async () => void (await call('dns')),
  changeReplies: ({ kind }) => call(kind),
};

const apply = async (...changes: Change[]) =>
  (await applyChanges(changes, actuators)).map(({ change, error, isMoot }) => ({
    change,
    text: error?.message,
    isMoot,
  }));

beforeEach(() => {
  calls = [];
  answer = () => true;
});

describe('changes', () => {
  it('of one kind go out together, those of the next when they are done', async () => {
    await apply(write('a'), write('b'), name('c'));
    expect(calls).toEqual(['begin a', 'begin b', 'end a', 'end b', 'begin c', 'end c']);
  });

  it('of which one fails keep no other back', async () => {
    answer = (what) => (what === 'a' ? new Error('ENOSPC') : true);
    expect((await apply(write('a'), write('b'), name('c'))).map(({ text }) => text)).toEqual([
      'ENOSPC',
      undefined,
      undefined,
    ]);
  });

  it('that take something away go out one after the other: what the kernel deletes depends on what it has', async () => {
    await apply(remove(1), remove(2));
    expect(calls).toEqual(['begin remove 1', 'end remove 1', 'begin remove 2', 'end remove 2']);
  });

  it('that are reloads are one, whose answer is each one’s', async () => {
    answer = () => new Error('busy');
    expect((await apply(reload('ens5'), reload('ens6'))).map(({ text }) => text)).toEqual(['busy', 'busy']);
    expect(calls).toEqual(['begin reload', 'end reload']);
  });

  it.each([
    ['all is so already', false],
    ['the link has gone', new KernelError('ENODEV', 'altname', 'failed: ENODEV')],
  ])('are moot where %s: neither done nor failed', async (_why, result) => {
    answer = () => result;
    expect((await apply(name('c'))).map(({ text, isMoot }) => ({ text, isMoot }))).toEqual([
      { text: undefined, isMoot: true },
    ]);
  });

  it('that throw what is no Error fail with its text', async () => {
    const odd = { ...actuators, writeFile: () => Promise.reject('odd') };
    const [outcome] = await applyChanges([write('a')], odd);
    expect(outcome?.error?.message).toBe('odd');
  });
});
