/**
 * Several ways to the same result, most of which may not answer. A way that does not answer costs
 * one step, not its whole timeout, as RFC 8305 ("Happy Eyeballs") does with the addresses of a
 * name.
 */

export type FirstSuccess<Value> =
  | { readonly kind: 'found'; readonly value: Value }
  /** In the order of the items. */
  | { readonly kind: 'none'; readonly errors: readonly unknown[] };

/**
 * Tries each item in turn: the next attempt begins when one has failed, or `stepMs` after the
 * previous one began. The first success wins, and the signal aborts all attempts in progress. Never
 * rejects.
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
