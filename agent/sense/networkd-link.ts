/** What systemd-networkd says of a link: the JSON of its Describe methods (252 to 257), parsed. Pure. */

import * as z from 'zod';
import { formatAddress } from '../../lib/ip/address.ts';
import { NetworkdError } from '../errors.ts';

/** Where networkd has an object from: `static` is its own files, `foreign` is somebody else's. */
export interface DescribedAddress {
  readonly address: string;
  readonly prefixLength: number;
  /** `static`, `DHCPv4`, `DHCPv6`, `NDisc`, `foreign`, … */
  readonly source: string;
  /** `configured`, `configuring`, `requesting`, `removing`, … */
  readonly state: string;
}

export interface LinkDescription {
  readonly linkIndex: number;
  readonly linkName: string;
  /** Path of the .network file in force; null where none matches. */
  readonly networkFile: string | null;
  /** Paths of its drop-ins; null where networkd does not tell (252). */
  readonly dropIns: readonly string[] | null;
  /** AdministrativeState: `pending`, `initialized`, `configuring`, `configured`, `unmanaged`, `failed`, `linger`. */
  readonly setupState: string;
  /** OperationalState: `routable`, `degraded`, `carrier`, `no-carrier`, `off`, … */
  readonly operationalState: string;
  /** The gateway of the DHCPv4 lease; null without a lease or where it names none. */
  readonly dhcp4Gateway: string | null;
  /** The router whose advertisements are followed; null where there is none. */
  readonly raGateway: string | null;
  readonly addresses: readonly DescribedAddress[];
}

// Unknown keys are dropped: each version of systemd adds some.
const bytes = z.array(z.number().int().min(0).max(255));
const rawRoute = z.object({
  Family: z.number(),
  DestinationPrefixLength: z.number().default(0),
  Gateway: bytes.optional(),
  ConfigSource: z.string().default('foreign'),
});
const rawNextHop = z.object({ Gateway: bytes.optional(), ConfigSource: z.string().default('foreign') });
const rawAddress = z.object({
  Family: z.number(),
  Address: bytes,
  PrefixLength: z.number(),
  ConfigSource: z.string().default('foreign'),
  ConfigState: z.string().default(''),
});
const rawLink = z.object({
  Index: z.number(),
  Name: z.string(),
  AdministrativeState: z.string(),
  OperationalState: z.string().default(''),
  NetworkFile: z.string().nullish(),
  NetworkFileDropins: z.array(z.string()).nullish(),
  Addresses: z.array(rawAddress).nullish(),
  Routes: z.array(rawRoute).nullish(),
  NextHops: z.array(rawNextHop).nullish(),
});

/** Throws NetworkdError (`bad-reply`) when the text is not what networkd 252 to 257 would say. */
export function parseLinkDescription(text: string): LinkDescription {
  const raw = parseRaw(text);
  const defaultRoutes = (raw.Routes ?? []).filter((route) => route.DestinationPrefixLength === 0);
  return {
    linkIndex: raw.Index,
    linkName: raw.Name,
    networkFile: raw.NetworkFile ?? null,
    dropIns: raw.NetworkFileDropins ?? (raw.NetworkFile ? null : []),
    setupState: raw.AdministrativeState,
    operationalState: raw.OperationalState,
    dhcp4Gateway: findGateway(defaultRoutes, 'DHCPv4'),
    // 257 keeps a router's default route as a next hop.
    raGateway: findGateway(defaultRoutes, 'NDisc') ?? findGateway(raw.NextHops ?? [], 'NDisc'),
    addresses: (raw.Addresses ?? []).flatMap((address) => {
      const text = formatBytes(address.Address);
      const { PrefixLength: prefixLength, ConfigSource: source, ConfigState: state } = address;
      return text === null ? [] : [{ address: text, prefixLength, source, state }];
    }),
  };
}

function parseRaw(text: string): z.infer<typeof rawLink> {
  const subject = "systemd-networkd's description of a link";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new NetworkdError('bad-reply', subject, `failed to read ${subject}: it is not JSON`, { cause });
  }
  const parsed = rawLink.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue === undefined ? '' : `: ${issue.path.map(String).join('.')}: ${issue.message}`;
  throw new NetworkdError('bad-reply', subject, `failed to read ${subject}${place}`, { cause: parsed.error });
}

/** The first gateway that networkd has from `source`. */
function findGateway(
  hops: readonly { readonly ConfigSource: string; readonly Gateway?: readonly number[] | undefined }[],
  source: string,
): string | null {
  const gateway = hops.find((hop) => hop.ConfigSource === source && hop.Gateway !== undefined)?.Gateway;
  return gateway === undefined ? null : formatBytes(gateway);
}

/** Four or sixteen bytes in network order as canonical text; null for any other number of bytes. */
function formatBytes(raw: readonly number[]): string | null {
  if (raw.length !== 4 && raw.length !== 16) return null;
  const value = raw.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return formatAddress(raw.length === 4 ? 4 : 6, value);
}

/** systemd's major version in text such as `252.38-1~deb12u1` or `257~rc2`; null where there is none. */
export function parseSystemdVersion(text: string): number | null {
  const [, digits] = /^v?(\d{1,5})(?!\d)/.exec(text) ?? [];
  return digits === undefined ? null : Number(digits);
}

/** The link's index in a bus path (`/org/freedesktop/network1/link/_312` is 12); null for any other path. */
export function parseLinkPath(path: string): number | null {
  // sd_bus_path_encode(3): a leading digit is written as `_` and its two hexadecimal digits.
  const [, first, rest] = /^\/org\/freedesktop\/network1\/link\/_3([0-9])([0-9]{0,9})$/.exec(path) ?? [];
  return first === undefined ? null : Number(`${first}${rest ?? ''}`);
}
