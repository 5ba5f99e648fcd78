import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseLinkDescription, parseLinkPath, parseSystemdVersion } from '../../../agent/sense/networkd-link.ts';

const read = (version: number): string =>
  readFileSync(new URL(`describe-link-${version}.json`, import.meta.url), 'utf8');

describe('parseLinkDescription', () => {
  it.each([
    [252, null, '2001:db8:0:5::199'],
    [257, ['ec2net_alias.conf', 'ec2net_policy.conf'], '2001:db8:0:5::131'],
  ])('reads what systemd %i says', (version, dropIns, leased) => {
    const link = parseLinkDescription(read(version));
    expect(link).toMatchObject({
      linkIndex: 2,
      linkName: 'ens5',
      networkFile: '/run/systemd/network/70-ens5.network',
      dropIns: dropIns?.map((name) => `/run/systemd/network/70-ens5.network.d/${name}`) ?? null,
      setupState: 'configured',
      operationalState: 'routable',
      dhcp4Gateway: '10.0.5.1',
      raGateway: 'fe80::453:e1ff:fe00:5',
    });
    expect(
      link.addresses.map(({ address, prefixLength, source }) => `${address}/${prefixLength} ${source}`).sort(),
    ).toEqual([
      '10.0.5.10/24 DHCPv4',
      '10.0.5.11/32 static',
      `${leased}/128 DHCPv6`,
      'fe80::453:e1ff:fed8:f929/64 foreign',
    ]);
  });

  it('reads a link that nothing was ever done to', () => {
    const text = '{"Index": 1, "Name": "lo", "AdministrativeState": "unmanaged", "OnlineState": null}';
    expect(parseLinkDescription(text)).toEqual({
      linkIndex: 1,
      linkName: 'lo',
      networkFile: null,
      dropIns: [],
      setupState: 'unmanaged',
      operationalState: '',
      dhcp4Gateway: null,
      raGateway: null,
      addresses: [],
    });
  });

  it.each(['', 'null', '[]', '{"Index": "2"}', '{"Index": 2, "Name": "x"}'])('refuses %j', (text) => {
    expect(() => parseLinkDescription(text)).toThrow(
      expect.objectContaining({ name: 'NetworkdError', code: 'bad-reply' }),
    );
  });
});

describe('parseSystemdVersion', () => {
  it.each([
    ['252.38-1~deb12u1', 252],
    ['257', 257],
    ['v258~rc2', 258],
    ['257.9-1.fc42', 257],
    ['', null],
    ['unknown', null],
  ])('%j → %p', (text, want) => {
    expect(parseSystemdVersion(text)).toBe(want);
  });
});

describe('parseLinkPath', () => {
  it.each([
    ['/org/freedesktop/network1/link/_32', 2],
    ['/org/freedesktop/network1/link/_312', 12],
    ['/org/freedesktop/network1/link/_310000', 10000],
    ['/org/freedesktop/network1/link/2', null],
    ['/org/freedesktop/network1/network/_32', null],
  ])('%s → %p', (path, want) => {
    expect(parseLinkPath(path)).toBe(want);
  });
});
