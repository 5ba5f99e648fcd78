/** D-Bus messages as bytes, made by the specification and not by the code that is tested. */

/** Header fields as in the D-Bus specification: each a byte and a variant, at a multiple of 8. */
export function makeFrame({ serial = 1, sender = ':1.7', replySerial = 0, body = 0, type = 1, isBig = false }): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    if (isBig) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  };
  const text = (value: string) => Buffer.concat([number(value.length), Buffer.from(`${value}\0`)]);
  let fields = Buffer.alloc(0);
  const add = (code: number, letter: string, value: Buffer) => {
    const gap = Buffer.alloc(Math.ceil(fields.length / 8) * 8 - fields.length);
    fields = Buffer.concat([fields, gap, Buffer.from([code, 1, letter.charCodeAt(0), 0]), value]);
  };
  add(1, 'o', text('/org/enid1'));
  add(3, 's', text('Describe'));
  add(8, 'g', Buffer.from('\x02ay\0', 'latin1'));
  if (replySerial !== 0) add(5, 'u', number(replySerial));
  add(7, 's', text(sender));
  const fixed = Buffer.from([isBig ? 0x42 : 0x6c, type, 0, 1]);
  const head = Buffer.concat([fixed, number(body), number(serial), number(fields.length), fields]);
  const gap = Buffer.alloc(Math.ceil(head.length / 8) * 8 - head.length);
  return Buffer.concat([head, gap, Buffer.alloc(body, serial)]);
}
