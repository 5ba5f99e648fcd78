/**
 * `org.enid1` on the system bus: the state of each ENI, for programs. Modelled on
 * org.freedesktop.network1.
 */

import type { Bus } from '../../lib/dbus/bus.ts';
import {
  type Argument,
  CallError,
  type IncomingCall,
  ObjectTree,
  type ServedInterface,
} from '../../lib/dbus/object-tree.ts';
import { propertiesInterface } from '../../lib/dbus/properties.ts';
import { version } from '../version.ts';
import { Callers } from './callers.ts';
import type { StatusRow } from './status-row.ts';
import { Turns } from './turns.ts';

/** What the methods do; each answer is JSON as the command of the same name prints it. */
export interface BusActions {
  readonly plan: () => unknown;
  /** What `enid status --json` says beside the ENIs: warnings, the last changes, the metadata. */
  readonly describeHost: () => object;
  /** The configuration in force, as `enid config show` prints it. */
  readonly describeConfiguration: () => string;
  /** `userId`: who would send the packet. Rejects with an Error whose message is for the caller. */
  readonly explain: (source: string, destination: string, userId: number) => Promise<unknown>;
  /** Rejects if the configuration is refused. */
  readonly reconcile: () => Promise<void>;
  /** Any method was called. */
  readonly called: () => void;
}

export const busName = 'org.enid1';
export const managerPath = '/org/enid1';
export const managerInterface = 'org.enid1.Manager';
const eniInterface = 'org.enid1.Interface';
const polkitAction = 'org.enid1.reconcile';
/** For one user, over all its connections: waiting calls count towards the limit for all users. */
const mostExplaining = 64;

export class BusService {
  readonly #bus: Bus;
  readonly #actions: BusActions;
  readonly #tree = new ObjectTree();
  #rows: readonly StatusRow[] = [];
  readonly #onProblem: (message: string) => void;
  #isServed = false;
  readonly #callers: Callers;
  /** By user: it costs more than any other call. */
  readonly #explaining = new Turns<number>();

  /**
   * `bus`: a connection of its own, not started: callers must not affect the daemon's own calls.
   * `onProblem`: the bus refuses the name.
   */
  constructor(bus: Bus, actions: BusActions, onProblem: (message: string) => void) {
    this.#bus = bus;
    this.#actions = actions;
    this.#callers = new Callers(bus);
    this.#onProblem = onProblem;
  }

  /**
   * Emits what changed since the last call: PropertiesChanged, InterfaceAdded and InterfaceRemoved.
   * The first call takes the name: before the first pass nothing is known, which is not the same as
   * no ENI, and a caller that started the program by D-Bus activation waits until then.
   */
  update(rows: readonly StatusRow[]): void {
    const before = new Set(this.#tree.paths);
    this.#rows = rows;
    const paths = new Set(rows.map(pathOf));
    for (const row of rows) {
      const path = pathOf(row);
      const changed = this.#tree.put(path, describeEni(row));
      // All properties of a new object are new: programs that want them read them.
      if (before.has(path)) this.#emitChanged(path, eniInterface, changed);
      else this.#emitFromManager('InterfaceAdded', row.eni ?? row.mac, path);
    }
    for (const path of before) {
      if (path === managerPath || paths.has(path)) continue;
      this.#tree.remove(path);
      this.#emitFromManager('InterfaceRemoved', path.slice(path.lastIndexOf('/') + 1).replaceAll('_', '-'), path);
    }
    this.#emitChanged(managerPath, managerInterface, this.#tree.put(managerPath, this.#describeManager()));
    if (this.#isServed) return;
    this.#isServed = true;
    const answer = (call: IncomingCall) => {
      this.#actions.called();
      return this.#tree.handle(call);
    };
    this.#bus.serve(busName, answer, this.#onProblem);
    void this.#bus.start();
  }

  /** Releases the name. */
  close(): void {
    this.#bus.close();
  }

  #emitChanged(path: string, name: string, changed: Readonly<Record<string, unknown>>): void {
    if (Object.keys(changed).length === 0) return;
    const body = [name, changed, []];
    this.#bus.emit({
      path,
      interface: propertiesInterface,
      member: 'PropertiesChanged',
      signature: 'sa{sv}as',
      body,
    });
  }

  #emitFromManager(member: string, name: string, path: string): void {
    this.#bus.emit({ path: managerPath, interface: managerInterface, member, signature: 'so', body: [name, path] });
  }

  #describeManager(): ServedInterface {
    const json: Argument = ['json', 's'];
    const name: Argument = ['name', 's'];
    const path: Argument = ['path', 'o'];
    const find = (wanted: unknown) => findRow(this.#rows, String(wanted));
    return {
      name: managerInterface,
      properties: {
        Version: { signature: 's', value: version },
        InterfaceCount: { signature: 'u', value: this.#rows.length },
        ConfiguredCount: { signature: 'u', value: this.#rows.filter(({ state }) => state === 'configured').length },
        ChangesPending: {
          signature: 'u',
          value: this.#rows.reduce((sum, { changesPending }) => sum + changesPending, 0),
        },
      },
      methods: {
        ListInterfaces: {
          takes: [],
          gives: [['interfaces', 'a(sso)']],
          run: async () => [this.#rows.map((row) => [row.eni ?? row.mac, row.link ?? '', pathOf(row)])],
        },
        GetInterface: { takes: [name], gives: [path], run: async ([wanted]) => [pathOf(find(wanted))] },
        DescribeInterface: { takes: [name], gives: [json], run: async ([wanted]) => [JSON.stringify(find(wanted))] },
        Describe: {
          takes: [],
          gives: [json],
          run: async () => [JSON.stringify({ enis: this.#rows, ...this.#actions.describeHost() })],
        },
        Plan: { takes: [], gives: [json], run: async () => [JSON.stringify(this.#actions.plan())] },
        DescribeConfiguration: {
          takes: [],
          gives: [['yaml', 's']],
          run: async () => [this.#actions.describeConfiguration()],
        },
        Explain: {
          takes: [
            ['source', 's'],
            ['destination', 's'],
          ],
          gives: [json],
          run: async ([source, destination], { sender }) => [
            await this.#explain(String(source), String(destination), sender),
          ],
        },
        Reconcile: { takes: [], gives: [], run: (_body, call) => this.#reconcile(call) },
      },
      signals: { InterfaceAdded: [name, path], InterfaceRemoved: [name, path] },
    };
  }

  async #explain(source: string, destination: string, sender: string): Promise<string> {
    const userId = await this.#callers.readUserId(sender);
    if (this.#explaining.count(userId) >= mostExplaining)
      throw new CallError('org.freedesktop.DBus.Error.LimitsExceeded', 'too many calls of this user at a time');
    return await this.#explaining.run(userId, async () =>
      JSON.stringify(await this.#actions.explain(source, destination, userId)),
    );
  }

  async #reconcile(call: IncomingCall): Promise<readonly unknown[]> {
    if (!(await this.#callers.isAuthorised(call, polkitAction))) {
      const text = `${polkitAction}: not authorised. Try again as root`;
      throw new CallError('org.freedesktop.DBus.Error.AccessDenied', text);
    }
    try {
      await this.#actions.reconcile();
    } catch (error) {
      throw new CallError('org.enid1.Error.BadConfiguration', error instanceof Error ? error.message : String(error));
    }
    return [];
  }
}

function findRow(rows: readonly StatusRow[], name: string): StatusRow {
  const row = rows.find(({ eni, mac, link }) => eni === name || mac === name || link === name);
  if (row !== undefined) return row;
  throw new CallError('org.enid1.Error.NoSuchInterface', `no ENI has the id, MAC or link name ${name}`);
}

/** D-Bus specification: path elements hold letters, digits and `_`. */
function pathOf({ eni, mac }: StatusRow): string {
  return `${managerPath}/interface/${(eni ?? mac).replaceAll(/[^A-Za-z0-9]/g, '_')}`;
}

/** Text is empty and numbers are 0 if there is no value: D-Bus has no null. */
function describeEni(row: StatusRow): ServedInterface {
  const text = (value: string | null) => ({ signature: 's', value: value ?? '' });
  const number = (value: number | null) => ({ signature: 'u', value: value ?? 0 });
  return {
    name: eniInterface,
    properties: {
      EniId: text(row.eni),
      MACAddress: text(row.mac),
      LinkName: text(row.link),
      Primary: { signature: 'b', value: row.primary },
      DeviceNumber: number(row.device),
      NetworkCard: number(row.card),
      State: text(row.state),
      Reason: text(row.reason),
      Table: number(row.table),
      Addresses: { signature: 'as', value: row.addresses },
      Prefixes: { signature: 'as', value: row.prefixes },
      PublicAddresses: { signature: 'a{sas}', value: row.publicAddresses },
      NetworkFile: text(row.networkFile),
      ChangesPending: number(row.changesPending),
      LastChange: text(row.lastChange?.command ?? null),
      LastChangeTime: text(row.lastChange?.time ?? null),
      Repairs: { signature: 'a{su}', value: row.repairs ?? {} },
    },
    methods: {},
    signals: {},
  };
}
