/** What hears of packets for addresses that are not there, in a namespace of its own. */

import { Arrivals } from '../../agent/watch/arrivals.ts';
import { serveCalls } from '../../fixtures/vpc/serve-calls.ts';

const arrivals = new Arrivals({
  onArrival: () => undefined,
  onTrouble: (message) => process.stderr.write(`${message}\n`),
});

serveCalls({ listen: (isWanted) => arrivals.listen(isWanted === true) });
