/** Whose a file is that networkd has a link by: of a link that has another name than before. */

import { expect, it } from '@jest/globals';
import { parseConfig } from '../../../../agent/config/parse.ts';
import { findOwnFile } from '../../../../agent/decide/desired/whose-file.ts';
import { makeLink } from '../../../../fixtures/model/records.ts';

const config = parseConfig('interfaces: []', 'f');
const mac = '06:53:e1:00:00:02';
const link = makeLink({ index: 5, name: 'wan0', mac });

it.each<[string, string, readonly string[], readonly string[], boolean]>([
  ['ours, of the name before', '/run/systemd/network/70-ens6.network', ['70-ens6.network'], [], true],
  ['ours, and removed: the name is new', '/run/systemd/network/70-ens6.network', ['70-wan0.network'], [], true],
  [
    'removed, with nothing of ours left: plugged out, and in elsewhere',
    '/run/systemd/network/70-ens6.network',
    [],
    [],
    true,
  ],
  ['another program’s', '/run/systemd/network/70-ens6.network', ['70-wan0.network'], ['70-ens6.network'], false],
  ['of a name that is never ours', '/run/systemd/network/60-ens6.network', [], [], false],
  ['an administrator’s', '/etc/systemd/network/70-ens6.network', [], [], false],
])('a file is %s', (_name, inForce, own, foreignFiles, want) => {
  const ownFiles = own.map((name) => ({ name, text: '', mac }));
  expect(findOwnFile({ config, ownFiles, foreignFiles }, link).isFormer(inForce)).toBe(want);
});
