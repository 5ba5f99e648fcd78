/**
 * `enid status --watch`: prints the table again whenever the kernel or the bus reports a change,
 * until a signal.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Bus } from '../../lib/dbus/bus.ts';
import { propertiesInterface } from '../../lib/dbus/properties.ts';
import type { Config } from '../config/types.ts';
import { busName } from '../report/bus-service.ts';
import { KernelMirror } from '../sense/kernel.ts';
import { type CommandResult, type LookOptions, showStatus } from './status.ts';
import { WakeUp } from './wake-up.ts';

export interface WatchOptions extends LookOptions {
  readonly isColoured: boolean;
  /** Columns of the terminal, which may change; none: not a terminal. */
  readonly width: () => number | undefined;
  /** Where each picture goes. */
  readonly write: (text: string) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/** A burst of events is one picture, and a flood costs at most one in this time. */
const settleMs = 250;
/**
 * The daemon tells of all else (metadata, networkd's own state). Where none answers, only looking
 * again does.
 */
const longestMs = { withDaemon: 60_000, alone: 5_000 } as const;
/** Home, then erase to the end: no flicker, nothing left of the picture before. */
const clear = '\x1b[H\x1b[J';

/**
 * On a terminal each picture replaces the one before; else they follow one another. With `json`:
 * one object a line.
 */
export async function watchStatus(config: Config, options: WatchOptions): Promise<CommandResult> {
  const { json, asksDaemon, ignored = [], isColoured, width, write, signal } = options;
  const mirror = await KernelMirror.open();
  const wakeUp = new WakeUp();
  const wake = () => wakeUp.wake();
  mirror.onChange(wake);
  const bus = new Bus();
  bus.watchSignal({ sender: busName, interface: propertiesInterface, member: 'PropertiesChanged' }, wake);
  bus.watchName(busName, wake);
  // Without a bus the kernel's events and looking again do.
  if (asksDaemon) void bus.start().catch(() => undefined);
  signal.addEventListener('abort', wake);
  let last = '';
  try {
    while (!signal.aborted) {
      wakeUp.begin();
      const look = { json, asksDaemon, ignored, isColoured, width: width() };
      const { stdout, stderr, isDaemon } = await showStatus(config, look);
      const picture = json ? `${JSON.stringify(JSON.parse(stdout))}\n` : stderr + stdout;
      if (picture !== last) write(isColoured && !json ? clear + picture : picture);
      last = picture;
      if (signal.aborted) break;
      await wakeUp.wait(isDaemon ? longestMs.withDaemon : longestMs.alone);
      await sleep(settleMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    signal.removeEventListener('abort', wake);
    mirror.close();
    bus.close();
  }
  return { stdout: '', stderr: '', exitCode: 0 };
}
