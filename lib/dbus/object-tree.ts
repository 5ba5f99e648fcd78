/**
 * Objects that this program offers on a bus, as plain data: answers calls to them, to their
 * properties and to introspection. Does not know connections. Any input of a caller leads at worst
 * to an error reply.
 */

import { Variant } from 'dbus-next';

export interface IncomingCall {
  /** Unique name of the caller. */
  readonly sender: string;
  readonly path: string;
  /** Null: any interface that has the member. */
  readonly interface: string | null;
  readonly member: string;
  /** Of the body. */
  readonly signature: string;
  readonly body: readonly unknown[];
  /** The caller can wait while a person enters a password. */
  readonly isInteractive: boolean;
}

export type CallReply =
  | { readonly kind: 'return'; readonly signature: string; readonly body: readonly unknown[] }
  | { readonly kind: 'error'; readonly name: string; readonly text: string };

/** A name and a signature of one complete type. */
export type Argument = readonly [name: string, signature: string];

export interface ServedMethod {
  readonly takes: readonly Argument[];
  readonly gives: readonly Argument[];
  /**
   * Gets a body of the right signature. Throws a CallError to refuse; anything else is
   * `…Error.Failed`.
   */
  run(body: readonly unknown[], call: IncomingCall): Promise<readonly unknown[]>;
}

export interface ServedInterface {
  readonly name: string;
  readonly properties: Readonly<Record<string, { readonly signature: string; readonly value: unknown }>>;
  readonly methods: Readonly<Record<string, ServedMethod>>;
  readonly signals: Readonly<Record<string, readonly Argument[]>>;
}

/** An error reply with a name of its own. */
export class CallError extends Error {
  readonly errorName: string;

  constructor(errorName: string, message: string) {
    super(message);
    this.errorName = errorName;
  }
}

const standard = 'org.freedesktop.DBus';
const propertiesInterface = `${standard}.Properties`;

export class ObjectTree {
  readonly #objects = new Map<string, ServedInterface>();

  get paths(): readonly string[] {
    return [...this.#objects.keys()];
  }

  /**
   * Adds or replaces an object; returns the properties that are new or have another value, as
   * variants.
   */
  put(path: string, object: ServedInterface): Record<string, Variant> {
    const before = this.#objects.get(path);
    this.#objects.set(path, object);
    const changed = Object.entries(object.properties).filter(
      ([name, { value }]) => JSON.stringify(before?.properties[name]?.value) !== JSON.stringify(value),
    );
    return toVariants(Object.fromEntries(changed));
  }

  remove(path: string): void {
    this.#objects.delete(path);
  }

  /** Null where no object is at the path or below it. */
  async handle(call: IncomingCall): Promise<CallReply | null> {
    const object = this.#objects.get(call.path);
    if (object === undefined && !this.#hasBelow(call.path)) return null;
    try {
      return await this.#answer(call, object);
    } catch (error) {
      const name = error instanceof CallError ? error.errorName : `${standard}.Error.Failed`;
      return { kind: 'error', name, text: error instanceof Error ? error.message : String(error) };
    }
  }

  async #answer(call: IncomingCall, object: ServedInterface | undefined): Promise<CallReply> {
    const { interface: wanted, member } = call;
    const isOf = (name: string) => wanted === null || wanted === name;
    if (isOf(`${standard}.Introspectable`) && member === 'Introspect') {
      return { kind: 'return', signature: 's', body: [this.#introspect(call.path, object)] };
    }
    if (isOf(`${standard}.Peer`) && member === 'Ping') return { kind: 'return', signature: '', body: [] };
    if (object !== undefined && isOf(propertiesInterface) && /^(Get|GetAll|Set)$/.test(member)) {
      return answerProperties(object, call);
    }
    const method = object !== undefined && isOf(object.name) ? own(object.methods, member) : undefined;
    if (method === undefined) throw new CallError(`${standard}.Error.UnknownMethod`, `no method ${member} here`);
    requireSignature(call, joinSignatures(method.takes));
    const body = await method.run(call.body, call);
    return { kind: 'return', signature: joinSignatures(method.gives), body };
  }

  #hasBelow(path: string): boolean {
    const start = path === '/' ? '/' : `${path}/`;
    return this.paths.some((one) => one.startsWith(start));
  }

  #introspect(path: string, object: ServedInterface | undefined): string {
    const start = path === '/' ? '/' : `${path}/`;
    const below = this.paths.filter((one) => one.startsWith(start)).map((one) => one.slice(start.length).split('/')[0]);
    const nodes = [...new Set(below)].map((name) => ` <node name="${name}"/>\n`).join('');
    const standards = ['Introspectable', 'Peer', 'Properties'].map(
      (name) => ` <interface name="${standard}.${name}"/>\n`,
    );
    return `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
<node>
${object === undefined ? '' : standards.join('') + describeInterface(object)}${nodes}</node>
`;
  }
}

/** Variants for `a{sv}`. */
export function toVariants(properties: ServedInterface['properties']): Record<string, Variant> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, { signature, value }]) => [name, new Variant(signature, value)]),
  );
}

function answerProperties(object: ServedInterface, call: IncomingCall): CallReply {
  if (call.member === 'Set') {
    throw new CallError(`${standard}.Error.PropertyReadOnly`, 'expected to be read: no property can be written');
  }
  requireSignature(call, call.member === 'Get' ? 'ss' : 's');
  const [interfaceName, name] = call.body.map(String);
  if (interfaceName !== object.name && interfaceName !== '') {
    throw new CallError(`${standard}.Error.UnknownInterface`, `no interface ${interfaceName} here`);
  }
  if (call.member === 'GetAll') return { kind: 'return', signature: 'a{sv}', body: [toVariants(object.properties)] };
  const property = own(object.properties, name ?? '');
  if (property === undefined) throw new CallError(`${standard}.Error.UnknownProperty`, `no property ${name} here`);
  return { kind: 'return', signature: 'v', body: [new Variant(property.signature, property.value)] };
}

function requireSignature({ signature, member }: IncomingCall, expected: string): void {
  if (signature === expected) return;
  const message = `${member}: expected the signature "${expected}", got "${signature}"`;
  throw new CallError(`${standard}.Error.InvalidArgs`, message);
}

/** Names come from callers: `constructor` must not match an inherited property. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function joinSignatures(args: readonly Argument[]): string {
  return args.map(([, signature]) => signature).join('');
}

function describeInterface({ name, methods, properties, signals }: ServedInterface): string {
  const describeArguments = (args: readonly Argument[], direction: string) =>
    args.map(([argument, type]) => `   <arg name="${argument}" type="${type}"${direction}/>\n`).join('');
  const lines = [
    ...Object.entries(methods).map(
      ([method, { takes, gives }]) =>
        `  <method name="${method}">\n${describeArguments(takes, ' direction="in"')}${describeArguments(gives, ' direction="out"')}  </method>\n`,
    ),
    ...Object.entries(signals).map(
      ([signal, args]) => `  <signal name="${signal}">\n${describeArguments(args, '')}  </signal>\n`,
    ),
    ...Object.entries(properties).map(
      ([property, { signature }]) => `  <property name="${property}" type="${signature}" access="read"/>\n`,
    ),
  ];
  return ` <interface name="${name}">\n${lines.join('')} </interface>\n`;
}
