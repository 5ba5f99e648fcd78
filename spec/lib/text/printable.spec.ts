import { expect, test } from '@jest/globals';
import { escapeLine, escapePicture, escapeText } from '../../../lib/text/printable.ts';

/** Unicode: Cc, Bidi_Control, and the separators of lines and paragraphs. */
const hidden = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u;
const all = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).filter((one) => hidden.test(one));

test('shows every character that would do something', () => {
  expect(all.length).toBeGreaterThan(75);
  for (const one of all) {
    expect(hidden.test(escapeLine(`a${one}b`))).toBe(false);
    if (one !== '\n' && one !== '\t') expect(hidden.test(escapeText(`a${one}b`))).toBe(false);
  }
  expect(escapeText('\x1b]0;x\x07\u009b31m\u202e\x7f')).toBe('\\u001b]0;x\\u0007\\u009b31m\\u202e\\u007f');
});

test('leaves text as it is, and JSON the same to who reads it', () => {
  expect(escapeText('grüße 😀\n\tzwei')).toBe('grüße 😀\n\tzwei');
  const value = { name: all.join('') };
  expect(JSON.parse(escapeText(JSON.stringify(value, null, 1)))).toEqual(value);
  expect(escapeLine('a\r\n\nb')).toBe('a b');
});

test("keeps a picture's own colours only", () => {
  expect(escapePicture('\x1b[H\x1b[J\x1b[32mok\x1b[39m\n')).toBe('\x1b[H\x1b[J\x1b[32mok\x1b[39m\n');
  expect(escapePicture('\x1b[2J\x1b]0;x\x07')).toBe('\\u001b[2J\\u001b]0;x\\u0007');
});
