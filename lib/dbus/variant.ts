/** Schemas for what only D-Bus has. */

import { Variant } from 'dbus-next';
import * as z from 'zod';

/** A variant that holds what `schema` describes; the parsed value is the content. */
export function variantOf<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return z.object({ value: schema }).transform(({ value }) => value);
}

/** A variant that holds text, for the body of a call. */
export function stringVariant(value: string): Variant {
  return new Variant('s', value);
}

/** A variant that holds a number of 32 bits. */
export function uint32Variant(value: number): Variant {
  return new Variant('u', value);
}

/** A variant that holds a number of 64 bits. */
export function uint64Variant(value: bigint): Variant {
  return new Variant('t', value);
}
