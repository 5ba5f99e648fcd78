/** Which answers are whole: RFC 9112, 6.3 (message body length). The server writes raw bytes. */

import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { sendRequest } from '../../../lib/imds/request.ts';

let server: Server | null = null;

afterEach(async () => {
  await new Promise((resolve) => server?.close(resolve) ?? resolve(null));
});

/** Answers every request with these parts, one after the other, and closes the connection. */
async function answer(...parts: readonly string[]): Promise<string> {
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', async () => {
      for (const part of parts) {
        socket.write(part, 'latin1');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      socket.end();
    });
  });
  const address = await new Promise<ReturnType<Server['address']>>((resolve) => {
    server?.listen(0, '127.0.0.1', () => resolve(server?.address() ?? null));
  });
  const port = typeof address === 'object' ? address?.port : 0;
  const session = { endpoint: `http://127.0.0.1:${port}`, localAddress: null, headers: {}, timeoutMs: 2_000 };
  return sendRequest(session, { method: 'GET', path: 'meta-data/x' }).then(
    ({ status, text }) => `${status} ${JSON.stringify(text)}`,
    (error: { code: string; name: string }) => `${error.name} ${error.code}`,
  );
}

const ok = (headers: string) => `HTTP/1.1 200 OK\r\n${headers}\r\n\r\n`;

test.each([
  ['a length', [`${ok('Content-Length: 3')}abc`]],
  ['a length, and a connection that is to be closed', [`${ok('Content-Length: 3\r\nConnection: close')}abc`]],
  ['a length, body apart', [ok('Content-Length: 3'), 'ab', 'c']],
  ['chunks', [`${ok('Transfer-Encoding: chunked')}2\r\nab\r\n1\r\nc\r\n0\r\n\r\n`]],
  ['chunks, in other letters', [`${ok('transfer-encoding: Chunked')}3\r\nabc\r\n0\r\n\r\n`]],
])('takes an answer with %s', async (_name, parts) => {
  expect(await answer(...parts)).toBe('200 "abc"');
});

test.each([
  ['without a length', [`${ok('X: y')}abc`], 'truncated'],
  ['of HTTP/1.0 without a length', ['HTTP/1.0 200 OK\r\n\r\nabc'], 'truncated'],
  ['encoded otherwise', [`${ok('Transfer-Encoding: gzip')}abc`], 'truncated'],
  ['encoded as itself', [`${ok('Transfer-Encoding: identity')}abc`], 'truncated'],
  ['in chunks and then encoded', [`${ok('Transfer-Encoding: chunked, gzip')}3\r\nabc\r\n0\r\n\r\n`], 'truncated'],
  ['encoded and then in chunks', [`${ok('Transfer-Encoding: gzip, chunked')}3\r\nabc\r\n0\r\n\r\n`], 'truncated'],
  ['compressed', [`${ok('Content-Encoding: gzip\r\nContent-Length: 3')}abc`], 'truncated'],
  ['with both', [`${ok('Content-Length: 3\r\nTransfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\n`], 'unreachable'],
  ['shorter than its length', [`${ok('Content-Length: 4')}abc`], 'unreachable'],
  ['longer than its length', [`${ok('Content-Length: 2')}abc`], 'unreachable'],
  ['longer, and to be closed', [`${ok('Content-Length: 2\r\nConnection: close')}abc`], 'unreachable'],
  ['longer, body apart', [ok('Content-Length: 2\r\nConnection: close'), 'abc'], 'unreachable'],
  ['with two lengths', [`${ok('Content-Length: 3\r\nContent-Length: 4')}abcd`], 'unreachable'],
  ['with a list of lengths', [`${ok('Content-Length: 3, 3')}abc`], 'unreachable'],
  ['with a length that is no number', [`${ok('Content-Length: +3')}abc`], 'unreachable'],
  ['with a huge length', [`${ok(`Content-Length: ${'9'.repeat(30)}`)}abc`], 'unreachable'],
  ['in chunks without an end', [`${ok('Transfer-Encoding: chunked')}3\r\nabc\r\n`], 'unreachable'],
  ['in chunks that lie', [`${ok('Transfer-Encoding: chunked')}9\r\nabc\r\n0\r\n\r\n`], 'unreachable'],
  ['with more than chunks', [`${ok('Transfer-Encoding: chunked')}3\r\nabc\r\n0\r\n\r\ndef`], 'unreachable'],
  ['with endless headers', [`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`], 'unreachable'],
  ['that is no HTTP', ['abc\n'], 'unreachable'],
  ['that is nothing', [''], 'unreachable'],
])('refuses an answer %s', async (_name, parts, code) => {
  expect(await answer(...parts)).toBe(`ImdsError ${code}`);
});
