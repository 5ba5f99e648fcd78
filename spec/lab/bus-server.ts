/**
 * A service on a bus as a separate process: `node bus-server.ts ADDRESS NAME`. For each line of
 * input it prints a line of JSON: its memory, and its longest pause since the previous line.
 */

import { createInterface } from 'node:readline';
import { Bus } from '../../lib/dbus/bus.ts';

const tickMs = 5;
const bus = new Bus({ address: process.argv[2] ?? '' });
bus.serve(
  process.argv[3] ?? '',
  async ({ member }) => {
    if (member === 'Slow') await new Promise((resolve) => setTimeout(resolve, 200));
    return { kind: 'return', signature: 's', body: ['x'.repeat(member === 'Large' ? 200_000 : 2_000)] };
  },
  (problem) => process.stderr.write(`${problem}\n`),
);
await bus.start();

let pauseMs = 0;
let lastMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  pauseMs = Math.max(pauseMs, nowMs - lastMs - tickMs);
  lastMs = nowMs;
}, tickMs);
createInterface(process.stdin).on('line', () => {
  process.stdout.write(`${JSON.stringify({ pauseMs, rssMb: process.memoryUsage.rss() / 1e6 })}\n`);
  pauseMs = 0;
});
process.stdout.write('ready\n');
