/** Asks with got, as enid does. argv: the base URL. */

import { sendRequest } from '../../lib/imds/request.ts';
import { reportCost } from './package-cost.ts';

const [endpoint = ''] = process.argv.slice(2);

const session = {
  ...{ endpoint, localAddress: null, timeoutMs: 5_000 },
  headers: { 'X-aws-ec2-metadata-token': 'token', 'User-Agent': 'enid' },
};

void reportCost(async () => async () => {
  await sendRequest(session, { method: 'GET', path: 'meta-data/mac' });
});
