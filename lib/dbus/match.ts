/**
 * Which signals a subscription wants: as rule text for the bus, and as a check on this side. Pure.
 */

export interface SignalMatch {
  /** Well-known name of the sender; only its owner's signals count. */
  readonly sender: string;
  readonly interface: string;
  readonly member: string;
  /** Exactly this object … */
  readonly path?: string;
  /** … or this one and all below it. */
  readonly pathNamespace?: string;
  /** The first argument, a string. */
  readonly arg0?: string;
}

/** A signal as it arrived. `sender` is the unique name, which the bus itself fills in. */
export interface Signal {
  readonly sender: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

/**
 * Rule text of the D-Bus specification, "Match Rules". None of the values may hold an apostrophe.
 */
export function formatMatchRule(match: SignalMatch): string {
  const parts: readonly (readonly [string, string | undefined])[] = [
    ['type', 'signal'],
    ['sender', match.sender],
    ['interface', match.interface],
    ['member', match.member],
    ['path', match.path],
    ['path_namespace', match.pathNamespace],
    ['arg0', match.arg0],
  ];
  return parts.flatMap(([key, value]) => (value === undefined ? [] : [`${key}='${value}'`])).join(',');
}

/**
 * Whether a signal matches. The bus filters broadcasts, but any local user may send a signal
 * directly to this connection: so the sender must be the present owner of the name.
 */
export function isMatch(match: SignalMatch, signal: Signal, owner: string | null): boolean {
  return (
    signal.sender === owner &&
    signal.interface === match.interface &&
    signal.member === match.member &&
    (match.path === undefined || signal.path === match.path) &&
    (match.pathNamespace === undefined || isBelow(signal.path, match.pathNamespace)) &&
    (match.arg0 === undefined || signal.body[0] === match.arg0)
  );
}

function isBelow(path: string, namespace: string): boolean {
  return path === namespace || path.startsWith(namespace === '/' ? '/' : `${namespace}/`);
}
