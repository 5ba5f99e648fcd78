/**
 * Whether the bus still reads what is written to it. dbus-daemon stops reading from a connection
 * when 127 MB from it wait for receivers that do not read (max_incoming_bytes). So a caller that
 * sends some thousand calls and does not read the answers could cut a service off for as long as it
 * likes. A new connection starts with an empty queue.
 */

import type { Socket } from 'node:net';

/**
 * dbus-daemon reads within milliseconds, and within some seconds during a flood on a starved
 * machine: 5 s were too short there.
 */
const stuckMs = 15_000;

export class WriteStall {
  readonly #stream: Socket;
  #taken = 0;
  #sinceMs = 0;

  constructor(stream: Socket) {
    this.#stream = stream;
  }

  /**
   * Call it now and then. True: nothing was read since the previous call, which was at least this
   * long ago.
   */
  isStuck(nowMs: number): boolean {
    const unsent = this.#stream.writableLength;
    const taken = this.#stream.bytesWritten - unsent;
    if (unsent === 0 || taken !== this.#taken) {
      this.#taken = taken;
      this.#sinceMs = nowMs;
      return false;
    }
    return nowMs - this.#sinceMs > stuckMs;
  }
}
