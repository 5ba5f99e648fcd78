/** What is remembered over a restart, and what is not believed. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RuntimeStore } from '../../agent/runtime-store.ts';

let directory: string;
let store: RuntimeStore;
const ledger = { 'address 3 10.0.1.5': '02:00:00:00:00:01' };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'enid-store-'));
  store = new RuntimeStore(directory);
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the ledger', () => {
  it('is read back', async () => {
    await store.writeLedger(ledger);
    expect(store.readLedger()).toEqual(ledger);
  });

  it('of another boot is none: its link indexes mean other links', async () => {
    await store.writeLedger(ledger);
    const path = join(directory, 'ledger.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/"bootId": "[^"]*"/, '"bootId": "00000000-0000-0000-0000-000000000000"'));
    expect(store.readLedger()).toEqual({});
  });

  it.each(['', '{', '[]', '{"bootId": 1, "entries": {}}', JSON.stringify(ledger)])('that reads %j is none', (text) => {
    writeFileSync(join(directory, 'ledger.json'), text);
    expect(store.readLedger()).toEqual({});
  });
});
