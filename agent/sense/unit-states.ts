/** Whether systemd units exist, run and are enabled. */

import type { Bus } from '../../lib/dbus/bus.ts';
import { readTextProperty } from '../../lib/dbus/properties.ts';
import { runCommand } from '../../lib/process/run-command.ts';
import { RuntimeError } from '../errors.ts';
import type { UnitState } from '../takeover-model.ts';

/**
 * systemctl itself gives up after 90 s; while apt makes systemd reload its units, a slow host may
 * take long.
 */
const commandMs = 100_000;
const systemd = 'org.freedesktop.systemd1';
const properties = ['LoadState', 'ActiveState', 'UnitFileState'];

/**
 * By name; no key: there is no such unit. Throws a RuntimeError if systemd does not answer: unknown
 * is not absent.
 */
export async function readUnitStates(names: readonly string[]): Promise<Readonly<Record<string, UnitState>>> {
  const argv = ['systemctl', 'show', `--property=${properties.join(',')}`, ...names];
  const { stdout, stderr } = await runCommand(argv, { timeoutMs: commandMs });
  return parseUnitStates(names, stdout, stderr);
}

/**
 * Parses the output of `systemctl show`: a block of lines for each name, in order, with an empty
 * line between them.
 */
export function parseUnitStates(
  names: readonly string[],
  stdout: string,
  stderr: string,
): Readonly<Record<string, UnitState>> {
  const blocks = stdout.trim().split('\n\n');
  const states: Record<string, UnitState> = {};
  for (const [index, name] of names.entries()) {
    const lines = (blocks[index] ?? '').split('\n');
    const values = new Map(lines.map((line) => line.split('=', 2) as [string, string | undefined]));
    const loadState = values.get('LoadState');
    if (blocks.length !== names.length || loadState === undefined) {
      const what = stderr.trim() === '' ? `expected the state of ${names.length} units` : stderr.trim();
      throw new RuntimeError('units', name, `failed to ask systemd for ${name}: ${what}`);
    }
    if (loadState !== 'loaded') continue;
    const isActive = /^(active|activating|reloading)$/.test(values.get('ActiveState') ?? '');
    // `enabled-runtime` comes from netplan's generator: it disappears with netplan's files.
    states[name] = { isActive, isEnabled: values.get('UnitFileState') === 'enabled' };
  }
  return states;
}

/**
 * ActiveState of a unit (systemd.unit(5)). Rejects with a DbusError if systemd is not on the bus.
 */
export function readUnitState(bus: Pick<Bus, 'call'>, unit: string): Promise<string> {
  // sd_bus_path_encode(3): all characters but letters and digits as their code.
  const label = unit.replace(/[^A-Za-z0-9]/g, (char) => `_${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  const path = `/org/freedesktop/systemd1/unit/${label}`;
  return readTextProperty(bus, { destination: systemd, path, interface: `${systemd}.Unit`, name: 'ActiveState' });
}
