/** Logs with winston, as enid does. argv: a file for the lines. */

import { openSync, writeSync } from 'node:fs';
import { createJournal } from '../../agent/report/journal.ts';
import { reportCost } from './package-cost.ts';

const file = openSync(process.argv[2] ?? '', 'w');

void reportCost(async () => {
  const write = (line: string) => void writeSync(file, line);
  const journal = createJournal({ level: 'info', style: 'prefixed', write }).child({ ENI: 'eni-00000000000000001' });
  return () => journal.info('added address 10.0.1.11/32', { INTERFACE: 'ens5', CHANGE: 'add-address' });
});
