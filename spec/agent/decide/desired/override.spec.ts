/** Who decides about a link, by the file that networkd has it by. */

import { expect, it } from '@jest/globals';
import { parseConfig } from '../../../../agent/config/parse.ts';
import { findOverride } from '../../../../agent/decide/desired/override.ts';
import { resolvePolicy } from '../../../../agent/decide/desired/policy.ts';
import type { NetworkdState } from '../../../../agent/model.ts';
import { makeLink } from '../../../../fixtures/model/records.ts';
import { makeEni } from '../../eni.ts';

const eni = makeEni(2);
const link = makeLink({ index: 3, name: 'ens6', mac: eni.mac });
const config = parseConfig('interfaces: []', 'f');
const policy = resolvePolicy(config, { eni, isPrimary: false, linkName: 'ens6', driver: 'ena', tags: {} });

it.each<[string, string | null, string]>([
  ['enid', null, '70'],
  ['enid', '/usr/lib/systemd/network/80-ec2.network', '70'],
  ['another', '/usr/lib/systemd/network/80-ec2.network', '90'],
  ['another', '/etc/systemd/network/80-ec2.network', '70'],
  ['enid', '/etc/systemd/network/79-ec2-primary.network', '70'],
  ['enid', '/etc/systemd/network/81-ec2-all.network', '70'],
  ['another', '/etc/systemd/network/79-ec2-primary.network', '80'],
  ['another', '/etc/systemd/network/99-mine.network', '70'],
  ['another', '/etc/systemd/network/10-mine.network', '70'],
  ['another', '/run/systemd/network/10-netplan-ens6.network', '70'],
  ['enid', '/run/systemd/network/99-other.network', '70'],
])('%s decides where the file is %s, and enid’s are %s-…', (who, networkFile, prefix) => {
  const known = { linkIndex: 3, networkFile, setupState: 'configured' };
  const ownFile = {
    path: `/run/systemd/network/${prefix}-ens6.network`,
    exists: false,
    rivalPath: null,
    isFormer: () => false,
    vrf: null,
  };
  const networkd = { kind: 'present', version: 252, links: [known] } as const;
  const found = findOverride({ link, links: [link], networkd, ownFile, policy });
  const reason = `${networkFile} claims the link`;
  expect(found).toEqual(who === 'enid' ? null : { state: { kind: 'overridden', reason }, isUnknown: false });
});

const present = (version: number, networkFile: string | null = null) =>
  ({ kind: 'present', version, links: [{ linkIndex: 3, networkFile, setupState: 'configured' }] }) as const;
const none = {
  path: '/run/systemd/network/70-ens6.network',
  exists: false,
  rivalPath: null,
  isFormer: () => false,
  vrf: null,
};

const find = (networkd: NetworkdState, chosen = policy) =>
  findOverride({ link, links: [link], networkd, ownFile: none, policy: chosen });

it('nothing is changed on a systemd that it was not run with, and one line says so; its rules need none', () => {
  expect(find(present(249))).toEqual({
    state: {
      kind: 'degraded',
      reason: 'systemd 249 is too old: expected 252 or later. Nothing is changed; `manage: rules` needs no networkd',
    },
    isUnknown: true,
  });
  expect(find(present(252))).toBeNull();
  expect(find(present(249), { ...policy, manage: 'rules' })).toBeNull();
});

it('names amazon-ec2-net-utils where a file of Debian’s build of it has the link', () => {
  const found = find(present(252, '/run/systemd/network/07-ens6.network'));
  expect(found?.state).toEqual({
    kind: 'overridden',
    reason:
      '/run/systemd/network/07-ens6.network claims the link (amazon-ec2-net-utils has written it: `enid takeover`)',
  });
});
