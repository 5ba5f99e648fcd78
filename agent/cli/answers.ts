/**
 * The JSON of `status`, `plan` and `explain` as the daemon returns it over the bus: untrusted until
 * it matches these schemas.
 */

import * as z from 'zod';
import type { Explanation } from '../report/explain-text.ts';
import type { PlanLine, StatusRow } from '../report/status-table.ts';

const text = z.string();
const nullableText = z.string().nullable();
const nullableNumber = z.number().nullable();

const row: z.ZodType<StatusRow> = z.object({
  eni: nullableText,
  mac: text,
  link: nullableText,
  primary: z.boolean(),
  device: nullableNumber,
  card: nullableNumber,
  state: z.enum(['configured', 'waiting', 'overridden', 'ignored', 'degraded', 'detaching']),
  reason: nullableText,
  table: nullableNumber,
  // A daemon of before has none.
  mtuOutside: nullableNumber.default(null),
  addresses: z.array(text),
  prefixes: z.array(text),
  publicAddresses: z.record(text, z.array(text)),
  networkFile: nullableText,
  changesPending: z.number(),
  lastChange: z.object({ time: text, command: text, reason: text }).nullable(),
  repairs: z.record(text, z.number()).nullable(),
});

/** `enid status --json`. */
export interface StatusAnswer {
  readonly enis: readonly StatusRow[];
  /** What could not be read, one line each: the answer is based on what was known before. */
  readonly warnings: readonly string[];
}
export const statusSchema: z.ZodType<StatusAnswer> = z.object({ enis: z.array(row), warnings: z.array(text) });

/** `enid plan --json`. */
export interface PlanAnswer {
  readonly changes: readonly PlanLine[];
  readonly conflicts: readonly string[];
  /**
   * ENIs with a link that wait for something or cannot be configured: what follows for them is not
   * in the plan yet.
   */
  readonly unready: readonly string[];
  /**
   * What nothing at all is known of, one line each: the plan is not whole, and says nothing where
   * it is empty.
   */
  readonly unknown: readonly string[];
  readonly warnings: readonly string[];
}
const line: z.ZodType<PlanLine> = z.object({ kind: text, mac: text, link: text, command: text, reason: text });
export const planSchema: z.ZodType<PlanAnswer> = z.object({
  changes: z.array(line),
  conflicts: z.array(text),
  unready: z.array(text),
  unknown: z.array(text).default([]),
  warnings: z.array(text),
});

const way = z.object({
  rule: nullableText,
  route: nullableText,
  table: z.number(),
  link: nullableText,
  gateway: nullableText,
});

/** `enid explain --json`. */
export const explanationSchema: z.ZodType<Explanation> = z.object({
  source: text,
  destination: text,
  inputLink: nullableText,
  owner: z
    .object({ role: text, eni: text, link: nullableText, device: nullableText, state: text, public: z.array(text) })
    .nullable(),
  missing: z.object({ link: text, holder: nullableText, reason: nullableText }).nullable(),
  kernel: z.union([way.extend({ eni: nullableText }), z.object({ refused: text })]),
  wanted: way.nullable(),
  notHandled: nullableText,
  sourceCheck: z.object({ verdict: text, reason: text }),
  right: z.boolean(),
});
