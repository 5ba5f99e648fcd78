/**
 * What a configuration file may say. Every key is optional, unknown ones are refused. The message
 * of an issue is what was expected, in words that continue "expected …".
 */

import { isAbsolute, normalize } from 'node:path';
import * as z from 'zod';
import { canonicalAddress, familyOf } from '../../lib/ip/address.ts';
import { canonicalCidr } from '../../lib/ip/cidr.ts';
import type { EveryKey } from '../../lib/schema/every-key.ts';
import { defaultConfig } from './defaults.ts';
import { formatDuration, parseDurationMs } from './duration.ts';
import type { InterfaceMatch, InterfacePolicy, PolicyRoute, PolicySelector } from './types.ts';

/**
 * Text that `parse` understands; null from it is a refusal. `fallback` is the default, told by the
 * JSON schema only.
 */
function text<T>(expected: string, parse: (text: string) => T | null, fallback?: string) {
  return z
    .string({ error: expected })
    .meta({ description: expected, ...(fallback === undefined ? {} : { default: fallback }) })
    .transform((value, context): T => {
      const parsed = parse(value);
      if (parsed !== null) return parsed;
      context.addIssue({ code: 'custom', message: expected, input: value });
      return z.NEVER;
    });
}

function matching(expected: string, pattern: RegExp, fallback?: string) {
  return text(expected, (value) => (pattern.test(value) ? value : null), fallback);
}

function integer(least: number, most: number, excluded: readonly number[] = [], why = '') {
  const expected = `a whole number from ${least} to ${most}${why}`;
  const error = expected;
  const base = z.int({ error }).min(least, { error }).max(most, { error });
  return (excluded.length === 0 ? base : base.refine((value) => !excluded.includes(value), { error })).describe(
    expected,
  );
}

function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  const expected =
    values.length === 1 ? `\`${values[0]}\`` : `one of ${values.map((value) => `\`${value}\``).join(', ')}`;
  return z.enum(values, { error: expected }).describe(expected);
}

const yesOrNo = () => z.boolean({ error: '`true` or `false`' });

function list<T extends z.ZodType>(item: T, { least, most }: { readonly least: number; readonly most: number }) {
  const error = least === 0 ? `a list of at most ${most} entries` : `a list of ${least} to ${most} entries`;
  return z.array(item, { error }).min(least, { error }).max(most, { error });
}

function duration(leastMs: number, mostMs: number, fallbackMs: number) {
  const expected = `a duration from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}, such as 60s`;
  const parse = (value: string): number | null => {
    const ms = parseDurationMs(value);
    return ms !== null && ms >= leastMs && ms <= mostMs ? ms : null;
  };
  return text(expected, parse, formatDuration(fallbackMs));
}

function mapping<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.strictObject(shape, { error: 'a mapping of keys to values' });
}

const endpoint = text('an http:// URL of a host, without a path', (value) => {
  const url = URL.canParse(value) ? new URL(value) : null;
  const isHostOnly =
    url !== null && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
  return isHostOnly && url.protocol === 'http:' ? url.origin : null;
});
function directory(fallback: string) {
  const parse = (value: string): string | null =>
    isAbsolute(value) && value.length <= 200 && !/\p{Cc}/u.test(value) && !value.split('/').includes('..')
      ? normalize(value).replace(/(?<=.)\/$/, '')
      : null;
  return text('an absolute path of a directory', parse, fallback);
}

const listenAddress = text('null, an address and port such as "127.0.0.1:9469", or "unix:/path"', (value) => {
  if (/^unix:\/[^\p{Cc}]{1,100}$/u.test(value)) return value;
  const [, port] = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(value) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535 ? value : null;
});
/** node-exporter reads only files with this ending. */
const textfile = matching('null or an absolute path that ends with .prom', /^\/[^\p{Cc}]{1,250}\.prom$/u);
const driver = matching('the name of a driver', /^[A-Za-z0-9_-]{1,32}$/);
const linkName = matching('the name of a link, at most 15 letters', /^(?!\.{1,2}$)[^\s/:\p{Cc}]{1,15}$/u);
const cidr = text('a prefix without host bits, such as 10.0.1.5/32', canonicalCidr);

/** The keys that the metadata can show (EC2 user guide, "View tags in instance metadata"). */
const tagKey = z.string().regex(/^(?!\.{1,2}$|_index$)[A-Za-z0-9+=.,_:@-]{1,128}$/, {
  error: 'the key of a tag that the metadata can show: letters, digits and + - = . , _ : @',
});
const tagValue = 'text in quotes: the value of a tag, or a glob such as "web-*"';
const tags = 'a mapping of tag keys to values, such as { role: gateway }';

const matchSchema = mapping({
  eni: matching('the id of an ENI, such as eni-0123456789abcdef0', /^eni-[0-9a-z]{1,32}$/),
  mac: text('a MAC such as 06:53:e1:d8:f9:29', (value) =>
    /^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$/.test(value) ? value.toLowerCase() : null,
  ),
  device: integer(0, 255),
  card: integer(0, 255),
  name: matching('the name of a link, or a glob such as ens*', /^[^\s/\p{Cc}]{1,64}$/u),
  subnet: text('the id of a subnet (subnet-…) or a prefix without host bits', (value) =>
    /^subnet-[0-9a-z]{1,32}$/.test(value) ? value : canonicalCidr(value),
  ),
  driver,
  tag: z
    .record(tagKey, z.string({ error: tagValue }).max(256, { error: tagValue }).describe(tagValue), { error: tags })
    .refine((values) => Object.keys(values).length > 0, { error: tags })
    .describe(tags),
} satisfies EveryKey<InterfaceMatch>).partial();

const routeSchema = mapping({
  to: cidr,
  via: text('an address, or null for the router of the ENI', canonicalAddress).nullable().default(null),
  table: oneOf(['own', 'main', 'both']).default('both'),
} satisfies EveryKey<PolicyRoute>).refine(({ to, via }) => via === null || familyOf(to) === familyOf(via), {
  error: '`to` and `via` of one family',
});

const mark = text('a mark such as "0x10", or with a mask "0x10/0xff"', (value) => {
  const [, mark = '', mask = '0xffffffff'] =
    /^(0x[0-9a-f]{1,8}|\d{1,10})(?:\/(0x[0-9a-f]{1,8}|\d{1,10}))?$/i.exec(value) ?? [];
  const numbers = { value: Number(mark), mask: Number(mask) };
  return mark !== '' && numbers.value <= 0xffffffff && numbers.mask <= 0xffffffff && numbers.mask > 0 ? numbers : null;
});
/** (uid_t) -1 is no user. */
const users = text('a user id such as "1000", or a range "1000-1010"', (value) => {
  const [, first = '', last = first] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(value) ?? [];
  const range = { first: Number(first), last: Number(last) };
  return first !== '' && range.first <= range.last && range.last < 0xffffffff ? range : null;
});
const selectSchema = mapping({
  to: cidr.nullable().default(null),
  mark: mark.nullable().default(null),
  users: users.nullable().default(null),
} satisfies EveryKey<PolicySelector>).refine(({ to, mark, users }) => to !== null || mark !== null || users !== null, {
  error: 'at least one of `to`, `mark` and `users`',
});

/** rt_tables: `default`, `main`, `local` belong to everybody. */
const sharedTables = [253, 254, 255];

/** `addresses:` has two of the keys below it. */
interface Section extends Omit<InterfacePolicy, 'secondary' | 'exclude'> {
  readonly match: InterfaceMatch;
  readonly addresses: Pick<InterfacePolicy, 'secondary' | 'exclude'>;
}

export const interfaceSchema = mapping({
  match: matchSchema,
  manage: oneOf(['full', 'rules', 'names', 'none']),
  addresses: mapping({
    secondary: oneOf(['local', 'route-only']),
    exclude: list(cidr, { least: 0, most: 1_000 }),
  } satisfies EveryKey<Section['addresses']>).partial(),
  prefixes: oneOf(['rules', 'local', 'assigned']),
  sources: list(cidr, { least: 0, most: 1_000 }),
  routes: list(routeSchema, { least: 0, most: 1_000 }),
  select: list(selectSchema, { least: 0, most: 100 }),
  rules: oneOf(['standard', 'classic', 'none']),
  table: integer(1, 0xffffffff, sharedTables, ' other than 253, 254 and 255').nullable(),
  metric: integer(1, 0xffffffff).nullable(),
  vrf: linkName.nullable(),
  reversePathFilter: oneOf(['keep', 'strict', 'loose']),
  arp: oneOf(['keep', 'own']),
  // The least that IPv4 hosts must take, and the most that a link can have.
  mtu: integer(576, 65_535),
  // The least that IPv6 takes (RFC 8200, section 5).
  mtuOutside: integer(1_280, 65_535).nullable(),
  dns: yesOrNo(),
  defaultRoute: yesOrNo(),
  requiredForOnline: yesOrNo().nullable(),
} satisfies EveryKey<Section>).partial();

export const configSchema = mapping({
  imds: mapping({
    endpoints: list(endpoint, { least: 1, most: 8 }).meta({ default: defaultConfig.imds.endpoints }),
    interval: duration(5_000, 3_600_000, defaultConfig.imds.intervalMs),
    timeout: duration(100, 60_000, defaultConfig.imds.timeoutMs),
    wakeOnTraffic: yesOrNo(),
  }).partial(),
  drivers: list(driver, { least: 1, most: 32 }).meta({ default: defaultConfig.drivers }),
  networkd: mapping({
    unitDirectory: directory(defaultConfig.networkd.unitDirectory),
    prefix: matching(
      'text in quotes that file names begin with, such as "70"',
      /^[A-Za-z0-9][A-Za-z0-9_-]{0,15}$/,
      defaultConfig.networkd.prefix,
    ),
  }).partial(),
  runtimeDirectory: directory(defaultConfig.runtimeDirectory),
  metrics: mapping({
    listen: listenAddress.nullable().meta({ default: defaultConfig.metricsListen }),
    textfile: textfile.nullable().meta({ default: defaultConfig.metricsTextfile }),
  }).partial(),
  hostname: yesOrNo().meta({ default: defaultConfig.hostname }),
  replies: oneOf(['auto', 'on', 'off']).meta({ default: defaultConfig.replies }),
  // More entries than an instance can have ENIs.
  interfaces: list(interfaceSchema, { least: 0, most: 1_000 }).meta({ default: [] }),
}).partial();

/** One file, parsed: only the keys that it has. */
export type ConfigFile = z.output<typeof configSchema>;
export type InterfaceSection = z.output<typeof interfaceSchema>;

/** The JSON schema (draft 2020-12) of a configuration file, for editors. */
export function describeSchema(): unknown {
  // The types tolerate what enid 0.1.0 took: an entry without `match`.
  const entries = list(interfaceSchema.required({ match: true }), { least: 0, most: 1_000 }).meta({ default: [] });
  return z.toJSONSchema(configSchema.extend({ interfaces: entries.optional() }), { io: 'input' });
}
