import { expect, it } from '@jest/globals';
import { chooseHostname } from '../../../../agent/decide/desired/hostname.ts';

const offered = 'ip-10-0-1-10.ec2.internal';

it.each([
  ['a host without a name takes it', { configured: '', current: 'localhost', offered }, offered],
  [
    'by whatever its distribution calls it',
    { configured: '', current: 'fedora', fallback: 'fedora', offered },
    offered,
  ],
  ['a configured name stays', { configured: 'db1', current: 'db1', offered }, null],
  ["somebody's transient name stays", { configured: '', current: 'db1', offered }, null],
  ['the first of several is taken', { configured: '', current: '', offered: `${offered} ip-10-0-1-10.other` }, offered],
  ['one too long for Linux loses its domain', { configured: '', current: '', offered: `a.${'b'.repeat(70)}` }, 'a'],
  ['none is offered', { configured: '', current: '', offered: null }, null],
  ['what is no name is not taken', { configured: '', current: '', offered: '$(reboot)' }, null],
])('%s', (_what, names, expected) => {
  expect(chooseHostname({ fallback: 'localhost', ...names })).toBe(expected);
});
