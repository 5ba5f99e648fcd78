/**
 * A process that holds the lock of a runtime directory and answers SIGHUP as the daemon does: see
 * reload.spec.ts.
 */

import { RuntimeStore } from '../../../agent/watch/runtime-store.ts';

const [directory = '', problem = '', warning = ''] = process.argv.slice(2);
const store = new RuntimeStore(directory);
await store.lock();
process.on('SIGHUP', () => {
  if (problem === 'end') process.exit(0);
  void store.writeReload({ problem: problem || null, warning: warning || null });
});
process.stdout.write('ready\n');
setInterval(() => undefined, 60_000);
