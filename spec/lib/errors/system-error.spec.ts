import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { errorCodeOf, isMissing } from '../../../lib/errors/system-error.ts';

function caught(path: string): unknown {
  try {
    return readFileSync(path);
  } catch (error) {
    return error;
  }
}

describe('the errno name of an error', () => {
  it('is what Node gives to a failed system call', () => {
    expect([errorCodeOf(caught('/nonexistent')), errorCodeOf(caught('/'))]).toEqual(['ENOENT', 'EISDIR']);
  });

  it.each([undefined, null, 'ENOENT', new Error('ENOENT'), { code: 2 }])('is null for %p', (error) => {
    expect(errorCodeOf(error)).toBeNull();
  });

  it('says that a file does not exist', () => {
    expect([isMissing(caught('/nonexistent')), isMissing(caught('/')), isMissing(null)]).toEqual([true, false, false]);
  });
});
