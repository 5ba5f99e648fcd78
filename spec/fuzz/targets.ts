/** Everything that reads what others wrote. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parseConfigFile } from '../../agent/config/parse.ts';
import { Decider } from '../../agent/decide/decider.ts';
import { isSameButSettings, readDns, readMtu, readSources, readVrf } from '../../agent/decide/desired/network-file.ts';
import { sortUnitFiles } from '../../agent/decide/desired/unit-directory.ts';
import { readDeclared } from '../../agent/decide/diff/on-file.ts';
import { removeFromInterfaces } from '../../agent/decide/takeover/ifupdown.ts';
import { judgeNetplan } from '../../agent/decide/takeover/netplan.ts';
import type { Snapshot } from '../../agent/model.ts';
import { formatLine } from '../../agent/report/journal-line.ts';
import { renderPlan } from '../../agent/report/plan-text.ts';
import { parseLeaseFile } from '../../agent/sense/lease-file.ts';
import { parseLinkFile } from '../../agent/sense/link-file.ts';
import { SnapshotReader } from '../../agent/sense/metadata.ts';
import { parseEni } from '../../agent/sense/metadata-eni.ts';
import { parseListeningPorts } from '../../agent/sense/netlink-ports.ts';
import { parseLinkDescription, parseLinkPath, parseSystemdVersion } from '../../agent/sense/networkd-link.ts';
import { RuntimeStore } from '../../agent/watch/runtime-store.ts';
import { readTree } from '../../fixtures/model/tree-source.ts';
import { ModelWorld } from '../../fixtures/model/world.ts';
import type { MetadataTree } from '../../fixtures/vpc/imds-tree.ts';
import { canonicalAddress } from '../../lib/ip/address.ts';
import { canonicalCidr } from '../../lib/ip/cidr.ts';
import { readAcknowledgement } from '../../lib/rtnetlink/acknowledgement.ts';
import { decodeEvent } from '../../lib/rtnetlink/event.ts';
import { visitMessages } from '../../lib/rtnetlink/message.ts';
import { decodeLookup } from '../../lib/rtnetlink/route.ts';
import { matchesShellPattern, matchesWildcards } from '../../lib/text/pattern.ts';
import { parseYamlValue } from '../../lib/text/yaml.ts';
import { makeEni } from '../agent/eni.ts';
import { makeWorld, plugIn } from '../properties/host.ts';
import { busTargets } from './bus-targets.ts';
import { nearBytes, nearText, shortAttributes } from './mutate.ts';
import { nftablesTargets } from './nftables-target.ts';
import { makeTarget, type Target } from './target.ts';

const at = (path: string) => new URL(path, import.meta.url);
const read = (path: string) => readFileSync(at(path), 'utf8');

/**
 * Bytes that a kernel sent (spec/lib/rtnetlink/messages.txt), and ends of requests as
 * linux/netlink.h has them.
 */
const messages = read('../lib/rtnetlink/messages.txt')
  .split('\n')
  .filter((line) => /^[0-9a-f]+$/.test(line))
  .map((line) => Buffer.from(line, 'hex'));
const refusal = Buffer.from(
  '3c0000000200030001000000d2040000eaffffff2400000018000506010000000000000015000100696e76616c6964206e6578746865780000000000',
  'hex',
);
const done = Buffer.from('1400000003000200010000000000000000000000', 'hex');
const acknowledgements = [refusal, done, Buffer.concat([...messages.slice(0, 3), done])];

const trees = readdirSync(at('../../fixtures/imds/'))
  .filter((name) => name.endsWith('.json'))
  .map((name): MetadataTree => JSON.parse(read(`../../fixtures/imds/${name}`)));

/** A tree with one leaf or listing in a broken form. */
const brokenTree = fc
  .record({
    tree: fc.constantFrom(...trees),
    choice: fc.nat(),
    text: nearText(['10.0.1.5', '10.0.1.0/28', '06:00:00:00:00:01', '0', 'eni-0123', '2600:1f13::5', 'x\ny']),
    isGone: fc.boolean(),
  })
  .map(({ tree, choice, text, isGone }) => {
    type Open = { [name: string]: string | null | Open };
    const copy: Open = JSON.parse(JSON.stringify(tree));
    const places: (() => void)[] = [];
    const walk = (node: Open) => {
      for (const key of Object.keys(node)) {
        places.push(() => {
          node[key] = isGone ? null : text;
        });
        const child = node[key];
        if (typeof child === 'object' && child !== null) walk(child);
      }
    };
    walk(copy);
    places[choice % places.length]?.();
    return copy;
  });

/** Decides over this metadata on a host whose links have the MACs that it names. */
function decideOver(snapshot: Snapshot): void {
  const world = makeWorld([makeEni(0), makeEni(1)]);
  for (const reading of snapshot.enis)
    if (reading.kind === 'ready' && !/^02:/.test(reading.eni.mac)) plugIn(world, reading.eni);
  const { config, networkd, offered, unread } = world.state;
  const known = {
    config,
    kernel: world.kernel(),
    networkd,
    lostRouters: [],
    directory: world.files(),
    departed: [],
    isSilent: false,
    ledger: {},
  };
  const decide = (next: Snapshot) =>
    new Decider().decide({ ...known, snapshot: next, settling: new Set(), unreloaded: new Set(), offered, unread }, 0);
  const { desired } = decide(snapshot);
  const broken = desired.reports.find(({ state }) => 'reason' in state && state.reason.startsWith('internal error'));
  if (broken !== undefined) throw new Error(JSON.stringify(broken.state));
}

const leafNames = [
  'device-number',
  'network-card',
  'interface-id',
  'subnet-id',
  'vpc-id',
  'local-ipv4s',
  'ipv6s',
  'ipv4-prefix',
  'ipv6-prefix',
  'subnet-ipv4-cidr-block',
  'subnet-ipv6-cidr-blocks',
];
const leafText = nearText([
  '0',
  '1',
  'eni-0123456789abcdef0',
  'subnet-1',
  'vpc-1',
  '10.0.1.5\n10.0.1.6',
  '2600:1f13::5',
  '10.0.1.16/28',
  '2600:1f13::/80',
  '10.0.1.0/24',
]);
const leaves = fc.dictionary(fc.constantFrom(...leafNames), fc.option(leafText));

const eni = makeEni(1);
const world = new ModelWorld();
plugIn(world, eni);
const [link] = world.state.links;
const declared = world.decide().desired.enis.flatMap(({ networkFiles }) => networkFiles.map(({ text }) => text));
const networkTexts = [
  ...declared,
  `# Written by enid for ${eni.mac} (eni-1, device 1, card 0).\n\n[Link]\nMTUBytes=9001\n\n[Network]\nDNSDefaultRoute=yes\nVRF=wan1\n`,
  `# Written by enid for ${eni.mac} (eni-1).\n\n[Address]\nAddress=10.0.1.5/32\nPreferredLifetime=0\n\n[RoutingPolicyRule]\nFrom=10.0.1.5/32\nTable=10001\nPriority=15001\nFirewallMark=1/255\nUser=1-2\nSuppressPrefixLength=0\n`,
];
const interfacesTexts = [
  'auto lo ens5\niface lo inet loopback\n\nallow-hotplug ens5\niface ens5 inet dhcp\n  metric 100\n  up \\\n    echo hi\n# end\n',
  'source /etc/network/interfaces.d/*\niface ens5 inet6 auto\nmapping eth*\n  script x\n',
];
const netplanTexts = [
  'network:\n  version: 2\n  ethernets:\n    ens5:\n      match: {macaddress: "06:00:00:00:00:01", name: "en*[0-9]"}\n      dhcp4: true\n      dhcp4-overrides: {route-metric: 100, use-dns: false}\n      set-name: ens5\n',
  'network: {renderer: networkd, vlans: {v: {id: 1, link: ens5}}, ethernets: {ens5: {dhcp6: yes, accept-ra: false}}}\n',
];
const configTexts = [
  read('../../units/config.yaml'),
  read('../../units/config.yaml').replaceAll(/^# ?/gm, ''),
  'interfaces:\n  - match: {device: 2, name: "ens*", tag: {role: "web-*"}}\n    addresses: {secondary: local, exclude: ["10.0.1.5/32"]}\n    routes: [{to: 10.0.0.0/8, via: 10.0.1.1}]\n    select: [{mark: "0x10/0xff", users: "1-2"}]\nimds: {interval: 60s, endpoints: ["http://169.254.169.254"]}\n',
];
const words = ['10.0.1.5', '10.0.1.0/24', '2001:db8::5', '2001:db8::/64', 'ens*', 'en[ps]*', 'web-*', '*a*a*b'];
const stored = JSON.stringify({
  snapshot: {
    primaryMac: eni.mac,
    enis: [
      { kind: 'ready', eni },
      { kind: 'pending', mac: '02:00:00:00:00:02', reason: 'late' },
    ],
    instanceId: 'i-1',
    tags: { role: 'x' },
  },
  departed: [makeEni(3)],
});

const networkdJson = ['252', '257'].map((version) => read(`../agent/sense/describe-link-${version}.json`));
const leaseTexts = [
  'ADDRESS=10.0.1.5\nNETMASK=255.255.255.0\nROUTER=10.0.1.1\nDNS=10.0.0.2\n',
  'ADDRESS=10.0.1.5\nCLASSLESS_ROUTES=0.0.0.0/0,10.0.1.1 10.9.0.0/16,10.0.1.2\nDNS_DEFAULT_ROUTE=yes\nDNS=1.1.1.1\n',
  read('../agent/sense/../../lib/rtnetlink/messages.txt').slice(0, 200),
];

function decodeAll(datagram: Buffer): void {
  visitMessages(datagram, (type, flags, _sequence, buffer, start, end) => {
    if (type === 2 || type === 3) readAcknowledgement(type, flags, buffer, start, end);
    decodeEvent(type, flags, buffer, start, end, () => true);
    if (type === 24) decodeLookup(buffer, start, end);
  });
}

async function throughStore(text: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'enid-fuzz-'));
  try {
    for (const name of ['metadata.json', 'ledger.json', 'reload.json', 'lock'])
      writeFileSync(join(directory, name), text);
    const store = new RuntimeStore(directory);
    await store.readHolder();
    store.readReload();
    store.readLedger();
    store.readMetadata();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function shown(text: string): void {
  const lines = [
    formatLine({ level: 'warning', message: text, ENI: text }, 'plain'),
    renderPlan({
      changes: [{ kind: 'add-rule', action: 'add', eni: text, mac: text, link: text, command: text, reason: text }],
      conflicts: [text],
    }),
  ];
  if (/[^\P{Cc}\n\t]/u.test(lines[0] ?? '')) throw new Error(`a control character in ${JSON.stringify(lines[0])}`);
}

export const targets: readonly Target[] = [
  ...busTargets,
  ...nftablesTargets,
  makeTarget('netlink: attributes that are too short', shortAttributes(messages), decodeAll, ['DecodeError']),
  makeTarget('netlink: links, addresses, routes, rules, settings', nearBytes(messages), decodeAll, ['DecodeError']),
  makeTarget('netlink: errors, ends of dumps, multipart', nearBytes(acknowledgements), decodeAll, ['DecodeError']),
  makeTarget(
    'metadata: leaves of an ENI',
    fc.tuple(leaves, fc.boolean(), fc.boolean()),
    ([values, isPrimary, hasCards]) =>
      parseEni(
        {
          mac: eni.mac,
          listed: new Set(Object.keys(values)),
          values: new Map(Object.entries(values)),
          publicIpv4: values['ipv6s'] ? { [values['ipv6s']]: ['10.0.1.5'] } : {},
        },
        { isPrimary, hasCards, hadIpv4: false },
      ),
  ),
  makeTarget(
    'metadata: a whole read, and what is decided by it',
    brokenTree,
    async (tree) =>
      decideOver(
        await new SnapshotReader(readTree(tree), { tagKeys: ['role', 'Name'], readsVpc: true }).readSnapshot(),
      ),
    ['MetadataError'],
  ),
  makeTarget('config: YAML', nearText(configTexts), (text) => parseConfigFile(text, 'f'), ['ConfigError']),
  makeTarget(
    'networkd: files of the unit directory',
    fc.tuple(nearText(networkTexts), nearText(networkTexts)),
    ([left, right]) => {
      readMtu(left);
      readDns(left);
      readVrf(left);
      readSources(left);
      isSameButSettings(left, right);
      const { own } = sortUnitFiles([
        { name: '70-ens5.network', text: left },
        { name: '70-ens6.network.d/sources.conf', text: right },
      ]);
      const candidates = new Map(link === undefined ? [] : [[eni.mac, [{ link, driver: 'ena', mac: eni.mac }]]]);
      readDeclared({ files: own, candidates });
    },
  ),
  makeTarget(
    'networkd: state files, descriptions, versions',
    nearText([...leaseTexts, ...networkdJson]),
    (text) => {
      parseLeaseFile(text);
      parseLinkFile(text);
      parseSystemdVersion(text);
      parseLinkPath(text);
      parseListeningPorts(text);
      parseLinkDescription(text);
    },
    ['NetworkdError'],
  ),
  makeTarget('takeover: interfaces(5)', nearText(interfacesTexts), (text) =>
    removeFromInterfaces([{ path: '/etc/network/interfaces', text }], ['ens5', 'ens6']),
  ),
  makeTarget(
    'takeover: netplan',
    nearText(netplanTexts),
    (text) =>
      judgeNetplan({
        files: [
          { path: 'a', document: parseYamlValue(text) },
          { path: 'b', document: parseYamlValue(text) },
        ],
        eniLinks: ['ens5'],
        otherLinks: ['eth0'],
      }),
    ['YamlError'],
  ),
  makeTarget('patterns', fc.tuple(nearText(words), nearText(words)), ([pattern, text]) => [
    matchesWildcards(pattern, text),
    matchesShellPattern(pattern, text),
  ]),
  makeTarget('words of a command line', nearText(words), (text) => [canonicalAddress(text), canonicalCidr(text)]),
  makeTarget(
    'runtime files',
    nearText([stored, '{"bootId":"x","entries":{"rule a":"02:00:00:00:00:01"}}', '{"serial":1,"problem":null}', '123']),
    throughStore,
  ),
  makeTarget('names and texts that are shown', nearText(['ens5', 'eni-1', 'rule from 10.0.1.5']), shown),
];
