/**
 * struct nlmsgerr (linux/netlink.h): errno, header of the request, the rest of it unless capped,
 * attributes.
 */

import { expect, test } from '@jest/globals';
import { readAcknowledgement } from '../../../lib/rtnetlink/acknowledgement.ts';

const [error, done] = [2, 3];
const [capped, hasAttributes] = [0x100, 0x200];
const text = Buffer.from('nope\0\0\0\0');
const attribute = (length: number) => Buffer.concat([Buffer.from([length, 0, 1, 0]), text]);

function body(errno: number, requestLength: number, ...rest: Buffer[]): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeInt32LE(errno, 0);
  bytes.writeUInt32LE(requestLength, 4);
  return Buffer.concat([bytes, ...rest]);
}

const read = (type: number, flags: number, bytes: Buffer) => readAcknowledgement(type, flags, bytes, 0, bytes.length);

test('reads number and text, behind the whole request or its header', () => {
  expect(read(error, hasAttributes | capped, body(-22, 60, attribute(9)))).toEqual({ errno: 22, text: 'nope' });
  expect(read(error, hasAttributes, body(-22, 24, Buffer.alloc(8), attribute(9)))).toEqual({ errno: 22, text: 'nope' });
  expect(read(done, hasAttributes, Buffer.concat([Buffer.from([0xea, 0xff, 0xff, 0xff]), attribute(9)]))).toEqual({
    errno: 22,
    text: 'nope',
  });
  expect(read(error, 0, body(0, 24))).toEqual({ errno: 0, text: null });
  expect(read(done, 0, Buffer.alloc(0))).toEqual({ errno: 0, text: null });
});

test.each([0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff])(
  'a request of %d bytes tells nothing more',
  (length) => {
    expect(read(error, hasAttributes, body(-22, length, Buffer.from([200, 0, 1, 0])))).toEqual({
      errno: 22,
      text: null,
    });
  },
);

test('an attribute that is longer than the message, or no room for a request, costs the text only', () => {
  expect(read(error, hasAttributes | capped, body(-22, 60, attribute(99)))).toEqual({ errno: 22, text: null });
  expect(read(error, hasAttributes, Buffer.from([0xea, 0xff, 0xff, 0xff]))).toEqual({ errno: 22, text: null });
  expect(() => read(error, 0, Buffer.alloc(3))).toThrow(expect.objectContaining({ name: 'DecodeError' }));
});
