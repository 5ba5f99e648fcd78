import { expect, it } from '@jest/globals';
import { CallLimits } from '../../../lib/dbus/call-limits.ts';

/** How many of `count` calls of a sender are let in. */
function letIn(limits: CallLimits, sender: string, { count = 1_000, nowMs = 0 } = {}): number {
  return Array.from({ length: count }, () => limits.letIn(sender, nowMs)).filter(Boolean).length;
}

it('a sender has 16 calls at a time, and gets another one in for each that is answered', () => {
  const limits = new CallLimits();
  expect(letIn(limits, ':1.1')).toBe(16);
  const done = Array.from({ length: 16 }, () => limits.begin(':1.1'));
  limits.arrived();
  expect(letIn(limits, ':1.1')).toBe(0);
  done[3]?.();
  expect(letIn(limits, ':1.1')).toBe(1);
});

it('all have 64 at a time; a sender that has none gets one in beyond, up to 512', () => {
  const limits = new CallLimits();
  const counts = Array.from({ length: 600 }, (_, index) => letIn(limits, `:1.${index}`));
  expect(counts.slice(0, 5)).toEqual([16, 16, 16, 16, 1]);
  expect(counts.reduce((sum, count) => sum + count)).toBe(512);
});

it('senders that were refused share 16 calls a second, and others get in beside them', () => {
  const limits = new CallLimits();
  const flooders = Array.from({ length: 200 }, (_, index) => `:1.${index}`);
  for (const sender of flooders) letIn(limits, sender);
  limits.arrived();
  const letInAll = (nowMs: number) => {
    const count = flooders.reduce((sum, sender) => sum + letIn(limits, sender, { count: 1, nowMs }), 0);
    limits.arrived();
    return count;
  };
  expect([letInAll(900), letInAll(950), letInAll(1_800)]).toEqual([16, 0, 0]);
  expect(letIn(limits, ':1.999', { count: 10, nowMs: 1_800 })).toBe(10);
  expect(letInAll(1_901)).toBe(16);
  // A second without a refusal.
  expect(letInAll(3_000)).toBe(200);
});

it('128 refusals a second are told', () => {
  const limits = new CallLimits();
  const tell = (nowMs: number) => Array.from({ length: 1_000 }, () => limits.mayRefuse(nowMs)).filter(Boolean).length;
  expect([tell(0), tell(999), tell(1_000)]).toEqual([128, 0, 128]);
});

it('a call that could not be decoded takes no place for good', () => {
  const limits = new CallLimits();
  for (let round = 0; round < 100; round += 1) {
    expect(letIn(limits, ':1.1', { count: 16, nowMs: round })).toBe(16);
    limits.arrived();
  }
});
