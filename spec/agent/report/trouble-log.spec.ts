import { beforeEach, expect, it } from '@jest/globals';
import { TroubleLog } from '../../../agent/report/trouble-log.ts';

let told: string[];
let log: TroubleLog;

beforeEach(() => {
  told = [];
  log = new TroubleLog((message) => told.push(message));
});

it('tells a trouble once while it lasts', () => {
  for (let pass = 0; pass < 3; pass++) {
    log.report('networkd is gone');
    log.passed(true);
  }
  expect(told).toEqual(['networkd is gone']);
});

it('tells it again when it was over in between, if only for one pass', () => {
  log.report('networkd is gone');
  log.passed(true);
  log.passed(true);
  log.report('networkd is gone');
  expect(told).toHaveLength(2);
});

it('does not take a change that is held back for one that is over', () => {
  log.report('failed to write');
  log.passed(false);
  log.passed(false);
  log.report('failed to write');
  expect(told).toHaveLength(1);
});

it('tells of a trouble between two passes once as well', () => {
  log.passed(true);
  log.report('failed to keep the ledger');
  log.report('failed to keep the ledger');
  log.passed(true);
  expect(told).toHaveLength(1);
});

it('does not grow for ever while changes are refused', () => {
  for (let index = 0; index < 20_000; index++) {
    log.report(`failed to add ${index % 10_000}`);
    log.passed(false);
  }
  log.report('failed to add 9999');
  // Forgotten ones were told again in the second round; the last one is remembered.
  expect(told).toHaveLength(20_000);
});
