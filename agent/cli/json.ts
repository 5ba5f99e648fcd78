/** What `--json` prints. Its forms are in docs/json, one schema for each command. */

/**
 * Of the form of the output: raised when a key goes or means something else. Keys that are added do
 * not raise it.
 */
const formatVersion = 1;

/** One object, indented, or on one line. */
export function renderJson(value: object, { isOneLine = false }: { readonly isOneLine?: boolean } = {}): string {
  return `${JSON.stringify({ version: formatVersion, ...value }, null, isOneLine ? 0 : 2)}\n`;
}
