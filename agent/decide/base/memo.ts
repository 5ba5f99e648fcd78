/**
 * Remembers results of pure functions: callers pass the same objects for unchanged input, and it is
 * computed once.
 */

/** The last result, while every field of the record is the same object. */
export function rememberLast<Input extends object, Result>(
  compute: (input: Input) => Result,
): (input: Input) => Result {
  let last: Remembered<Input, Result> | null = null;
  return (input) => {
    if (last !== null && isSameRecord(last.input, input)) return last.result;
    const result = compute(input);
    last = { input, result };
    return result;
  };
}

/** The result for each object, for as long as the object lives. The object must not change. */
export function rememberOf<Key extends object, Result>(compute: (key: Key) => Result): (key: Key) => Result {
  const results = new WeakMap<Key, { readonly result: Result }>();
  return (key) => {
    const known = results.get(key);
    if (known !== undefined) return known.result;
    const result = compute(key);
    results.set(key, { result });
    return result;
  };
}

/**
 * The last result for each object, for as long as the object lives, while every field of the record
 * is the same object.
 */
export function rememberEach<Key extends object, Input extends object, Result>(
  compute: (key: Key, input: Input) => Result,
): (key: Key, input: Input) => Result {
  const lasts = new WeakMap<Key, Remembered<Input, Result>>();
  return (key, input) => {
    const last = lasts.get(key);
    if (last !== undefined && isSameRecord(last.input, input)) return last.result;
    const result = compute(key, input);
    lasts.set(key, { input, result });
    return result;
  };
}

interface Remembered<Input, Result> {
  readonly input: Input;
  readonly result: Result;
}

/** The previous result if the new one is equal. */
export function keepEqual<Value, Result>(
  compute: (value: Value) => Result,
  isSame: (left: Result, right: Result) => boolean,
): (value: Value) => Result {
  let last: { readonly value: Value; readonly result: Result } | null = null;
  return (value) => {
    if (last !== null && Object.is(last.value, value)) return last.result;
    const result = compute(value);
    last = { value, result: last !== null && isSame(last.result, result) ? last.result : result };
    return last.result;
  };
}

/** The same objects in the same order. */
export function isSameList(left: readonly unknown[], right: readonly unknown[]): boolean {
  if (left.length !== right.length) return false;
  // No closure: this is called more often than anything else here.
  for (let index = 0; index < left.length; index++) if (!Object.is(left[index], right[index])) return false;
  return true;
}

/** The same objects in all fields. */
export function isSameRecord<Input extends object>(left: Input, right: Input): boolean {
  for (const key in left) if (!Object.is(left[key], right[key])) return false;
  for (const key in right) if (!(key in left)) return false;
  return true;
}
