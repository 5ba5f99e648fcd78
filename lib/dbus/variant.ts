/** Schemas for what only D-Bus has. */

import { z } from 'zod';

/** A variant that holds what `schema` describes; the parsed value is the content. */
export function variantOf<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return z.object({ value: schema }).transform(({ value }) => value);
}
