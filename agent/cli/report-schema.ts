/**
 * The file of `enid report`: what a look at a host has found, so that it can be decided about
 * elsewhere. Whoever reads one got it from somebody: it is untrusted until it matches.
 */

import * as z from 'zod';
import { readRegularFile } from '../../lib/file/read-file.ts';
import { canonicalAddress, type Family, familyOf } from '../../lib/ip/address.ts';
import { parseCidr } from '../../lib/ip/cidr.ts';
import type { LinkSettings, RoutePath, RuleMark, UserRange } from '../../lib/rtnetlink/types.ts';
import type { EveryKey } from '../../lib/schema/every-key.ts';
import { mergeConfig } from '../config/merge.ts';
import { parseConfigFile } from '../config/parse.ts';
import type { Config } from '../config/types.ts';
import type { UnitDirectory } from '../decide/desired/unit-directory.ts';
import { ReportError } from '../errors.ts';
import type { Address, KernelState, Link, NetworkdLink, NetworkdState, ReplyFacts, Route, Rule } from '../model.ts';
import { ledgerEntries, metadataSchema } from '../watch/stored-metadata.ts';
import type { HostSight } from './inspect.ts';

export const reportFormat = 'enid report';
export const reportVersion = 1;
/** Far above what `enid report` writes. */
const maxBytes = 64 * 1024 * 1024;

const text = z.string().max(64 * 1024);
const line = z.string().max(4_096);
/** All that rtnetlink has are of 32 bits. */
const number = z.int().min(0).max(0xffffffff);
const milliseconds = z.number().min(0);
const nullableText = line.nullable();
const nullableNumber = number.nullable();
const family = z.literal([4, 6]);
const address = line.refine((value) => canonicalAddress(value) === value, { error: 'expected an address' });
const cidr = line.refine((value) => parseCidr(value) !== null, { error: 'expected a prefix' });

/** An object of one family: its texts are of it, too. */
const isOfFamily = (texts: readonly (string | null)[], wanted: Family) =>
  texts.every((one) => one === null || familyOf(one.replace(/\/.*$/, '')) === wanted);
const ofFamily = { error: 'expected addresses and prefixes of its family' };

const linkSchema: z.ZodType<Link> = z.strictObject({
  index: number,
  name: line,
  mac: nullableText,
  permanentMac: nullableText,
  kind: nullableText,
  masterIndex: nullableNumber,
  group: number,
  vrfTable: number.exactOptional(),
  mtu: number,
  maxMtu: number.exactOptional(),
  isLoopback: z.boolean(),
  isUp: z.boolean(),
  hasCarrier: z.boolean(),
  altNames: z.array(line),
  settings: z
    .strictObject({ rp_filter: number, arp_announce: number, arp_ignore: number } satisfies EveryKey<LinkSettings>)
    .exactOptional(),
  isIpv6Off: z.literal(true).exactOptional(),
} satisfies EveryKey<Link>);

const addressSchema: z.ZodType<Address> = z
  .strictObject({
    ...{ linkIndex: number, family, address, prefixLength: number, scope: number, flags: number, protocol: number },
    ...{ metric: number, validLifetime: nullableNumber },
  } satisfies EveryKey<Address>)
  .refine(
    (one) => isOfFamily([one.address], one.family) && one.prefixLength <= (one.family === 4 ? 32 : 128),
    ofFamily,
  );

const routeSchema: z.ZodType<Route> = z
  .strictObject({
    ...{ family, table: number, destination: cidr, type: number, protocol: number, scope: number },
    ...{ gateway: address.nullable(), linkIndex: nullableNumber, metric: number, preferredSource: nullableText },
    mtu: number.exactOptional(),
    nextHopId: nullableNumber,
    paths: z
      .array(z.strictObject({ gateway: address.nullable(), linkIndex: number } satisfies EveryKey<RoutePath>))
      .exactOptional(),
    isComplex: z.boolean(),
  } satisfies EveryKey<Route>)
  .refine(({ family: wanted, destination }) => isOfFamily([destination], wanted), ofFamily);

const ruleSchema: z.ZodType<Rule> = z
  .strictObject({
    ...{ family, priority: number, source: cidr.nullable(), destination: cidr.nullable() },
    ...{ inputInterface: nullableText, outputInterface: nullableText },
    mark: z.strictObject({ value: number, mask: number } satisfies EveryKey<RuleMark>).nullable(),
    users: z.strictObject({ first: number, last: number } satisfies EveryKey<UserRange>).nullable(),
    ...{ action: number, table: number, suppressPrefixLength: nullableNumber, suppressGroup: nullableNumber },
    ...{ protocol: number, isComplex: z.boolean() },
  } satisfies EveryKey<Rule>)
  .refine(({ family: wanted, source, destination }) => isOfFamily([source, destination], wanted), ofFamily);

const kernelSchema = z.strictObject({
  links: z.array(linkSchema),
  addresses: z.array(addressSchema),
  routes: z.array(routeSchema),
  rules: z.array(ruleSchema),
  /** Link index and driver. */
  drivers: z.array(z.tuple([number, nullableText])),
  lacksIpv6: z.literal(true).exactOptional(),
} satisfies EveryKey<KernelState>);

/** Maps as lists of pairs. */
const replyTableSchema = z.strictObject({
  chains: z.array(
    z.strictObject({
      name: line,
      hook: z.strictObject({ number, priority: z.number().int() }).nullable(),
      rules: z.array(z.strictObject({ comment: nullableText, handle: number })),
    }),
  ),
  maps: z.array(z.strictObject({ name: line, family: family.nullable(), elements: z.array(z.tuple([line, line])) })),
});

const repliesSchema = z.strictObject({
  isForwarding: z.strictObject({ 4: z.boolean(), 6: z.boolean() }),
  isTracking: z.boolean(),
  /** Null: there is none. No key: it could not be read. */
  table: replyTableSchema.nullable().exactOptional(),
});

const networkdSchema: z.ZodType<NetworkdState> = z.strictObject({
  kind: z.enum(['present', 'absent', 'unknown']),
  version: nullableNumber,
  links: z.array(
    z.strictObject({
      linkIndex: number,
      networkFile: nullableText,
      setupState: line,
      unsettledMs: milliseconds.exactOptional(),
      lease: z
        .strictObject({ address, gateway: address.nullable() } satisfies EveryKey<NonNullable<NetworkdLink['lease']>>)
        .exactOptional(),
      hasDns: z.boolean().exactOptional(),
    } satisfies EveryKey<NetworkdLink>),
  ),
  isCutOff: z.literal(true).exactOptional(),
  isStarting: z.literal(true).exactOptional(),
} satisfies EveryKey<NetworkdState>);

const directorySchema: z.ZodType<UnitDirectory> = z.strictObject({
  own: z.array(z.strictObject({ name: line, text, mac: line } satisfies EveryKey<UnitDirectory['own'][number]>)),
  unsigned: z.array(line),
} satisfies EveryKey<UnitDirectory>);

/** As text or without a `Map` what JSON has no value for, and what was stored together. */
interface InFile extends Omit<HostSight, 'config' | 'snapshot' | 'departed'> {
  readonly configuration: string;
  readonly metadata: unknown;
}

/** What a decision follows from. */
export const sightSchema = z.strictObject({
  /** YAML, every key spelled out. */
  configuration: text,
  kernel: kernelSchema,
  networkd: networkdSchema,
  directory: directorySchema,
  /** Null: it was never read. */
  metadata: metadataSchema.nullable(),
  isSilent: z.boolean(),
  isConfirmed: z.boolean(),
  ledger: ledgerEntries,
  nowMs: milliseconds,
  warnings: z.array(line),
  /** No key: of a version that did not read it. */
  replies: repliesSchema.exactOptional(),
} satisfies EveryKey<InFile>);
export type SightInFile = z.infer<typeof sightSchema>;

const reportSchema = z.looseObject({
  format: z.literal(reportFormat),
  version: z.literal(reportVersion),
  sight: sightSchema,
});

/** As it is written. */
export function writeSight(sight: HostSight, configuration: string): SightInFile {
  const { kernel, networkd, directory, snapshot, departed, isSilent, isConfirmed, ledger, nowMs, warnings, replies } =
    sight;
  return {
    configuration,
    kernel: { ...kernel, drivers: [...kernel.drivers] } as SightInFile['kernel'],
    networkd,
    directory,
    metadata: snapshot === null ? null : { snapshot, departed },
    ...{ isSilent, isConfirmed, ledger, nowMs, warnings: [...warnings] },
    ...(replies === undefined ? {} : { replies: writeReplies(replies) }),
  };
}

function writeReplies({ isForwarding, isTracking, table }: ReplyFacts): NonNullable<SightInFile['replies']> {
  if (table === undefined) return { isForwarding, isTracking };
  if (table === null) return { isForwarding, isTracking, table };
  const chains = table.chains.map(({ rules, ...chain }) => ({ ...chain, rules: [...rules] }));
  const maps = table.maps.map(({ elements, ...map }) => ({ ...map, elements: [...elements] as [string, string][] }));
  return { isForwarding, isTracking, table: { chains, maps } };
}

function readReplies({ table, ...facts }: NonNullable<SightInFile['replies']>): ReplyFacts {
  if (table === undefined || table === null) return { ...facts, table };
  const maps = table.maps.map((map) => ({ ...map, elements: new Map(map.elements) }));
  return { ...facts, table: { chains: table.chains, maps } };
}

/**
 * The host of a report; `config`: another configuration than its own. Throws a ReportError, or a
 * ConfigError of its configuration.
 */
export function readSight(sight: SightInFile, config: Config | null): HostSight {
  const { configuration, kernel, metadata, replies, ...rest } = sight;
  const state: KernelState = { ...kernel, drivers: new Map(kernel.drivers) } as KernelState;
  return {
    ...rest,
    config: config ?? mergeConfig([parseConfigFile(configuration, 'configuration of the report')]),
    kernel: state,
    snapshot: metadata?.snapshot ?? null,
    departed: metadata?.departed ?? [],
    ...(replies === undefined ? {} : { replies: readReplies(replies) }),
  };
}

/** Throws a ReportError: `unreadable` or `unparsable`. */
export function readReport(path: string): SightInFile {
  const fail = (code: string, reason: string, cause?: unknown) =>
    new ReportError(code, path, `failed to read the report ${path}: ${reason}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(readRegularFile(path, { maxBytes, followsLinks: true }));
  } catch (error) {
    if (error instanceof SyntaxError) throw fail('unparsable', `expected JSON: ${error.message}`, error);
    throw fail('unreadable', error instanceof Error ? error.message : String(error), error);
  }
  const parsed = reportSchema.safeParse(value);
  if (parsed.success) return parsed.data.sight;
  const [issue] = parsed.error.issues;
  throw fail('unparsable', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'expected a file of enid report'}`);
}
