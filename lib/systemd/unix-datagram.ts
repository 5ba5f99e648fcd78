/**
 * Unix datagrams, which Node does not have: libc's socket, sendto and close through koffi (prebuilt
 * FFI). Loaded on first use, because it costs 6 ms and most commands do not need it; works under
 * `node --jitless` too.
 */

import type { Buffer as NodeBuffer } from 'node:buffer';

interface Libc {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly sendto: (
    fd: number,
    data: NodeBuffer,
    length: number,
    flags: number,
    address: NodeBuffer,
    addressLength: number,
  ) => number;
  readonly close: (fd: number) => number;
  readonly errno: () => number;
  readonly errnoNames: ReadonlyMap<number, string>;
}

// linux/socket.h and asm-generic/fcntl.h; the same on x86-64 and arm64.
const afUnix = 1;
const sockDgram = 2;
const sockCloexec = 0o2000000;
const msgDontwait = 0x40;
const msgNosignal = 0x4000;
/** sizeof(sun_path) in linux/un.h. */
const longestPath = 108;

let libc: Promise<Libc> | null = null;

/**
 * Sends datagrams to one address. The socket is created with the object and lives until `close`.
 */
export class UnixDatagramSender {
  readonly #libc: Libc;
  readonly #address: NodeBuffer;
  #fd: number;

  /**
   * `address` is a path, or a name of the abstract namespace after an `@`. No receiver needs to
   * exist yet. Rejects if libc cannot be called (no addon for this architecture) or the address is
   * invalid.
   */
  static async open(address: string): Promise<UnixDatagramSender> {
    const encoded = encodeUnixAddress(address);
    libc ??= loadLibc();
    return new UnixDatagramSender(await libc, encoded);
  }

  private constructor(loaded: Libc, address: NodeBuffer) {
    this.#libc = loaded;
    this.#address = address;
    this.#fd = loaded.socket(afUnix, sockDgram | sockCloexec, 0);
    if (this.#fd < 0) throw new Error(`failed to make a unix socket: ${errorName(loaded)}`);
  }

  /**
   * Sends one datagram without waiting. Null when it is on its way, else the error's name: `ENOENT`
   * and `ECONNREFUSED` (nobody listens), `EAGAIN` (the receiver is full), `EMSGSIZE`, … Never
   * throws.
   */
  send(data: NodeBuffer): string | null {
    if (this.#fd < 0) return 'EBADF';
    const { sendto } = this.#libc;
    const flags = msgDontwait | msgNosignal;
    const sent = sendto(this.#fd, data, data.length, flags, this.#address, this.#address.length);
    return sent < 0 ? errorName(this.#libc) : null;
  }

  /** Harmless when repeated. */
  close(): void {
    if (this.#fd >= 0) this.#libc.close(this.#fd);
    this.#fd = -1;
  }
}

/** A sockaddr_un. Throws if the text is neither a path nor an abstract name, or is too long. */
export function encodeUnixAddress(address: string): NodeBuffer {
  const isAbstract = address.startsWith('@');
  if (!isAbstract && !address.startsWith('/')) throw new Error(`expected a path or an abstract name, got ${address}`);
  const name = Buffer.from(isAbstract ? `\0${address.slice(1)}` : `${address}\0`);
  if (name.length > longestPath) throw new Error(`expected at most ${longestPath - 1} bytes, got ${address}`);
  const family = Buffer.alloc(2);
  // sa_family_t in the machine's byte order; both architectures with an addon are little-endian.
  family.writeUInt16LE(afUnix);
  return Buffer.concat([family, name]);
}

async function loadLibc(): Promise<Libc> {
  const { default: koffi } = await import('koffi');
  // Null: the libraries linked into this process, so it works with glibc and musl.
  const library = koffi.load(null);
  const socket: Libc['socket'] = library.func('int socket(int domain, int type, int protocol)');
  const sendto: Libc['sendto'] = library.func(
    'long sendto(int fd, const void *data, size_t length, int flags, const void *address, unsigned int addressLength)',
  );
  const close: Libc['close'] = library.func('int close(int fd)');
  const errnoNames = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [Number(value), name]));
  return { socket, sendto, close, errno: () => koffi.errno(), errnoNames };
}

function errorName({ errno, errnoNames }: Libc): string {
  const value = errno();
  return errnoNames.get(value) ?? `errno ${value}`;
}
