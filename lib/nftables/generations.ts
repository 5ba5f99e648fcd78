/**
 * Tells that some program has changed nf_tables: each committed batch is a new generation
 * (NFT_MSG_NEWGEN). What it changed is not read here.
 */

import { openRawSocket, type RawSocket } from '../rtnetlink/raw-socket.ts';
import type { FilterInstruction } from '../rtnetlink/socket-filter.ts';
import { NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES, NFNLGRP_NFTABLES, NFT_MSG_NEWGEN } from './constants.ts';

/** Little is queued: the filter lets one small message of each batch pass. */
const RECEIVE_BUFFER_BYTES = 256 * 1024;
/** Between attempts to open a new socket after the old one died. */
const REOPEN_DELAY_MS = 100;

// linux/bpf_common.h
const LOAD_BYTE = 0x30;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
/** Of nlmsg_type in struct nlmsghdr, little-endian. */
const AT_TYPE = 4;

/**
 * A batch's other messages, thousands for a large ruleset, are dropped in the kernel. The message
 * of the generation is a datagram of its own (nf_tables_gen_notify).
 */
const onlyGenerations: readonly FilterInstruction[] = [
  { code: LOAD_BYTE, jt: 0, jf: 0, k: AT_TYPE + 1 },
  { code: JUMP_EQUAL, jt: 0, jf: 3, k: NFNL_SUBSYS_NFTABLES },
  { code: LOAD_BYTE, jt: 0, jf: 0, k: AT_TYPE },
  { code: JUMP_EQUAL, jt: 0, jf: 1, k: NFT_MSG_NEWGEN },
  { code: RETURN, jt: 0, jf: 0, k: 0xffffffff },
  { code: RETURN, jt: 0, jf: 0, k: 0 },
];

/** Listens from construction until `close()`. Throws if the socket cannot be opened. */
export class NftablesGenerations {
  readonly #onChange: () => void;
  #socket: RawSocket | null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  /** `onChange` is also called where a message may have been lost. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#socket = this.#open();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
  }

  #open(): RawSocket {
    const socket = openRawSocket(
      {
        protocol: NETLINK_NETFILTER,
        groups: [NFNLGRP_NFTABLES],
        receiveBufferBytes: RECEIVE_BUFFER_BYTES,
        readBufferBytes: null,
      },
      {
        onDatagram: () => this.#tell(),
        onLoss: () => this.#tell(),
        onFatal: () => this.#reopen(),
        onBug: () => this.#tell(),
      },
    );
    socket.filter(onlyGenerations);
    return socket;
  }

  /** Outside the addon's callback. */
  #tell(): void {
    setImmediate(() => {
      if (!this.#isClosed) this.#onChange();
    });
  }

  #reopen(): void {
    this.#socket = null;
    if (this.#isClosed) return;
    try {
      this.#socket = this.#open();
      this.#tell();
    } catch {
      // Out of file descriptors or memory.
      this.#timer = setTimeout(() => this.#reopen(), REOPEN_DELAY_MS);
    }
  }
}
