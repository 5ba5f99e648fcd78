import { describe, expect, it } from '@jest/globals';
import { parseUnitStates } from '../../../agent/sense/unit-states.ts';

const running = 'LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n';
const netplans = 'UnitFileState=enabled-runtime\nLoadState=loaded\nActiveState=inactive\n';
const missing = 'LoadState=not-found\nActiveState=inactive\nUnitFileState=\n';

describe('parseUnitStates', () => {
  it('takes the blocks in the order of the names, and leaves out what there is not', () => {
    expect(parseUnitStates(['a', 'b', 'c'], [running, missing, netplans].join('\n'), '')).toEqual({
      a: { isActive: true, isEnabled: true },
      c: { isActive: false, isEnabled: false },
    });
  });

  it.each([
    ['', 'Failed to get properties: Connection timed out\n', 'Connection timed out'],
    [running, '', 'expected the state of 2 units'],
    ['ActiveState=active\n\nLoadState=loaded\n', '', 'expected the state of 2 units'],
  ])('takes no answer for no answer: %j', (stdout, stderr, reason) => {
    expect(() => parseUnitStates(['a', 'b'], stdout, stderr)).toThrow(reason);
  });
});
