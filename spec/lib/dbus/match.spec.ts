import { describe, expect, it } from '@jest/globals';
import { formatMatchRule, isMatch, type Signal, type SignalMatch } from '../../../lib/dbus/match.ts';

const match: SignalMatch = {
  sender: 'org.example.A',
  interface: 'org.example.I',
  member: 'M',
  pathNamespace: '/org/example',
  arg0: 'x',
};
const signal: Signal = {
  sender: ':1.5',
  path: '/org/example/b',
  interface: 'org.example.I',
  member: 'M',
  body: ['x'],
};

it('writes a rule of the given keys only', () => {
  expect(formatMatchRule(match)).toBe(
    "type='signal',sender='org.example.A',interface='org.example.I',member='M',path_namespace='/org/example',arg0='x'",
  );
});

describe('isMatch', () => {
  it.each<[string, Partial<Signal>, string | null, boolean]>([
    ['the wanted signal', {}, ':1.5', true],
    ['the namespace itself', { path: '/org/example' }, ':1.5', true],
    ['a sibling with the same beginning', { path: '/org/example2' }, ':1.5', false],
    ['another sender', { sender: ':1.6' }, ':1.5', false],
    ['an unknown owner', {}, null, false],
    ['another member', { member: 'N' }, ':1.5', false],
    ['another first argument', { body: ['y'] }, ':1.5', false],
    ['no argument', { body: [] }, ':1.5', false],
  ])('%s', (_name, changes, owner, want) => {
    expect(isMatch(match, { ...signal, ...changes }, owner)).toBe(want);
  });
});
