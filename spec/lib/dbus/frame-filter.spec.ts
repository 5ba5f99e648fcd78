import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FrameHead } from '../../../lib/dbus/frame.ts';
import { FrameFilter, filterStream } from '../../../lib/dbus/frame-filter.ts';
import { makeFrame } from './make-frame.ts';

const welcome = Buffer.from('OK 0123456789abcdef\r\n');

function take(filter: FrameFilter, bytes: Buffer, chunkLength: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkLength)
    parts.push(...filter.take(bytes.subarray(at, at + chunkLength)));
  return Buffer.concat(parts);
}

describe('the filter', () => {
  it('reads kind, serials, sender and length in both byte orders', () => {
    for (const isBig of [false, true]) {
      const heads: FrameHead[] = [];
      const filter = new FrameFilter((head) => heads.push(head) > 0);
      take(
        filter,
        Buffer.concat([welcome, makeFrame({ serial: 9, replySerial: 70_000, body: 300, type: 2, isBig })]),
        7,
      );
      expect(heads).toMatchObject([{ type: 2, serial: 9, replySerial: 70_000, sender: ':1.7', bodyLength: 300 }]);
    }
  });

  it('passes what is wanted byte by byte, and nothing of the rest, in whatever pieces it comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ isWanted: fc.boolean(), body: fc.integer({ min: 0, max: 5_000 }) }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 9_000 }),
        (messages, chunkLength) => {
          const frames = messages.map(({ body }, index) => makeFrame({ serial: index, body }));
          const filter = new FrameFilter(({ serial }) => messages[serial]?.isWanted === true);
          const got = take(filter, Buffer.concat([welcome, ...frames]), chunkLength);
          const wanted = frames.filter((_, index) => messages[index]?.isWanted);
          expect(got.equals(Buffer.concat([welcome, ...wanted]))).toBe(true);
        },
      ),
    );
  });

  it('never throws and never grows, whatever comes after an opening that is none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), fc.integer({ min: 1, max: 4_000 }), (bytes, chunkLength) => {
        const filter = new FrameFilter(() => false);
        const head = Buffer.from([0x6c, 1, 0, 1]);
        try {
          expect(take(filter, Buffer.concat([welcome, head, Buffer.from(bytes)]), chunkLength)).toEqual(welcome);
        } catch (error) {
          expect(String(error)).toBe('Error: expected a D-Bus message');
        }
      }),
    );
  });

  it('takes out a message whose head alone is too long, and asks nobody about it', () => {
    const asked: string[] = [];
    const filter = new FrameFilter(({ sender }) => asked.push(sender) > 0);
    const long = makeFrame({ sender: ':1.'.padEnd(5_000, '1'), body: 70_000 });
    const after = makeFrame({ sender: ':1.8' });
    expect(take(filter, Buffer.concat([welcome, long, after]), 1_000)).toEqual(Buffer.concat([welcome, after]));
    expect(asked).toEqual([':1.8']);
  });

  it('lets the authentication pass, more than one line of it', () => {
    const lines = Buffer.from('REJECTED EXTERNAL\r\nOK 12\r\n');
    const frame = makeFrame({});
    const filter = new FrameFilter(() => true);
    expect(take(filter, Buffer.concat([lines, frame]), 5)).toEqual(Buffer.concat([lines, frame]));
  });
});

it('a stream that is filtered gives only what passes, and ends on what is no message', async () => {
  const stream = new PassThrough();
  filterStream(stream, ({ sender }) => sender === ':1.8');
  const ended = new Promise((resolve) => stream.once('error', resolve));
  const [mine, others] = [makeFrame({ sender: ':1.8', body: 10 }), makeFrame({ sender: ':1.9', body: 100_000 })];
  for (const part of [welcome, others, mine, others]) stream.write(part);
  await new Promise(setImmediate);
  expect(stream.read()).toEqual(Buffer.concat([welcome, mine]));
  stream.write(Buffer.from('nothing of the kind'));
  expect(String(await ended)).toBe('Error: expected a D-Bus message');
});
