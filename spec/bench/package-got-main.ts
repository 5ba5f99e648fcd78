/** Asks with got, as enid does. argv: the base URL. */

import { sendRequest } from '../../lib/imds/request.ts';
import { reportCost } from './package-cost.ts';

const [endpoint = ''] = process.argv.slice(2);

void reportCost(async () => async () => {
  await sendRequest({
    ...{ method: 'GET', path: 'meta-data/mac', endpoint, localAddress: null, timeoutMs: 5_000 },
    headers: { 'X-aws-ec2-metadata-token': 'token', 'User-Agent': 'enid' },
  });
});
