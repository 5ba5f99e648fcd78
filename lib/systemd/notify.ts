/** Reports the state of the service to the service manager: the protocol of sd_notify(3). */

import { UnixDatagramSender } from './unix-datagram.ts';

/**
 * Each call sends one datagram or does nothing; none throws, since no state of the service depends
 * on it.
 */
export interface Notifier {
  /** READY=1: started, or done with a reload. */
  ready(status?: string): void;
  /**
   * RELOADING=1 with the present MONOTONIC_USEC, as Type=notify-reload asks for. `ready` ends it.
   */
  reloading(): void;
  /** STOPPING=1. */
  stopping(status?: string): void;
  /**
   * WATCHDOG=1: still alive. Call it after a finished piece of work, not from a bare timer.
   * `status` goes along.
   */
  watchdog(status?: string): void;
  /**
   * The manager kills the service if it receives no `watchdog` for this long; null: it does not
   * watch.
   */
  readonly watchdogMs: number | null;
  /** Closes the socket. Later calls do nothing. */
  close(): void;
}

export interface NotifyEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/**
 * Opens the socket that NOTIFY_SOCKET names; without that variable every call does nothing. Never
 * rejects: if the socket cannot be created, `onProblem` is called once.
 */
export async function openNotifier(
  environment: NotifyEnvironment = process.env,
  onProblem: (message: string) => void = () => {},
): Promise<Notifier> {
  const address = environment.NOTIFY_SOCKET;
  let sender: UnixDatagramSender | null = null;
  if (address) {
    try {
      sender = await UnixDatagramSender.open(address);
    } catch (error) {
      onProblem(
        `failed to notify the service manager at ${address}: ${error instanceof Error ? error.message : error}`,
      );
    }
  }
  const send = (...lines: readonly string[]): void => {
    sender?.send(Buffer.from(lines.join('\n')));
  };
  const withStatus = (text: string | undefined): string[] => (text === undefined ? [] : [formatStatus(text)]);
  return {
    ready: (text) => send('READY=1', ...withStatus(text)),
    reloading: () => send('RELOADING=1', `MONOTONIC_USEC=${readMonotonicUsec()}`),
    stopping: (text) => send('STOPPING=1', ...withStatus(text)),
    watchdog: (text) => send(...withStatus(text), 'WATCHDOG=1'),
    watchdogMs: address ? parseWatchdogMs(environment, process.pid) : null,
    close: () => {
      sender?.close();
      sender = null;
    },
  };
}

/** sd_watchdog_enabled(3): null where unset, unreadable, or meant for another process. */
export function parseWatchdogMs(environment: NotifyEnvironment, pid: number): number | null {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: watchedPid } = environment;
  if (usec === undefined || !/^\d{1,15}$/.test(usec) || Number(usec) === 0) return null;
  if (watchedPid !== undefined && watchedPid !== String(pid)) return null;
  return Number(usec) / 1000;
}

/** A line break would start another field. */
function formatStatus(text: string): string {
  return `STATUS=${text.replaceAll(/\s*\n\s*/g, ' ')}`;
}

/**
 * CLOCK_MONOTONIC in microseconds. libuv uses the same clock for hrtime; /proc/uptime would be
 * CLOCK_BOOTTIME, which after a suspend is in the future for systemd.
 */
function readMonotonicUsec(): bigint {
  return process.hrtime.bigint() / 1000n;
}
