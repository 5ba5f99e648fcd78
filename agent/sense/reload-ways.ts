/**
 * How the daemon can make networkd read its files: permission by polkit, or enid-reload.socket.
 * Changes nothing.
 */

import * as z from 'zod';
import type { Bus } from '../../lib/dbus/bus.ts';
import { DbusError } from '../../lib/dbus/errors.ts';
import { uint32Variant, uint64Variant } from '../../lib/dbus/variant.ts';
import type { HostFacts } from '../model.ts';
import { readText } from './host-facts.ts';
import { readUnitState } from './unit-states.ts';

const authority = 'org.freedesktop.PolicyKit1';
const action = 'org.freedesktop.network1.reload';

/**
 * The caller starts and closes `bus`. `processId`: the daemon's; null: it does not run. Never
 * rejects.
 */
export async function readReloadWays(
  bus: Pick<Bus, 'call'>,
  processId: number | null,
): Promise<NonNullable<HostFacts['reloadWays']>> {
  const [polkit, socketState] = await Promise.all([
    askPolkit(bus, processId),
    readUnitState(bus, 'enid-reload.socket').catch(() => null),
  ]);
  return { polkit, hasHelper: socketState === 'active' };
}

/** polkit answers only root and the owner of an action; for all others it is unknown. */
async function askPolkit(
  bus: Pick<Bus, 'call'>,
  processId: number | null,
): Promise<NonNullable<HostFacts['reloadWays']>['polkit']> {
  const startTime = processId === null ? null : readStartTime(processId);
  if (processId === null || startTime === null) return 'unknown';
  const subject = ['unix-process', { pid: uint32Variant(processId), 'start-time': uint64Variant(startTime) }];
  try {
    const [[isAuthorised]] = await bus.call(
      {
        destination: authority,
        path: '/org/freedesktop/PolicyKit1/Authority',
        interface: `${authority}.Authority`,
        member: 'CheckAuthorization',
        signature: '(sa{sv})sa{ss}us',
        body: [subject, action, {}, 0, ''],
      },
      z.tuple([z.tuple([z.boolean(), z.boolean(), z.record(z.string(), z.string())])]),
    );
    return isAuthorised ? 'allows' : 'refuses';
  } catch (error) {
    if (!(error instanceof DbusError) || error.code !== 'no-owner') return 'unknown';
    return (await isActivatable(bus)) ? 'unknown' : 'absent';
  }
}

/** It may be started by a first request, which this program never sends. */
async function isActivatable(bus: Pick<Bus, 'call'>): Promise<boolean> {
  const name = 'org.freedesktop.DBus';
  const call = { destination: name, path: '/org/freedesktop/DBus', interface: name, member: 'ListActivatableNames' };
  const [names] = await bus.call(call, z.tuple([z.array(z.string())])).catch((): [string[]] => [[]]);
  return names.includes(authority);
}

/**
 * In clock ticks since boot: field 22 of proc_pid_stat(5), after a name that may contain spaces.
 */
function readStartTime(processId: number): bigint | null {
  const text = readText(`/proc/${processId}/stat`);
  const field = text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  return field === undefined || !/^\d+$/.test(field) ? null : BigInt(field);
}
