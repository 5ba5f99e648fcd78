/** A schema of a record has each of its keys, the optional ones too. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import * as z from 'zod';
import type { EveryKey } from '../../../lib/schema/every-key.ts';

interface Route {
  readonly destination: string;
  readonly mtu?: number;
}

it('a key that a schema leaves out is dropped from the value, and the compiler refuses it', () => {
  // The type alone takes it. `npm run typecheck` fails should the next comment not be needed.
  const careless: z.ZodType<Route> = z.object({ destination: z.string() });
  expect(careless.parse({ destination: '::/0', mtu: 1500 })).toEqual({ destination: '::/0' });
  // @ts-expect-error `mtu` is missing.
  z.object({ destination: z.string() } satisfies EveryKey<Route>);
  // @ts-expect-error `metric` is no key of it.
  z.object({ destination: z.string(), mtu: z.number(), metric: z.number() } satisfies EveryKey<Route>);
  const careful: z.ZodType<Route> = z.object({
    destination: z.string(),
    mtu: z.number().exactOptional(),
  } satisfies EveryKey<Route>);
  expect(careful.parse({ destination: '::/0', mtu: 1500 })).toEqual({ destination: '::/0', mtu: 1500 });
});

it('every schema of the program that has the type of a record is checked so', () => {
  const agent = join(import.meta.dirname, '../../../agent');
  const files = readdirSync(agent, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const schemas = files.flatMap((name) => {
    const text = readFileSync(join(agent, name), 'utf8');
    const starts = [...text.matchAll(/: z\.ZodType<.+> = [\w.\s]*?\.(?:object|strictObject|looseObject|extend)\(/g)];
    return starts.map(({ index }) => ({ name, text: text.slice(index, text.indexOf('\n\n', index)) }));
  });
  expect(schemas.length).toBeGreaterThanOrEqual(13);
  expect(
    schemas
      .filter(({ text }) => !/^ {0,4}\} satisfies EveryKey</m.test(text))
      .map(({ name, text }) => `${name}: ${text.split('\n')[0]}`),
  ).toEqual([]);
});
