/**
 * Broken forms of valid input: bits, lengths that lie, cuts, splices, repetitions; and text that is
 * known to hurt.
 */

import fc from 'fast-check';

interface Edit {
  readonly kind: 'flip' | 'set' | 'cut' | 'drop' | 'repeat' | 'splice' | 'insert' | 'length';
  /** Parts of the whole, so that shrinking leads towards the beginning. */
  readonly at: number;
  readonly length: number;
  readonly value: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('flip', 'set', 'cut', 'drop', 'repeat', 'splice', 'insert', 'length'),
  at: fc.nat(0xffff),
  length: fc.oneof(fc.nat(8), fc.nat(64)),
  value: fc.oneof(fc.constantFrom(0, 1, 3, 4, 0x7f, 0x80, 0xff), fc.nat(0xff)),
});

/** What stands in lists of troublesome text, and in the formats that are read here. */
const painful = [
  '\u0000',
  '\u001b[31m',
  '\u202e',
  '\ufeff',
  '\n',
  '\r\n',
  '\t',
  '"',
  "'",
  '\\',
  '\\\n',
  '$(x)',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'true',
  'NaN',
  '-1',
  '1e999',
  '99999999999999999999999',
  '0x10',
  '[',
  '{',
  '*a*a*a*a*b',
  '[!',
  '&a ',
  '*a',
  '!!binary ',
  '- ',
  '? ',
  ': ',
  '#',
  '[Route]\n',
  '=',
  '/0',
  '/33',
  '/-1',
  '::',
  '::ffff:1.2.3.4',
  'fe80::1%eth0',
  '0.0.0.0/0',
  '😀',
  '\ud800',
] as const;

/** Bytes that are nearly one of `samples`. */
export function nearBytes(samples: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .record({
      base: fc.constantFrom(...samples),
      other: fc.constantFrom(...samples),
      edits: fc.array(edit, { maxLength: 6 }),
    })
    .map(({ base, other, edits }) => edits.reduce((bytes, one) => editBytes(bytes, other, one), base));
}

function editBytes(bytes: Buffer, other: Buffer, { kind, at, length, value }: Edit): Buffer {
  const offset = bytes.length === 0 ? 0 : at % bytes.length;
  const copy = Buffer.from(bytes);
  const part = bytes.subarray(offset, offset + length);
  switch (kind) {
    case 'flip':
      if (copy.length > 0) copy[offset] = (copy[offset] ?? 0) ^ (1 << (value % 8));
      return copy;
    case 'set':
      if (copy.length > 0) copy[offset] = value;
      return copy;
    case 'length': {
      // Lengths stand on even places, in two bytes or four.
      const place = offset & ~1;
      if (place + 2 <= copy.length) copy.writeUInt16LE((value * 257) & 0xffff, place);
      return copy;
    }
    case 'cut':
      return copy.subarray(0, offset);
    case 'drop':
      return Buffer.concat([bytes.subarray(0, offset), bytes.subarray(offset + length)]);
    case 'repeat':
      return Buffer.concat([
        bytes.subarray(0, offset),
        ...new Array<Buffer>(1 + (value % 16)).fill(part),
        bytes.subarray(offset),
      ]);
    case 'splice':
      return Buffer.concat([bytes.subarray(0, offset), other.subarray(at % (other.length + 1))]);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, offset), Buffer.alloc(length, value), bytes.subarray(offset)]);
  }
}

/** Text that is nearly one of `samples`, or anything at all. */
export function nearText(samples: readonly string[]): fc.Arbitrary<string> {
  const near = fc
    .record({
      base: fc.constantFrom(...samples),
      other: fc.constantFrom(...samples),
      edits: fc.array(edit, { maxLength: 6 }),
    })
    .map(({ base, other, edits }) => edits.reduce((text, one) => editText(text, other, one), base));
  return fc.oneof(
    { arbitrary: near, weight: 8 },
    { arbitrary: fc.string({ unit: 'binary', maxLength: 64 }), weight: 1 },
  );
}

function editText(text: string, other: string, { kind, at, length, value }: Edit): string {
  const offset = text.length === 0 ? 0 : at % text.length;
  const [head, tail] = [text.slice(0, offset), text.slice(offset)];
  switch (kind) {
    case 'flip':
    case 'set':
      return head + String.fromCharCode(value) + tail.slice(1);
    case 'cut':
      return head;
    case 'drop':
      return head + tail.slice(length);
    case 'repeat':
      return head + tail.slice(0, length).repeat(1 + (value % 16)) + tail;
    case 'splice':
      return head + other.slice(at % (other.length + 1));
    case 'insert':
      return head + (painful[value % painful.length] ?? '') + tail;
    case 'length':
      return head + (painful[value % painful.length] ?? '').repeat(1 + length) + tail;
  }
}

/**
 * Netlink messages whose last attribute is shorter than its kind: lengths agree, so that only its
 * reader can tell.
 */
export function shortAttributes(messages: readonly Buffer[]): fc.Arbitrary<Buffer> {
  /** Of the struct before the attributes: rtmsg and fib_rule_hdr, ifaddrmsg, ifinfomsg. */
  const structs = [12, 8, 16, 4];
  return fc
    .record({
      message: fc.constantFrom(...messages),
      struct: fc.constantFrom(...structs),
      type: fc.nat(64),
      value: fc.uint8Array({ maxLength: 20 }),
      keeps: fc.boolean(),
      change: fc.constantFrom(null, 16, 17, 20, 21, 24, 25, 32, 33, 80),
    })
    .map(({ message, struct, type, value, keeps, change }) => {
      const head = Buffer.from(keeps ? message : message.subarray(0, 16 + struct));
      const attribute = Buffer.alloc(4);
      attribute.writeUInt16LE(4 + value.length, 0);
      attribute.writeUInt16LE(type, 2);
      const bytes = Buffer.concat([head, attribute, value]);
      bytes.writeUInt32LE(bytes.length, 0);
      if (change !== null) bytes.writeUInt16LE(change, 4);
      return bytes;
    });
}
