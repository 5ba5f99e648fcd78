import { expect, it } from '@jest/globals';
import { NameOwners } from '../../../lib/dbus/name-owners.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Owners that are asked for by hand: `answer` settles the oldest open question. */
function makeOwners() {
  const questions: ((owner: string | null) => void)[] = [];
  const owners = new NameOwners(() => new Promise((resolve) => questions.push(resolve)));
  const seen: string[] = [];
  const remove = owners.add('a.b', (now, before) => {
    seen.push(`${before.kind} → ${now.kind === 'owned' ? now.uniqueName : now.kind}`);
  });
  const answer = async (owner: string | null): Promise<void> => {
    questions.shift()?.(owner);
    await settle();
  };
  return { owners, seen, remove, answer };
}

it('tells each change once, and nothing twice', async () => {
  const { owners, seen, answer } = makeOwners();
  await answer(':1.1');
  owners.take(['a.b', '', ':1.1']);
  owners.take(['a.b', ':1.1', '']);
  owners.take(['other', '', ':1.3']);
  owners.forget();
  owners.refresh();
  await answer(null);
  expect(seen).toEqual(['unknown → :1.1', 'owned → unowned', 'unowned → unknown', 'unknown → unowned']);
});

it('trusts a signal over an answer that it overtook', async () => {
  const { owners, seen, answer } = makeOwners();
  owners.take(['a.b', ':1.1', '']);
  await answer(':1.1');
  expect(seen).toEqual(['unknown → unowned']);
});

it('tells a listener that comes late what is known, and nothing to one that left', async () => {
  const { owners, seen, remove, answer } = makeOwners();
  await answer(':1.1');
  const late: string[] = [];
  owners.add('a.b', ({ kind }) => late.push(kind));
  remove();
  await settle();
  owners.take(['a.b', ':1.1', '']);
  expect(late).toEqual(['owned', 'unowned']);
  expect(seen).toEqual(['unknown → :1.1']);
});

it('goes on when a listener throws', async () => {
  const { owners, answer } = makeOwners();
  owners.add('a.b', () => {
    throw new Error('mine');
  });
  const seen: string[] = [];
  owners.add('a.b', ({ kind }) => seen.push(kind));
  await answer(null);
  expect(seen).toEqual(['unowned']);
});
