/**
 * For the shape of an object's schema: `z.object({ … } satisfies EveryKey<Link>)`. The type
 * `z.ZodType<Link>` alone takes a schema without an optional key of the type, which then drops it
 * from every value.
 */

import type * as z from 'zod';

export type EveryKey<T> = Record<keyof T, z.ZodType>;
