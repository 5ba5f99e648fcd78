/** What firewalld.conf(5) says of the reverse path filter of IPv6, for forwarded packets. */

import { expect, it } from '@jest/globals';
import { parseFirewalldFilter } from '../../../agent/sense/host-facts.ts';

it.each([
  ['', 'strict'],
  ['# IPv6_rpfilter=no\n', 'strict'],
  // Debian 12's own (firewalld 1.3.3).
  ['IPv6_rpfilter=yes\n', 'strict'],
  ['DefaultZone=public\n IPv6_rpfilter = Strict\n', 'strict'],
  ['IPv6_rpfilter=strict-forward\n', 'strict'],
  // firewalld takes its default.
  ['IPv6_rpfilter=losse\n', 'strict'],
  ['IPv6_rpfilter=no\n', 'other'],
  ['IPv6_rpfilter=False\n', 'other'],
  ['IPv6_rpfilter=loose\n', 'other'],
  ['IPv6_rpfilter=loose-forward\n', 'other'],
] as const)('%j is %s', (text, want) => {
  expect(parseFirewalldFilter(text)).toBe(want);
});
