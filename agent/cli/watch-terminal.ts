/**
 * `enid status --watch` as it is run: keys, signals, the size of the terminal, a reader that goes.
 */

import { isReaderGone } from '../../lib/file/reader-gone.ts';
import type { CommandResult } from './status.ts';
import { type WatchOptions, watchStatus } from './watch.ts';

/** The last two are Ctrl-C and Ctrl-D. */
const endKeys = ['q', 'Q', '\x03', '\x04'];
const readerCheckMs = 500;

export async function watchOnTerminal(
  options: Pick<WatchOptions, 'load' | 'json' | 'asksDaemon' | 'isColoured' | 'write'>,
): Promise<CommandResult> {
  const end = new AbortController();
  const stop = () => end.abort();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, stop);
  const leave = [endWithReader(stop), options.json ? () => undefined : endWithKey(stop)];
  try {
    return await watchStatus({
      ...options,
      signal: end.signal,
      screen: () => {
        const { isTTY, columns, rows } = process.stdout;
        // 0: a terminal that does not know its size.
        return isTTY === true ? { columns: columns || 80, rows: rows || 24 } : null;
      },
      onResize: (listener) => process.stdout.on('resize', listener),
    });
  } finally {
    for (const one of leave) one();
  }
}

/** `q`, and what a terminal in raw mode no longer turns into a signal: Ctrl-C, Ctrl-D. */
function endWithKey(stop: () => void): () => void {
  const { stdin } = process;
  if (stdin.isTTY !== true || process.stdout.isTTY !== true) return () => undefined;
  stdin.setRawMode(true);
  stdin.on('data', (keys: Buffer) => {
    if (endKeys.some((key) => keys.includes(key))) stop();
  });
  stdin.on('end', stop);
  return () => {
    stdin.setRawMode(false);
    stdin.pause();
  };
}

/**
 * A reader that is gone (`enid status --watch | head`) is noticed without a change to be written.
 */
function endWithReader(stop: () => void): () => void {
  process.stdout.on('error', stop);
  const timer = setInterval(() => {
    if (isReaderGone(1)) stop();
  }, readerCheckMs);
  return () => clearInterval(timer);
}
