/**
 * The native socket with its sharp edges covered. netlink 0.3.0's addon runs callbacks straight
 * from the event loop, so an exception that leaves one aborts the process (Napi::Error through
 * uv_run): every handler is wrapped here.
 */

// Not from 'netlink': its index loads generic netlink, nl80211 and all tables: 18 ms and 12 MB more
// (measured).
import { RawNetlinkSocket } from 'netlink/dist/raw.js';
import { NETLINK_ROUTE } from './constants.ts';
import type { FilterInstruction } from './socket-filter.ts';
import {
  attachFilter,
  findSocket,
  forceReceiveBuffer,
  readDropCount,
  requestErrorTexts,
  silenceOverruns,
} from './socket-options.ts';

/** What a socket reports. `onFatal`: it is closed and a new one is needed. */
export interface RawSocketHandlers {
  onDatagram(datagram: Buffer): void;
  /**
   * Messages were lost: the receive buffer was full, or a message was larger than the read buffer.
   * Called later.
   */
  onLoss(cause: Error): void;
  onFatal(cause: Error): void;
  /** A handler threw: a bug, reported instead of aborting. */
  onBug(cause: unknown): void;
}

export interface RawSocketOptions {
  /** NETLINK_*; by default NETLINK_ROUTE. */
  readonly protocol?: number;
  readonly groups: readonly number[];
  readonly receiveBufferBytes: number;
  /**
   * A fixed read buffer, or null to ask the kernel for each datagram's size first (one system call
   * more).
   */
  readonly readBufferBytes: number | null;
}

export interface RawSocket {
  /**
   * Sends one datagram; `onFailure` is called later where the kernel did not take it. Throws where
   * it is closed.
   */
  send(datagram: Buffer, onFailure: (cause: Error) => void): void;
  /** What the program drops does not arrive any more. False where the kernel refuses it. */
  filter(program: readonly FilterInstruction[]): boolean;
  close(): void;
}

/** Opens a netlink socket. Throws if the kernel refuses. */
export function openRawSocket(options: RawSocketOptions, handlers: RawSocketHandlers): RawSocket {
  const protocol = options.protocol ?? NETLINK_ROUTE;
  const socket = new RawNetlinkSocket(protocol, {
    // 0: the kernel chooses a free port (netlink_autobind).
    localPort: 0,
    recvBufferSize: options.receiveBufferBytes,
    // 0: the kernel's default.
    sendBufferSize: 0,
    ...(options.readBufferBytes === null
      ? { messagePeeking: true }
      : { messagePeeking: false, msgBufferSize: options.readBufferBytes }),
  });
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    // Not at once: the addon touches its poll handle after a callback has closed it (PollHandler →
    // RunCompleted).
    setImmediate(() => socket.close());
  };
  const descriptor = findSocket(socket.address().port, protocol);
  if (descriptor === null) {
    close();
    throw new Error('failed to find the netlink socket in /proc/self/fd');
  }
  let dropCount = 0;
  let isCheckPending = false;
  // A drop needs a full buffer, so there is always a datagram to be read after it: checking upon
  // datagrams finds all.
  const checkDrops = () => {
    isCheckPending = false;
    guard(() => {
      const now = readDropCount(descriptor);
      const dropped = now - dropCount;
      dropCount = now;
      if (dropped > 0) handlers.onLoss(new Error(`receive buffer full: ${dropped} messages dropped`));
    });
  };
  const guard = (run: () => void) => {
    if (!isOpen) return;
    try {
      run();
    } catch (error) {
      handlers.onBug(error);
    }
  };
  // Listeners before memberships: an error without a listener would abort the process.
  socket.on('message', (datagram, sender) => {
    // Port 0 is the kernel; other processes may send to our port, too.
    if (sender.port !== 0) return;
    if (!isCheckPending) setImmediate(checkDrops);
    isCheckPending = true;
    guard(() => handlers.onDatagram(datagram));
  });
  socket.on('truncatedMessage', (_datagram, sender) => {
    if (sender.port === 0) guard(() => handlers.onLoss(new Error(`message of ${sender.truncated} bytes truncated`)));
  });
  socket.on('error', (error) => {
    guard(() => {
      if (error.code === 'ENOBUFS') return handlers.onLoss(error);
      close();
      handlers.onFatal(error);
    });
  });
  try {
    silenceOverruns(descriptor);
    requestErrorTexts(descriptor);
    forceReceiveBuffer(descriptor, options.receiveBufferBytes);
    for (const group of options.groups) socket.addMembership(group);
  } catch (error) {
    close();
    throw error;
  }
  return {
    send(datagram, onFailure) {
      if (!isOpen) throw new Error('socket is closed');
      socket.send(datagram, {}, (error) => {
        if (error !== undefined) guard(() => onFailure(error));
      });
    },
    filter: (program) => isOpen && attachFilter(descriptor, program),
    close,
  };
}
