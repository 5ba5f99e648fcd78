/** Writes the lines of package-winston-main.ts with no package. argv: a file for them. */

import { openSync, writeSync } from 'node:fs';
import { reportCost } from './package-cost.ts';

const file = openSync(process.argv[2] ?? '', 'w');

void reportCost(async () => {
  const own = { ENI: 'eni-00000000000000001' };
  return () => {
    const fields = { ...own, INTERFACE: 'ens5', CHANGE: 'add-address' };
    const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`);
    writeSync(file, `<6>added address 10.0.1.11/32${pairs.join('')}\n`);
  };
});
