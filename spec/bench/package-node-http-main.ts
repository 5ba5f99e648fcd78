/** The same as package-got-main.ts with node:http alone. argv: the base URL. */

import { Agent, request } from 'node:http';
import { reportCost } from './package-cost.ts';

const [endpoint = ''] = process.argv.slice(2);

void reportCost(async () => {
  const agent = new Agent({ keepAlive: false });
  const headers = { 'X-aws-ec2-metadata-token': 'token', 'User-Agent': 'enid' };
  return async () =>
    await new Promise<void>((resolve, reject) => {
      request(`${endpoint}/latest/meta-data/mac`, { agent, headers }, (response) => {
        response.setEncoding('utf8').on('data', () => {});
        response.on('end', resolve).on('error', reject);
      })
        .on('error', reject)
        .end();
    });
});
