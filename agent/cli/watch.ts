/** `enid status --watch`: the table anew whenever the kernel or the bus says that something changed, until a signal. */

import type { Config } from '../config/types.ts';
import { KernelMirror } from '../sense/kernel.ts';
import { type CommandResult, showStatus } from './status.ts';

export interface WatchOptions {
  readonly json: boolean;
  readonly asksDaemon: boolean;
  readonly isColoured: boolean;
  /** Where each picture goes. */
  readonly write: (text: string) => void;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/** A burst of events is one picture, and a flood costs at most one in this time. */
const settleMs = 250;
/** What comes without a kernel event: metadata, networkd's own state. */
const longestMs = 5_000;
/** Home, then erase to the end: no flicker, nothing left of the picture before. */
const clear = '\x1b[H\x1b[J';

/** On a terminal each picture replaces the one before; else they follow one another. With `json`: one object a line. */
export async function watchStatus(config: Config, options: WatchOptions): Promise<CommandResult> {
  const { json, asksDaemon, isColoured, write, signal } = options;
  const mirror = await KernelMirror.open();
  let wake: () => void = () => {};
  mirror.onChange(() => wake());
  const ended = () => wake();
  signal.addEventListener('abort', ended);
  let last = '';
  try {
    while (!signal.aborted) {
      const { stdout, stderr } = await showStatus(config, { json, asksDaemon, isColoured });
      const picture = json ? `${JSON.stringify(JSON.parse(stdout))}\n` : stderr + stdout;
      if (picture !== last) write(isColoured && !json ? clear + picture : picture);
      last = picture;
      if (signal.aborted) break;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, longestMs);
        wake = () => {
          clearTimeout(timer);
          setTimeout(resolve, signal.aborted ? 0 : settleMs);
        };
      });
    }
  } finally {
    signal.removeEventListener('abort', ended);
    mirror.close();
  }
  return { stdout: '', stderr: '', exitCode: 0 };
}
