/**
 * The JSON of `status`, `plan` and `explain` as the daemon returns it over the bus: untrusted until
 * it matches these schemas.
 */

import * as z from 'zod';
import type { EveryKey } from '../../lib/schema/every-key.ts';
import type { Explanation } from '../report/explain-text.ts';
import type { MadeChange, RecentChange, RecurringRepair } from '../report/history.ts';
import type { PlanLine } from '../report/plan-text.ts';
import type { MetadataState, StatusRow } from '../report/status-row.ts';

const text = z.string();
const nullableText = z.string().nullable();
const nullableNumber = z.number().nullable();

const madeChange = z.object({ time: text, command: text, reason: text } satisfies EveryKey<MadeChange>);
const recurring = z.object({ command: text, count: z.number(), time: text } satisfies EveryKey<RecurringRepair>);
const repairKind = z.enum(['address', 'file', 'metric', 'name', 'route', 'rule', 'setting']);

export const rowSchema: z.ZodType<StatusRow> = z.object({
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
  lastChange: madeChange.nullable(),
  repairs: z.record(text, z.number()).nullable(),
  recurringRepairs: z.array(recurring).default([]),
  lastFight: recurring.nullable().default(null),
} satisfies EveryKey<StatusRow>);

/** `enid status --json`. */
export interface StatusAnswer {
  readonly enis: readonly StatusRow[];
  /** What could not be read, one line each: the answer is based on what was known before. */
  readonly warnings: readonly string[];
  /** The host's last changes, the latest first; none where no daemon was asked. */
  readonly recentChanges: readonly RecentChange[];
  /** Null: no daemon was asked. */
  readonly metadata: MetadataState | null;
}
const recent: z.ZodType<RecentChange> = madeChange.extend({
  mac: text,
  link: text,
  repair: repairKind.nullable(),
} satisfies EveryKey<Omit<RecentChange, keyof MadeChange>>);
export const statusSchema: z.ZodType<StatusAnswer> = z.object({
  enis: z.array(rowSchema),
  warnings: z.array(text),
  recentChanges: z.array(recent).default([]),
  metadata: z
    .object({ lastRead: nullableText, failure: nullableText, intervalMs: z.number() } satisfies EveryKey<MetadataState>)
    .nullable()
    .default(null),
} satisfies EveryKey<StatusAnswer>);

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
const line: z.ZodType<PlanLine> = z.object({
  kind: text,
  action: z.enum(['add', 'change', 'remove']),
  eni: nullableText,
  mac: text,
  link: text,
  command: text,
  reason: text,
} satisfies EveryKey<PlanLine>);
export const planSchema: z.ZodType<PlanAnswer> = z.object({
  changes: z.array(line),
  conflicts: z.array(text),
  unready: z.array(text),
  unknown: z.array(text).default([]),
  warnings: z.array(text),
} satisfies EveryKey<PlanAnswer>);

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
  reply: z.object({ mark: nullableText }).exactOptional(),
  owner: z
    .object({ role: text, eni: text, link: nullableText, device: nullableText, state: text, public: z.array(text) })
    .nullable(),
  missing: z.object({ link: text, holder: nullableText, reason: nullableText }).nullable(),
  kernel: z.union([way.extend({ eni: nullableText }), z.object({ refused: text })]),
  wanted: way.nullable(),
  notHandled: nullableText,
  sourceCheck: z.object({ verdict: text, reason: text }),
  right: z.boolean(),
} satisfies EveryKey<Explanation>);
