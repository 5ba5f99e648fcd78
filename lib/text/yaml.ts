/**
 * YAML from a file that may be hostile. yaml 2.9.1 compares each key with all keys of its mapping,
 * searches the document for each alias and recurses at each level, so that 1 MB can take minutes.
 * Its tokens take linear time: they are counted before they are parsed.
 */

import { Composer, CST, type Document, type LineCounter, Parser } from 'yaml';

/** A hundred interfaces with all their keys are 40 KiB. */
export const mostYamlBytes = 256 * 1024;
const mostNodes = 50_000;
/** Of one list or mapping. */
const mostItems = 1_000;
const mostDepth = 32;
const mostAliases = 100;
/** Before or after a value: its anchor, its tag, the marks of a list, a key, a document. */
const mostMarks = 8;

/** The text is not YAML, or exceeds the limits. `offset`: where, in characters. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  readonly offset: number;

  constructor(message: string, offset: number, options?: { cause?: unknown }) {
    super(message, options);
    this.offset = offset;
  }
}

/** The documents of a text; none if it is empty. Throws a YamlError. */
export function parseYaml(text: string, lines?: LineCounter): Document.Parsed[] {
  const { documents, errors } = composeYaml(text, lines);
  if (errors[0] !== undefined) throw errors[0];
  return documents;
}

/**
 * As `parseYaml`, with all errors of the text. Throws a YamlError where it is not of bounded size.
 */
export function composeYaml(
  text: string,
  lines?: LineCounter,
): { readonly documents: Document.Parsed[]; readonly errors: readonly YamlError[] } {
  if (Buffer.byteLength(text) > mostYamlBytes) throw new YamlError(`expected at most ${mostYamlBytes} bytes`, 0);
  const tokens = [...new Parser(lines?.addNewLine).parse(text)];
  checkSize(tokens);
  const documents = [...new Composer({ prettyErrors: false, stringKeys: true }).compose(tokens)];
  const errors = documents
    .flatMap((document) => document.errors)
    .map((error) => new YamlError(error.message, error.pos[0], { cause: error }));
  return { documents, errors };
}

/** A document as plain data. Throws a YamlError if its aliases expand too much. */
export function toPlainData(document: Document): unknown {
  try {
    const value: unknown = document.toJS({ maxAliasCount: mostAliases });
    return value;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new YamlError(`expected YAML of a bounded size: ${message}`, 0, { cause });
  }
}

/** The only document of a text as plain data. Throws a YamlError. */
export function parseYamlValue(text: string): unknown {
  const [document, second] = parseYaml(text);
  if (second !== undefined) throw new YamlError('expected one document, got a second one', second.range[0]);
  return document === undefined ? null : toPlainData(document);
}

type Item = CST.CollectionItem;

/** Not recursive: the depth is not known to be limited yet. */
function checkSize(tokens: readonly CST.Token[]): void {
  const open: { readonly token: CST.Token; readonly depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  let [nodes, aliases] = [0, 0];
  const refuse = (message: string, token: CST.Token): never => {
    throw new YamlError(message, Math.max(0, token.offset));
  };
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (token.type === 'error') refuse(token.message, token);
    if (++nodes > mostNodes) refuse(`expected at most ${mostNodes} values`, token);
    if (token.type === 'alias' && ++aliases > mostAliases) refuse(`expected at most ${mostAliases} aliases`, token);
    if (depth > mostDepth) refuse(`expected at most ${mostDepth} levels`, token);
    if ('items' in token && token.items.length > mostItems) {
      refuse(`expected at most ${mostItems} entries in a list or mapping`, token);
    }
    if ('end' in token) checkMarks(token.end ?? []);
    for (const { start, key, sep, value } of itemsOf(token)) {
      checkMarks(start);
      checkMarks(sep ?? []);
      if (key) open.push({ token: key, depth: depth + 1 });
      if (value) open.push({ token: value, depth: depth + 1 });
    }
  }
}

/** Comments and white space do no harm. */
function checkMarks(around: readonly CST.SourceToken[]): void {
  let marks = 0;
  for (const { type, offset } of around) {
    if (type === 'space' || type === 'newline' || type === 'comment') continue;
    if (++marks > mostMarks) throw new YamlError(`expected at most ${mostMarks} marks of one value`, offset);
  }
}

function itemsOf(token: CST.Token): readonly Item[] {
  if (CST.isCollection(token)) return token.items;
  if (token.type === 'document') return [{ start: token.start, ...(token.value ? { value: token.value } : {}) }];
  return [];
}
