/**
 * Asks the metadata service with node:http alone, the floor of what a read costs, or with got as
 * enid does. Runs in the guest.
 */

import { Agent, request } from 'node:http';
import * as z from 'zod';
import { serveCalls } from '../../fixtures/vpc/serve-calls.ts';
import { type ImdsSession, sendRequest } from '../../lib/imds/request.ts';

const endpoint = 'http://169.254.169.254';
/** As enid does. */
const concurrency = 8;
const agent = new Agent({ keepAlive: false });

async function ask(method: 'GET' | 'PUT', path: string, headers: Record<string, string>): Promise<string> {
  return await new Promise((resolve, reject) => {
    request(`${endpoint}/latest/${path}`, { agent, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text));
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

/** As enid keeps it, with its token. */
let session: ImdsSession | null = null;

async function askWithGot(method: 'GET', path: string, headers: Record<string, string>): Promise<string> {
  session ??= { endpoint, localAddress: null, headers, timeoutMs: 5_000 };
  return (await sendRequest(session, { method, path })).text;
}

let token: string | null = null;

/** Processor time in ms of so many requests, the token not among them. */
async function measure(count: number, get: typeof askWithGot): Promise<number> {
  token ??= await ask('PUT', 'api/token', { 'X-aws-ec2-metadata-token-ttl-seconds': '21600' });
  const headers = { 'X-aws-ec2-metadata-token': token };
  const before = process.cpuUsage();
  let left = count;
  const work = async () => {
    while (left-- > 0) await get('GET', 'meta-data/mac', headers);
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

serveCalls({
  measure: (count) => measure(z.number().parse(count), ask),
  measureGot: (count) => measure(z.number().parse(count), askWithGot),
});
