/** Remembers the last result of a pure function while every argument is the same object. */

/** Callers keep what has not changed: then the function's work is done once. */
export function rememberLast<Arguments extends readonly unknown[], Result>(
  compute: (...values: Arguments) => Result,
): (...values: Arguments) => Result {
  let last: { readonly values: Arguments; readonly result: Result } | null = null;
  return (...values) => {
    const before = last?.values;
    if (last !== null && before?.every((value, index) => Object.is(value, values[index])) === true) return last.result;
    const result = compute(...values);
    last = { values, result };
    return result;
  };
}
