/** What leaves the host with `enid report`. */

import { describe, expect, it } from '@jest/globals';
import { redactIds, redactSecrets } from '../../../agent/report/redact.ts';

describe('ids', () => {
  it('become others of the same form, the same one wherever it stands', () => {
    const text =
      'i-0a1b2c3d4e5f60718 has eni-0123456789abcdef0, eni-0fedcba9876543210 and eni-0123456789abcdef0; subnet-0aaaaaaa';
    expect(redactIds(text)).toBe(
      'i-00000000000000001 has eni-00000000000000001, eni-00000000000000002 and eni-00000000000000001; subnet-00000001',
    );
  });

  it('of accounts go, and no number, MAC, address or digest that looks like one', () => {
    expect(redactIds('arn:aws:ec2:eu-west-1:x owner 123456789012,')).toContain('owner 000000000000,');
    for (const text of [
      '873cc72e8ed44349843e21637db47b89',
      '10.0.1.123456789012',
      '1764288000123',
      '06:53:e1:00:00:01',
      '2001:db8:1234:5678:9abc:def0:1234:5678',
      '"nowMs": 123456789012.5',
    ])
      expect(redactIds(text)).toBe(text);
  });

  it('public addresses become documentation addresses; private ones stay', () => {
    expect(redactIds('{"203.0.113.9":["10.0.1.10"]} 203.0.113.99', ['203.0.113.9'])).toBe(
      '{"198.51.100.1":["10.0.1.10"]} 203.0.113.99',
    );
  });
});

it('the values of keys that hold secrets are left out', () => {
  const text =
    '[WireGuard]\nPrivateKey=abc\nPresharedKey = def\n[Network]\nDHCP=yes\npassword: x\nKeepConfiguration=dhcp\n';
  expect(redactSecrets(text)).toBe(
    '[WireGuard]\nPrivateKey=(left out)\nPresharedKey = (left out)\n[Network]\nDHCP=yes\npassword: (left out)\nKeepConfiguration=dhcp\n',
  );
});
