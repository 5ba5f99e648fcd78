/**
 * What other programs have on the host, in the patterns of Docker, the VPC CNI, Tailscale,
 * wg-quick, keepalived and a router. None of it may ever change by this program's doing.
 */

import type { Vpc } from '../../fixtures/vpc/vpc.ts';

interface Item {
  /** Makes it; harmless where it is there. */
  readonly make: string;
  /** Shows it; the line that fits the pattern has to be there. */
  readonly show: string;
  readonly line: RegExp;
}

function rule(text: string, priority: number, line: RegExp, family = ''): Item {
  const ip = `ip ${family}`;
  return {
    make: `${ip} rule show pref ${priority} | grep -q . || ${ip} rule add pref ${priority} ${text}`,
    show: `${ip} rule show`,
    line,
  };
}

function route(text: string, line: RegExp, family = ''): Item {
  return { make: `ip ${family} route replace ${text}`, show: `ip ${family} route show table all`, line };
}

const links = `
ip link show docker0 2>/dev/null | grep -q . || ip link add docker0 type bridge
ip link show ctr1 2>/dev/null | grep -q . || ip link add ctr1 type veth peer name ctr1p
ip link set docker0 up; ip link set ctr1 up; ip link set ctr1p up
ip address replace 172.17.0.1/16 dev docker0
`;

const nft = `
nft list table ip docker >/dev/null 2>&1 || nft -f - <<'EOF'
table ip docker {
  chain prerouting { type nat hook prerouting priority dstnat; tcp dport 8080 dnat to 172.17.0.2:80; }
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }
}
EOF
`;

const items: readonly Item[] = [
  // VPC CNI: pods, the connection mark, a pod of a secondary ENI with its own table.
  rule('to 10.0.1.200 lookup main', 512, /^512:\s+from all to 10\.0\.1\.200 lookup main/m),
  rule('fwmark 0x80/0x80 lookup main', 1024, /^1024:\s+from all fwmark 0x80\/0x80 lookup main/m),
  rule('from 10.0.1.201 lookup 2', 1536, /^1536:\s+from 10\.0\.1\.201 lookup 2/m),
  route('10.0.1.201 dev ctr1 scope link', /^10\.0\.1\.201 dev ctr1/m),
  route('198.18.0.0/16 dev ctr1 table 2', /^198\.18\.0\.0\/16 dev ctr1 table 2/m),
  // Tailscale.
  rule('fwmark 0x80000/0xff0000 lookup main', 5210, /^5210:\s+from all fwmark 0x80000\/0xff0000 lookup main/m),
  rule('fwmark 0x80000/0xff0000 unreachable', 5250, /^5250:\s+from all fwmark 0x80000\/0xff0000 unreachable/m),
  rule('lookup 52', 5270, /^5270:\s+from all lookup 52/m),
  rule('lookup 52', 5270, /^5270:\s+from all lookup 52/m, '-6'),
  route('100.100.100.100 dev docker0 table 52', /^100\.100\.100\.100 dev docker0 table 52/m),
  // wg-quick, with peers in one network only.
  rule('not fwmark 0xca6c lookup 51820', 32764, /^32764:\s+not from all fwmark 0xca6c lookup 51820/m),
  route('192.168.77.0/24 dev docker0 table 51820', /^192\.168\.77\.0\/24 dev docker0 table 51820/m),
  // A router's, by an ENI's link, and one inside an ENI's table.
  route('203.0.113.0/24 dev ens5 proto bird metric 32', /^203\.0\.113\.0\/24 dev ens5 proto bird .*metric 32/m),
  route(
    '2001:db8:aaaa::/48 dev docker0 proto bird metric 32',
    /^2001:db8:aaaa::\/48 dev docker0 proto bird metric 32/m,
    '-6',
  ),
  route('192.0.2.0/24 dev docker0 table 10001 metric 7', /^192\.0\.2\.0\/24 dev docker0 table 10001 .*metric 7/m),
  // Somebody's own rule between ours.
  rule('from 198.18.0.1 lookup 99', 20777, /^20777:\s+from 198\.18\.0\.1 lookup 99/m),
  rule('from 2001:db8:bbbb::1 lookup 99', 20777, /^20777:\s+from 2001:db8:bbbb::1 lookup 99/m, '-6'),
  // keepalived's address in a delegated prefix.
  {
    make: 'ip address replace 10.0.3.70/32 dev docker0',
    show: 'ip -o address',
    line: /docker0\s+inet 10\.0\.3\.70\/32/,
  },
  { make: nft, show: 'nft list ruleset', line: /tcp dport 8080 dnat to 172\.17\.0\.2:80/ },
  {
    make: "printf '[Match]\\nName=nothing\\n' > /run/systemd/network/70-nothing.network",
    show: 'cat /run/systemd/network/70-nothing.network',
    line: /Name=nothing/,
  },
];

/** Makes what is missing of it. */
export async function makeForeign(vpc: Vpc): Promise<void> {
  await vpc.guest.check(['sh', '-ec', [links, ...items.map(({ make }) => make)].join('\n')]);
}

/** What of it is gone or changed: one line each. */
export async function findHarm(vpc: Vpc): Promise<string[]> {
  const texts = new Map<string, string>();
  for (const { show } of items) {
    if (!texts.has(show)) texts.set(show, (await vpc.guest.run(['sh', '-c', show])).stdout);
  }
  return items
    .filter(({ show, line }) => !line.test(texts.get(show) ?? ''))
    .map(({ show, line }) => `\`${show}\` has no line like ${line.source}`);
}
