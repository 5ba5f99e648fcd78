import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseLinkDescription, parseLinkPath, parseSystemdVersion } from '../../../agent/sense/networkd-link.ts';

const read = (version: number): string =>
  readFileSync(new URL(`describe-link-${version}.json`, import.meta.url), 'utf8');

describe('parseLinkDescription', () => {
  it.each([252, 257])('reads what systemd %i says', (version) => {
    const networkFile = '/run/systemd/network/70-ens5.network';
    expect(parseLinkDescription(read(version))).toEqual({ linkIndex: 2, networkFile, setupState: 'configured' });
  });

  it('reads a link that nothing was ever done to', () => {
    const text = '{"Index": 1, "Name": "lo", "AdministrativeState": "unmanaged", "OnlineState": null}';
    expect(parseLinkDescription(text)).toEqual({ linkIndex: 1, networkFile: null, setupState: 'unmanaged' });
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
