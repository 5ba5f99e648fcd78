/** Remembers results of pure functions: callers keep what has not changed, and then the work is done once. */

/** The last result, while every argument is the same object. */
export function rememberLast<Arguments extends readonly unknown[], Result>(
  compute: (...values: Arguments) => Result,
): (...values: Arguments) => Result {
  let last: Remembered<Arguments, Result> | null = null;
  return (...values) => {
    if (last !== null && isSameList(last.values, values)) return last.result;
    const result = compute(...values);
    last = { values, result };
    return result;
  };
}

/** As `rememberLast`, of a record whose fields are compared: the names stay at the call. */
export function rememberFields<Input extends object, Result>(
  compute: (input: Input) => Result,
): (input: Input) => Result {
  let last: { readonly input: Input; readonly result: Result } | null = null;
  return (input) => {
    if (last !== null && isSameRecord(last.input, input)) return last.result;
    const result = compute(input);
    last = { input, result };
    return result;
  };
}

/** The result for each object, for as long as that is used. The object must not change. */
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

/** The last result for each first argument, for as long as that is used. */
export function rememberEach<Key extends object, Arguments extends readonly unknown[], Result>(
  compute: (key: Key, ...values: Arguments) => Result,
): (key: Key, ...values: Arguments) => Result {
  const lasts = new WeakMap<Key, Remembered<Arguments, Result>>();
  return (key, ...values) => {
    const last = lasts.get(key);
    if (last !== undefined && isSameList(last.values, values)) return last.result;
    const result = compute(key, ...values);
    lasts.set(key, { values, result });
    return result;
  };
}

interface Remembered<Arguments, Result> {
  readonly values: Arguments;
  readonly result: Result;
}

/** The result of the call before, where the new one says the same. */
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

/** The same objects in fields of the same names, in the same order. */
function isSameRecord(left: object, right: object): boolean {
  return isSameList(Object.keys(left), Object.keys(right)) && isSameList(Object.values(left), Object.values(right));
}

/** The same objects in the same order. */
export function isSameList(left: readonly unknown[], right: readonly unknown[]): boolean {
  if (left.length !== right.length) return false;
  // No closure: this is asked more often than anything else here.
  for (let index = 0; index < left.length; index++) if (!Object.is(left[index], right[index])) return false;
  return true;
}
