/**
 * Whether the bus still takes what is written to it. dbus-daemon reads no more from a connection
 * of which 127 MB wait for those who do not read (max_incoming_bytes), and so some thousand calls
 * without reading the answers would cut a service off for as long as their sender likes. A new
 * connection begins with none.
 */

import type { Socket } from 'node:net';

/**
 * dbus-daemon takes what is written within milliseconds, and within some seconds under a flood on a
 * starved machine: 5 s were too short there.
 */
const stuckMs = 15_000;

export class WriteStall {
  readonly #stream: Socket;
  #taken = 0;
  #sinceMs = 0;

  constructor(stream: Socket) {
    this.#stream = stream;
  }

  /** To be asked now and then: nothing was taken since it was asked before, that long ago. */
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
