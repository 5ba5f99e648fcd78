import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ImdsServer } from '../../../fixtures/vpc/imds-server.ts';
import { ImdsClient, type ImdsClientOptions } from '../../../lib/imds/client.ts';

const hour = 3_600_000;
let server: ImdsServer;
let endpoint: string;

beforeEach(async () => {
  server = new ImdsServer();
  server.setTree({ mac: '06:00:00:00:00:01', late: null, dir: { leaf: 'x' } });
  endpoint = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
});
afterEach(() => server.close());

/**
 * An answer of a busy machine takes its time; only what is to run into a timeout has a short one.
 */
const shortTimeoutMs = 800;

function openClient(options: Partial<ImdsClientOptions> = {}): ImdsClient {
  return new ImdsClient({ endpoints: [endpoint], timeoutMs: 5_000, userAgent: 'enid/test', ...options });
}

const tokenRequests = () => server.requests().filter(({ method }) => method === 'PUT').length;

describe('get', () => {
  it('tells a value, a listing and what is not there', async () => {
    const client = openClient();
    expect(await client.get('meta-data/mac')).toEqual({ kind: 'value', text: '06:00:00:00:00:01' });
    expect(await client.get('meta-data/dir/')).toEqual({ kind: 'value', text: 'leaf' });
    expect(await client.get('meta-data/late')).toEqual({ kind: 'absent' });
    expect(await client.get('meta-data/none')).toEqual({ kind: 'absent' });
    expect(tokenRequests()).toBe(1);
    expect(client.requestCount).toBe(5);
  });

  it.each([
    ['reset', { kind: 'reset' }, 'unreachable'],
    ['hang', { kind: 'hang' }, 'timeout'],
    ['drip', { kind: 'drip', delayMs: 60 }, 'timeout'],
    ['400', { kind: 'status', status: 400 }, 'status'],
    ['500', { kind: 'status', status: 500 }, 'status'],
    ['503', { kind: 'status', status: 503 }, 'status'],
    ['403', { kind: 'status', status: 403 }, 'status'],
    ['302', { kind: 'status', status: 302 }, 'status'],
    ['204', { kind: 'status', status: 204 }, 'status'],
    ['truncated', { kind: 'truncate', bytes: 3, hasLength: true }, 'unreachable'],
    ['truncated without a length', { kind: 'truncate', bytes: 3, hasLength: false }, 'truncated'],
    ['too large', { kind: 'body', body: 'x'.repeat(1_000_000) }, 'too-large'],
    ['expired tokens', { kind: 'expire-tokens' }, 'token-expired'],
  ] as const)('%s: throws, and tells how it ended', async (_name, effect, code) => {
    const outcomes: string[] = [];
    const timeoutMs = code === 'timeout' ? shortTimeoutMs : 5_000;
    const client = openClient({ timeoutMs, onRequest: (outcome) => outcomes.push(outcome) });
    await client.get('meta-data/mac');
    server.setFaults([{ path: 'meta-data/mac', effect }]);
    await expect(client.get('meta-data/mac')).rejects.toMatchObject({ name: 'ImdsError', code });
    expect(outcomes).toEqual(['value', 'value', code]);
    server.setFaults([]);
    expect(await client.get('meta-data/mac')).toMatchObject({ kind: 'value' });
  });

  it('refused connections throw, and it recovers', async () => {
    const client = openClient();
    await client.get('meta-data/mac');
    await server.close();
    await expect(client.get('meta-data/mac')).rejects.toMatchObject({ code: 'unreachable' });
    await expect(client.get('meta-data/mac')).rejects.toMatchObject({ code: 'unreachable' });
    await server.listen(Number(new URL(endpoint).port), '127.0.0.1');
    expect(await client.get('meta-data/mac')).toMatchObject({ kind: 'value' });
  });

  it('ends early on a signal, and keeps its token', async () => {
    const client = openClient();
    await client.get('meta-data/mac');
    server.setFaults([{ effect: { kind: 'hang' } }]);
    const abort = new AbortController();
    const pending = client.get('meta-data/mac', abort.signal);
    setTimeout(() => abort.abort(), 10);
    await expect(pending).rejects.toThrow();
    server.setFaults([]);
    await client.get('meta-data/mac');
    expect(tokenRequests()).toBe(1);
  });

  it('asks no proxy', async () => {
    const names = ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    const before = names.map((name) => process.env[name]);
    for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : 'http://127.0.0.1:1';
    try {
      expect(await openClient().get('meta-data/mac')).toMatchObject({ kind: 'value' });
    } finally {
      names.forEach((name, index) => {
        const value = before[index];
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      });
    }
  });
});

describe('token', () => {
  it('is fetched once for requests at one time', async () => {
    const client = openClient();
    await Promise.all(['mac', 'dir/', 'late'].map((name) => client.get(`meta-data/${name}`)));
    expect(tokenRequests()).toBe(1);
  });

  it('is renewed at half its life; a failed renewal leaves the old one in use until it ends', async () => {
    let nowMs = 0;
    const client = openClient({ nowMs: () => nowMs });
    await client.get('meta-data/mac');
    nowMs = 3 * hour - 1;
    await client.get('meta-data/mac');
    expect(tokenRequests()).toBe(1);

    server.setFaults([{ path: 'api/token', effect: { kind: 'status', status: 503 } }]);
    nowMs = 3 * hour;
    expect(await client.get('meta-data/mac')).toMatchObject({ kind: 'value' });
    expect(await client.get('meta-data/mac')).toMatchObject({ kind: 'value' });
    expect(tokenRequests()).toBe(2);
    nowMs = 3 * hour + 60_000;
    await client.get('meta-data/mac');
    expect(tokenRequests()).toBe(3);
    nowMs = 6 * hour;
    await expect(client.get('meta-data/mac')).rejects.toMatchObject({ code: 'unreachable' });

    server.setFaults([]);
    expect(await client.get('meta-data/mac')).toMatchObject({ kind: 'value' });
  });

  it.each([
    ['empty', { kind: 'body', body: '' }],
    ['a page', { kind: 'body', body: '<html>\n</html>' }],
    ['forbidden', { kind: 'status', status: 403 }],
    ['bad request', { kind: 'status', status: 400 }],
  ] as const)('%s is none', async (_name, effect) => {
    server.setFaults([{ path: 'api/token', effect }]);
    await expect(openClient().get('meta-data/mac')).rejects.toMatchObject({ code: 'unreachable' });
    expect(server.requests().map(({ path }) => path)).toEqual(['/latest/api/token']);
  });
});

describe('the way to the service', () => {
  it('goes to the next endpoint, stays with the one that answered, and leaves it when it stops', async () => {
    const other = new ImdsServer();
    other.setTree({ mac: '06:00:00:00:00:01' });
    const otherPort = await other.listen(0, '127.0.0.1');
    try {
      const client = openClient({ endpoints: [`http://127.0.0.1:${otherPort}`, endpoint] });
      await other.close();
      await client.get('meta-data/mac');
      await other.listen(otherPort, '127.0.0.1');
      await client.get('meta-data/mac');
      expect(other.requests()).toEqual([]);
      await server.close();
      await expect(client.get('meta-data/mac')).rejects.toMatchObject({ code: 'unreachable' });
      expect(await client.get('meta-data/mac')).toMatchObject({ kind: 'value' });
      expect(other.requests()).toHaveLength(2);
    } finally {
      await other.close();
    }
  });

  it('goes from another local address where the default one gets no answer', async () => {
    const peers: (string | undefined)[] = [];
    const picky = createServer((request, response) => {
      peers.push(request.socket.remoteAddress);
      if (request.socket.remoteAddress === '127.0.0.3') response.end(request.method === 'PUT' ? 'token' : 'value');
      else request.socket.destroy();
    });
    await new Promise<void>((resolve) => picky.listen(0, '127.0.0.1', resolve));
    const address = picky.address();
    const port = typeof address === 'object' ? address?.port : 0;
    try {
      const localAddresses = () => ['2001:db8::1', '127.0.0.2', '127.0.0.3'];
      const client = openClient({ endpoints: [`http://127.0.0.1:${port}`], localAddresses });
      expect(await client.get('meta-data/mac')).toEqual({ kind: 'value', text: 'value' });
      expect(peers).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.3']);
    } finally {
      picky.close();
    }
  });

  it('is found within 3 s where nine others say nothing, and not one of them is left open', async () => {
    const silent = new Set<Socket>();
    const open = new Set<Socket>();
    const picky = createServer((request, response) => {
      if (request.socket.remoteAddress !== '127.0.0.9') silent.add(request.socket);
      else response.end(request.method === 'PUT' ? 'token' : 'value');
    });
    picky.on('connection', (socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
    });
    await new Promise<void>((resolve) => picky.listen(0, '127.0.0.1', resolve));
    const address = picky.address();
    const port = typeof address === 'object' ? address?.port : 0;
    try {
      const localAddresses = () => [2, 3, 4, 5, 6, 7, 8, 9, 10].map((last) => `127.0.0.${last}`);
      const outcomes: string[] = [];
      const client = openClient({
        endpoints: [`http://127.0.0.1:${port}`],
        localAddresses,
        onRequest: (outcome) => outcomes.push(outcome),
      });
      const sinceMs = performance.now();
      expect(await client.get('meta-data/mac')).toEqual({ kind: 'value', text: 'value' });
      // A dead service is noted after 3 s at a start (agent/daemon.ts): by then every way was
      // tried.
      expect(performance.now() - sinceMs).toBeLessThan(3_000);
      expect(silent.size).toBe(8);
      expect(outcomes.sort()).toEqual([...Array(8).fill('given-up'), 'value', 'value']);
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(open.size).toBe(0);
    } finally {
      picky.closeAllConnections();
      picky.close();
    }
  });

  it('none: it is known when the last one has had its time', async () => {
    server.setFaults([{ effect: { kind: 'hang' } }]);
    const localAddresses = () => [2, 3, 4, 5].map((last) => `127.0.0.${last}`);
    const client = openClient({ localAddresses, timeoutMs: shortTimeoutMs });
    const sinceMs = performance.now();
    await expect(client.get('meta-data/mac')).rejects.toThrow(/no answer within 800 ms .*3 other ways/);
    expect(performance.now() - sinceMs).toBeLessThan(4 * 250 + shortTimeoutMs + 500);
  });
});

it('without IPv6 in the kernel does not try its endpoints, and says so where there are no others', async () => {
  const outcomes: string[] = [];
  const onRequest = (outcome: string) => outcomes.push(outcome);
  // Nobody listens there: tried first, it would be counted as unreachable.
  const endpoints = [`http://[::1]:${new URL(endpoint).port}`, endpoint];
  const client = openClient({ endpoints, hasIpv6: () => false, onRequest });
  expect(await client.get('meta-data/mac')).toMatchObject({ kind: 'value' });
  expect(outcomes).toEqual(['value', 'value']);
  const alone = openClient({ endpoints: endpoints.slice(0, 1), hasIpv6: () => false });
  await expect(alone.get('meta-data/mac')).rejects.toThrow('every endpoint is IPv6');
});
