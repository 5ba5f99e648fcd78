/**
 * What a chaos story is made of, as plain data: it can be drawn from a seed, shrunk, printed and
 * replayed.
 */

import fc from 'fast-check';
import * as z from 'zod';

const position = z.number().int().min(0);

/**
 * One event. `eni`, `which` and `object` are taken modulo what there is; what does not apply is
 * left out.
 */
export const stepSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('attach'), eni: position, lateMs: position }),
  z.strictObject({ do: z.literal('detach'), eni: position, isLingering: z.boolean() }),
  z.strictObject({ do: z.literal('assign'), eni: position, which: position }),
  z.strictObject({ do: z.literal('unassign'), eni: position, which: position }),
  z.strictObject({ do: z.literal('metadata-fault'), which: position, leaf: position }),
  z.strictObject({ do: z.literal('metadata-well') }),
  z.strictObject({
    do: z.literal('delete'),
    what: z.enum(['rule', 'route', 'address', 'name', 'file']),
    object: position,
  }),
  z.strictObject({ do: z.literal('flush'), what: z.enum(['rules', 'table', 'addresses', 'main']), object: position }),
  z.strictObject({ do: z.literal('bounce-link'), eni: position }),
  z.strictObject({
    do: z.literal('networkd'),
    how: z.enum(['reload', 'restart', 'crash', 'reconfigure']),
    eni: position,
  }),
  z.strictObject({ do: z.literal('bus-crash') }),
  z.strictObject({ do: z.literal('dhcp-silent'), eni: position }),
  z.strictObject({ do: z.literal('enid'), how: z.enum(['reload', 'restart', 'kill', 'sleep']), forMs: position }),
  z.strictObject({ do: z.literal('flood'), what: z.enum(['routes', 'links']) }),
  z.strictObject({ do: z.literal('wait'), forMs: position }),
]);
export type Step = z.infer<typeof stepSchema>;

/** Steps, then quiet. Gentle: nothing but what may cost no packet, and the streams prove it. */
export const roundSchema = z.strictObject({ isGentle: z.boolean(), steps: z.array(stepSchema) });
export type Round = z.infer<typeof roundSchema>;
export const storySchema = z.array(roundSchema).min(1);
export type Story = z.infer<typeof storySchema>;

const small = fc.nat(30);

function make<Kind extends Step['do']>(
  kind: Kind,
  rest: { [Key in Exclude<keyof Extract<Step, { do: Kind }>, 'do'>]: fc.Arbitrary<Extract<Step, { do: Kind }>[Key]> },
): fc.Arbitrary<Step> {
  return fc.record({ do: fc.constant(kind), ...rest }).map((step) => stepSchema.parse(step));
}

const gentle: fc.WeightedArbitrary<Step>[] = [
  { weight: 4, arbitrary: make('attach', { eni: small, lateMs: fc.constantFrom(0, 0, 200, 900) }) },
  { weight: 3, arbitrary: make('detach', { eni: small, isLingering: fc.boolean() }) },
  { weight: 4, arbitrary: make('assign', { eni: small, which: small }) },
  { weight: 3, arbitrary: make('unassign', { eni: small, which: small }) },
  { weight: 3, arbitrary: make('metadata-fault', { which: small, leaf: small }) },
  { weight: 2, arbitrary: make('metadata-well', {}) },
  {
    weight: 4,
    arbitrary: make('enid', { how: fc.constantFrom('reload', 'restart', 'kill', 'sleep'), forMs: fc.nat(800) }),
  },
  { weight: 2, arbitrary: make('networkd', { how: fc.constantFrom('reload', 'restart', 'crash'), eni: small }) },
  { weight: 1, arbitrary: make('flood', { what: fc.constantFrom('routes', 'links') }) },
  { weight: 3, arbitrary: make('wait', { forMs: fc.nat(500) }) },
];

const rough: fc.WeightedArbitrary<Step>[] = [
  ...gentle,
  {
    weight: 8,
    arbitrary: make('delete', {
      what: fc.constantFrom('rule', 'route', 'address', 'name', 'file'),
      object: small,
    }),
  },
  {
    weight: 4,
    arbitrary: make('flush', { what: fc.constantFrom('rules', 'table', 'addresses', 'main'), object: small }),
  },
  { weight: 1, arbitrary: make('bounce-link', { eni: small }) },
  { weight: 1, arbitrary: make('networkd', { how: fc.constant('reconfigure'), eni: small }) },
  { weight: 1, arbitrary: make('bus-crash', {}) },
  { weight: 1, arbitrary: make('dhcp-silent', { eni: small }) },
];

function roundOf(isGentle: boolean): fc.Arbitrary<Round> {
  const step = fc.oneof(...(isGentle ? gentle : rough));
  const steps = fc.array(step, { minLength: 3, maxLength: 12, size: 'max' });
  return steps.map((all) => ({ isGentle, steps: all }));
}

/** Some rounds on one host, each followed by quiet. */
export const stories: fc.Arbitrary<Story> = fc.array(fc.oneof(roundOf(true), roundOf(false)), {
  minLength: 2,
  maxLength: 5,
  size: 'max',
});
