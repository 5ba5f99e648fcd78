/**
 * What is believed of the files in the runtime directory. The daemon's user writes them, and root's
 * commands read them: an ENI counts only as the metadata service itself could have described it.
 * Keys that are not known are another version's, and passed over.
 */

import * as z from 'zod';
import type { EveryKey } from '../../lib/schema/every-key.ts';
import { identityKinds } from '../decide/base/identity.ts';
import { readyEnis } from '../decide/inputs/accept-snapshot.ts';
import type { EniMetadata, Ledger, Snapshot } from '../model.ts';
import { parseEni } from '../sense/metadata-eni.ts';
import type { StoredMetadata } from './metadata-poller.ts';

/**
 * The newest format of these files (lib/file/format-number.ts). Not written while it is 1: 0.1.0
 * refuses keys that it does not know.
 */
export const stateFormat = 1;

const mac = z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
/** No line breaks and no control characters for a terminal. */
const line = z.string().regex(/^[^\p{Cc}\p{Zl}\p{Zp}]{0,1000}$/u);
const identity = line.refine((key) => identityKinds.some((kind) => key.startsWith(`${kind} `)));

const eniSchema = z.object({
  mac,
  eniId: z.string().nullable(),
  deviceNumber: z.number(),
  networkCard: z.number(),
  subnetId: z.string().nullable(),
  vpcId: z.string().nullable(),
  ipv4Addresses: z.array(z.string()),
  ipv6Addresses: z.array(z.string()),
  ipv4Prefixes: z.array(z.string()),
  ipv6Prefixes: z.array(z.string()),
  subnetIpv4: z.string().nullable(),
  subnetIpv6: z.array(z.string()),
  vpcCidrs: z.array(z.string()).exactOptional(),
  publicIpv4: z.record(z.string(), z.array(z.string())),
} satisfies EveryKey<EniMetadata>);

const readingSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready'), eni: eniSchema }),
  z.object({ kind: z.literal('pending'), mac, reason: line }),
  z.object({ kind: z.literal('invalid'), mac, reason: line }),
]);

export const metadataSchema: z.ZodType<StoredMetadata> = z
  .object({
    snapshot: z.object({
      primaryMac: mac,
      enis: z.array(readingSchema),
      instanceId: z
        .string()
        .regex(/^i-[0-9A-Za-z]{1,40}$/)
        .nullable(),
      tags: z.record(line, line.nullable()).nullable().exactOptional(),
      unreadTags: z.array(line).exactOptional(),
      contested: z.record(line, z.array(line)).exactOptional(),
    } satisfies EveryKey<Snapshot>),
    departed: z.array(eniSchema),
  } satisfies EveryKey<StoredMetadata>)
  .refine(
    ({ snapshot, departed }) =>
      [...readyEnis(snapshot), ...departed].every((eni) => isAsServed(eni, snapshot.primaryMac)),
    { error: 'expected each ENI to be as the metadata service describes one' },
  );

const isEntry = (entry: [string, unknown]): entry is [string, string] =>
  identity.safeParse(entry[0]).success && mac.safeParse(entry[1]).success;

/** An entry of a kind that is not known is another version's: what it names stays as it is. */
export const ledgerEntries = z
  .record(z.string(), z.unknown())
  .transform((entries): Ledger => Object.fromEntries(Object.entries(entries).filter(isEntry)));

/**
 * Link indexes in the entries mean something in one boot only, and the directory may outlive it.
 */
interface StoredLedger {
  readonly bootId: string;
  readonly entries: Ledger;
}

export const ledgerSchema: z.ZodType<StoredLedger> = z.object({
  bootId: z.string(),
  entries: ledgerEntries,
} satisfies EveryKey<StoredLedger>);

/**
 * Turns the ENI into leaves and parses them with the parser of the metadata, so that the same rules
 * apply.
 */
function isAsServed(eni: EniMetadata, primaryMac: string): boolean {
  const lists: [string, readonly string[]][] = [
    ['local-ipv4s', eni.ipv4Addresses],
    ['ipv6s', eni.ipv6Addresses],
    ['ipv4-prefix', eni.ipv4Prefixes],
    ['ipv6-prefix', eni.ipv6Prefixes],
    ['subnet-ipv4-cidr-block', eni.subnetIpv4 === null ? [] : [eni.subnetIpv4]],
    ['subnet-ipv6-cidr-blocks', eni.subnetIpv6],
    ['vpc-ipv4-cidr-blocks', eni.vpcCidrs?.filter((cidr) => !cidr.includes(':')) ?? []],
    ['vpc-ipv6-cidr-blocks', eni.vpcCidrs?.filter((cidr) => cidr.includes(':')) ?? []],
  ];
  const ids: [string, string | null][] = [
    ['interface-id', eni.eniId],
    ['subnet-id', eni.subnetId],
    ['vpc-id', eni.vpcId],
  ];
  const values = new Map([
    ['device-number', String(eni.deviceNumber)],
    ['network-card', String(eni.networkCard)],
    ...ids.flatMap(([name, id]) => (id === null ? [] : [[name, id] as const])),
    ...lists.flatMap(([name, words]) => (words.length === 0 ? [] : [[name, words.join('\n')] as const])),
  ]);
  const leaves = { mac: eni.mac, listed: new Set(values.keys()), values, publicIpv4: eni.publicIpv4 };
  const reading = parseEni(leaves, {
    ...{ isPrimary: eni.mac === primaryMac, hasCards: false, hadIpv4: false },
    readsVpc: eni.vpcCidrs !== undefined,
  });
  return reading.kind === 'ready' && sortKeys(reading.eni) === sortKeys(eni);
}

function sortKeys(eni: EniMetadata): string {
  return JSON.stringify(Object.entries(eni).sort(([left], [right]) => (left < right ? -1 : 1)));
}
