/**
 * What arrives over the bus: frames before they are decoded, and calls to the objects of this
 * program.
 */

import fc from 'fast-check';
import { encodeError, type FrameHead } from '../../lib/dbus/frame.ts';
import { FrameFilter } from '../../lib/dbus/frame-filter.ts';
import { ObjectTree, type ServedInterface } from '../../lib/dbus/object-tree.ts';
import { makeFrame } from '../lib/dbus/make-frame.ts';
import { nearBytes, nearText } from './mutate.ts';
import { makeTarget, type Target } from './target.ts';

const frames = [
  makeFrame({ serial: 7, body: 40 }),
  makeFrame({ serial: 8, body: 9, type: 2, replySerial: 3 }),
  makeFrame({ serial: 9, type: 4, isBig: true, body: 300 }),
  encodeError({ sender: ':1.9', serial: 4 }, 'org.freedesktop.DBus.Error.Failed', 'no'),
];
const welcome = Buffer.from('OK 0123456789abcdef\r\n');

/** What is passed is never more than what came, and a frame that is not wanted leaves nothing. */
function filterAll([bytes, other, chunkLength]: [Buffer, Buffer, number]): void {
  const input = Buffer.concat([welcome, bytes, other]);
  for (const isWanted of [true, false]) {
    const heads: FrameHead[] = [];
    const filter = new FrameFilter((head) => heads.push(head) > 0 && isWanted);
    let passed = 0;
    for (let at = 0; at < input.length; at += chunkLength)
      for (const part of filter.take(input.subarray(at, at + chunkLength))) passed += part.length;
    if (passed > input.length) throw new TypeError(`expected at most ${input.length} bytes, got ${passed}`);
    if (!isWanted && passed !== welcome.length)
      throw new TypeError(`expected nothing to pass, got ${passed - welcome.length}`);
  }
}

const texts = nearText([
  'org.enid1.Manager',
  'org.freedesktop.DBus.Properties',
  'Explain',
  'Get',
  'GetAll',
  'ss',
  '/org/enid1',
]);
const served: ServedInterface = {
  name: 'org.enid1.Manager',
  properties: { Version: { signature: 's', value: '1' } },
  methods: {
    Explain: {
      takes: [
        ['source', 's'],
        ['destination', 's'],
      ],
      gives: [['explanation', 's']],
      run: async ([source, destination]) => {
        if (typeof source !== 'string' || typeof destination !== 'string') throw new TypeError('expected text');
        return ['{}'];
      },
    },
  },
  signals: {},
};
const call = fc.record({
  sender: fc.constant(':1.7'),
  path: fc.oneof(fc.constantFrom('/org/enid1', '/', '/org'), texts),
  interface: fc.option(texts),
  member: texts,
  signature: fc.oneof(fc.constantFrom('', 's', 'ss', 'ssv', 'a{sv}'), texts),
  body: fc.array(fc.oneof(texts, fc.jsonValue()), { maxLength: 4 }),
  isInteractive: fc.boolean(),
});

export const busTargets: readonly Target[] = [
  makeTarget(
    'bus: frames, before they are decoded',
    fc.tuple(nearBytes(frames), nearBytes(frames), fc.integer({ min: 1, max: 400 })),
    filterAll,
    // "expected a D-Bus message": the connection ends.
    ['Error'],
  ),
  makeTarget('bus: calls to the objects', call, async (incoming) => {
    const tree = new ObjectTree();
    tree.put('/org/enid1', served);
    await tree.handle(incoming);
  }),
];
