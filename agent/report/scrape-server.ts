/** HTTP for one scraper at a time, on a loopback port or a Unix socket. */

import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';

/** A scraper asks four times a minute, and reads the answer at once. */
const mostConnections = 16;
const connectionMs = 10_000;

export interface Scraped {
  readonly contentType: string;
  readonly render: () => Promise<string>;
}

/** `127.0.0.1:9469` or `unix:/path`. Rejects where that is taken or forbidden. */
export async function openScrapeServer(address: string, { contentType, render }: Scraped): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end('expected GET /metrics\n');
      return;
    }
    render().then(
      (text) => response.writeHead(200, { 'Content-Type': contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  // One request per connection: Prometheus opens the next one itself.
  server.maxRequestsPerSocket = 1;
  limitConnections(server);
  const [, path] = /^unix:(.*)$/.exec(address) ?? [];
  if (path !== undefined) await rm(path, { force: true });
  const place = path === undefined ? parseTcpAddress(address) : { path };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(place, () => resolve());
  });
  server.on('error', () => undefined);
  return server;
}

/**
 * Each connection is closed after a while, whatever it is waiting for, and the oldest one if there
 * are too many: a client that holds many open, or sends a byte now and then, cannot lock others
 * out.
 */
function limitConnections(server: Server): void {
  const open = new Map<Socket, NodeJS.Timeout>();
  const end = (socket: Socket): void => {
    clearTimeout(open.get(socket));
    open.delete(socket);
    socket.destroy();
  };
  server.on('connection', (socket) => {
    const timer = setTimeout(() => end(socket), connectionMs);
    open.set(socket, timer);
    socket.once('close', () => end(socket));
    const [oldest] = open.keys();
    if (open.size > mostConnections && oldest !== undefined) end(oldest);
  });
}

/** The configuration has already checked the format. */
function parseTcpAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
