import { expect, it } from '@jest/globals';
import { parseLinkFile } from '../../../agent/sense/link-file.ts';

/** As networkd 252 writes it. */
const text = `# This is private data. Do not parse.
ADMIN_STATE=configured
NETWORK_FILE=/run/systemd/network/70-ens5.network
DNS=10.0.0.2 fd00:ec2::253
NTP=
DOMAINS=ec2.internal
ROUTE_DOMAINS=
LLMNR=no
MDNS=no
DNS_DEFAULT_ROUTE=yes
`;
const emptied = text.replace(/^(DNS|DOMAINS)=.*$/gm, '$1=').replace('ROUTE=yes', 'ROUTE=no');

it.each<[string, string, boolean | null]>([
  ['a lease is used', text, true],
  ['all was taken away', emptied, false],
  ['servers were taken away only', text.replace(/^DNS=.*$/m, 'DNS='), true],
  ['a domain is left', emptied.replace('ROUTE_DOMAINS=', 'ROUTE_DOMAINS=~corp'), true],
  ['networkd has not taken up the link', '', null],
])('%s', (_name, given, want) => {
  expect(parseLinkFile(given)).toBe(want);
});
