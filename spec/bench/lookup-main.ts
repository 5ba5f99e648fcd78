/**
 * Sends packets out by a dummy link in a namespace of its own, to see what policy rules add to
 * each.
 */

import koffi from 'koffi';
import { readMonotonicMs } from '../../fixtures/vpc/monotonic.ts';
import { serveCalls } from '../../fixtures/vpc/serve-calls.ts';

/** linux/socket.h, asm-generic/socket.h. */
const AF_INET = 2;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

const library = koffi.load(null);
const socket: (domain: number, type: number, protocol: number) => number = library.func(
  'int socket(int domain, int type, int protocol)',
);
const bind: (fd: number, address: Buffer, length: number) => number = library.func(
  'int bind(int fd, const void *address, unsigned int length)',
);
const sendto: (
  fd: number,
  data: Buffer,
  length: number,
  flags: number,
  address: Buffer,
  addressLength: number,
) => number = library.func(
  'long sendto(int fd, const void *data, size_t length, int flags, const void *address, unsigned int address_length)',
);

/** struct sockaddr_in. */
function encodeAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  Buffer.from(address.split('.').map(Number)).copy(bytes, 4);
  return bytes;
}

interface Flight {
  readonly source: string;
  /** By default any. */
  readonly port?: number;
  readonly destination: string;
  readonly count: number;
}

/** Mean µs of one packet to port 9. Each asks for its route, since the socket is not connected. */
function send({ source, port = 0, destination, count }: Flight): number {
  const from = encodeAddress(source, port);
  const to = encodeAddress(destination, 9);
  const data = Buffer.alloc(18);
  const startMs = readMonotonicMs();
  for (let index = 0; index < count; index++) {
    if (sendto(descriptorOf(`${source} ${port}`, from), data, data.length, MSG_DONTWAIT, to, to.length) < 0) {
      throw new Error(`failed to send from ${source}`);
    }
  }
  return ((readMonotonicMs() - startMs) * 1_000) / count;
}

const descriptors = new Map<string, number>();

function descriptorOf(source: string, address: Buffer): number {
  const known = descriptors.get(source);
  if (known !== undefined) return known;
  const descriptor = socket(AF_INET, SOCK_DGRAM, 0);
  if (descriptor < 0 || bind(descriptor, address, address.length) !== 0) throw new Error(`failed to bind ${source}`);
  descriptors.set(source, descriptor);
  return descriptor;
}

serveCalls({ send: (parameter) => send(parameter as Flight) });
