/**
 * Several ways to the same thing, of which most may be silent. A silent one costs a step, not its
 * whole timeout, as RFC 8305 ("Happy Eyeballs") does it with the addresses of a name.
 */

export type FirstSuccess<Value> =
  | { readonly kind: 'found'; readonly value: Value }
  /** In the order of the items. */
  | { readonly kind: 'none'; readonly errors: readonly unknown[] };

/**
 * Makes an attempt with each item in turn: the next one begins when one has failed, or `stepMs`
 * after the one before. The first success counts, and the signal ends all attempts that are under
 * way. Never rejects.
 */
export function findFirstSuccess<Item, Value>(
  items: readonly Item[],
  stepMs: number,
  attempt: (item: Item, signal: AbortSignal) => Promise<Value>,
): Promise<FirstSuccess<Value>> {
  const abort = new AbortController();
  const errors = new Map<number, unknown>();
  let begun = 0;
  let timer: NodeJS.Timeout | undefined;
  return new Promise((resolve) => {
    const finish = (result: FirstSuccess<Value>): void => {
      clearTimeout(timer);
      abort.abort();
      resolve(result);
    };
    const begin = (): void => {
      clearTimeout(timer);
      const index = begun;
      const item = items[index];
      if (abort.signal.aborted || item === undefined) return;
      begun++;
      timer = setTimeout(begin, stepMs);
      attempt(item, abort.signal).then(
        (value) => finish({ kind: 'found', value }),
        (error: unknown) => {
          errors.set(index, error);
          begin();
          if (errors.size === items.length) finish({ kind: 'none', errors: items.map((_, at) => errors.get(at)) });
        },
      );
    };
    begin();
    if (items.length === 0) finish({ kind: 'none', errors: [] });
  });
}
