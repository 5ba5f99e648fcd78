/**
 * Asks enid-reload.socket to make networkd read its files: networkd accepts that from its own user
 * without polkit. The unit behind the socket does nothing else; it reports the result and closes
 * the connection.
 */

import { connect } from 'node:net';
import { NetworkdError } from '../errors.ts';

export const reloadSocket = '/run/enid-reload.socket';
/** The last line of a reload that succeeded; the unit prints it after busctl. */
const doneLine = 'done';
/** Longer than busctl waits for networkd's answer. */
const answerMs = 35_000;
/** busctl prints one line. */
const longestAnswer = 4_096;

/**
 * Rejects with a NetworkdError: `no-helper` if nobody listens, `helper-failed` with busctl's
 * output.
 */
export function askReloadHelper(path: string = reloadSocket, timeoutMs: number = answerMs): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (code: string, text: string, cause?: unknown) =>
      reject(new NetworkdError(code, 'enid-reload.socket', text, { cause }));
    let answer = '';
    const socket = connect({ path });
    socket.setEncoding('utf8');
    const timer = setTimeout(() => {
      fail('helper-failed', `enid-reload.socket: no answer within ${timeoutMs} ms`);
      socket.destroy();
    }, timeoutMs);
    socket.on('data', (text) => {
      answer = (answer + String(text)).slice(0, longestAnswer);
    });
    socket.on('error', (error) => {
      clearTimeout(timer);
      fail('no-helper', `enid-reload.socket: ${error.message}`, error);
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      clearTimeout(timer);
      const lines = answer.trim().split('\n');
      if (lines.at(-1) === doneLine) return resolve();
      fail(
        'helper-failed',
        `enid-reload.socket: ${lines[0] || 'it ended without a word (systemctl status enid-reload.socket)'}`,
      );
    });
  });
}
