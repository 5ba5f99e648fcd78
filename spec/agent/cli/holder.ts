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
  const knownSince = warning === '' ? null : '2026-01-02T03:04:05.678Z';
  const counts = { changes: warning === '' ? 12 : 1, failures: warning === 'fails' ? 2 : 0 };
  void store.writeReload({ problem: problem || null, warning: warning || null, knownSince, ...counts });
});
process.stdout.write('ready\n');
setInterval(() => undefined, 60_000);
