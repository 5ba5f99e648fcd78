/**
 * What systemd-networkd reports about a link: the JSON of its Describe methods (252 to 257),
 * parsed. Pure.
 */

import * as z from 'zod';
import { NetworkdError } from '../errors.ts';

export interface LinkDescription {
  readonly linkIndex: number;
  /** Path of the .network file in force; null if none matches. */
  readonly networkFile: string | null;
  /**
   * AdministrativeState: `pending`, `initialized`, `configuring`, `configured`, `unmanaged`,
   * `failed`, `linger`.
   */
  readonly setupState: string;
}

// Unknown keys are dropped: each version of systemd adds some. The addresses are not read either:
// 20 KB of text for fifty of them.
const rawLink = z.object({ Index: z.number(), AdministrativeState: z.string(), NetworkFile: z.string().nullish() });

/** Throws NetworkdError (`bad-reply`) if the text is not as networkd 252 to 257 writes it. */
export function parseLinkDescription(text: string): LinkDescription {
  const subject = "systemd-networkd's description of a link";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new NetworkdError('bad-reply', subject, `failed to read ${subject}: it is not JSON`, { cause });
  }
  const parsed = rawLink.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue === undefined ? '' : `: ${issue.path.map(String).join('.')}: ${issue.message}`;
    throw new NetworkdError('bad-reply', subject, `failed to read ${subject}${place}`, { cause: parsed.error });
  }
  const { Index: linkIndex, NetworkFile: networkFile, AdministrativeState: setupState } = parsed.data;
  return { linkIndex, networkFile: networkFile ?? null, setupState };
}

/**
 * systemd's major version in text such as `252.38-1~deb12u1` or `257~rc2`; null if there is none.
 */
export function parseSystemdVersion(text: string): number | null {
  const [, digits] = /^v?(\d{1,5})(?!\d)/.exec(text) ?? [];
  return digits === undefined ? null : Number(digits);
}

/**
 * The link's index in a bus path (`/org/freedesktop/network1/link/_312` is 12); null for any other
 * path.
 */
export function parseLinkPath(path: string): number | null {
  // sd_bus_path_encode(3): a leading digit is written as `_` and its two hexadecimal digits.
  const [, first, rest] = /^\/org\/freedesktop\/network1\/link\/_3([0-9])([0-9]{0,9})$/.exec(path) ?? [];
  return first === undefined ? null : Number(`${first}${rest ?? ''}`);
}
