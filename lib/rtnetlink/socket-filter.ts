/**
 * A route interest as a classic BPF program (linux/filter.h), so that the kernel drops the events
 * of other routes before they wake this process: a routing daemon may change thousands per second.
 * Pure. Whatever the program cannot decide passes: the interest is checked again when a message is
 * here.
 */

import { RTA_OIF, RTA_TABLE, RTM_DELROUTE, RTM_NEWROUTE } from './constants.ts';
import type { IgnoredPlace, RouteInterest, TableRange, WidePlace } from './route-interest.ts';

/** struct sock_filter. */
export interface FilterInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

// linux/bpf_common.h: class, size and mode in one number.
const LOAD_WORD_AT_X = 0x40;
const LOAD_HALF_AT_X = 0x48;
const LOAD_BYTE_AT_X = 0x50;
const LOAD_WORD = 0x20;
const LOAD_BYTE = 0x30;
const LOAD_LENGTH = 0x80;
const LOAD_NUMBER = 0x00;
const LOAD_X_NUMBER = 0x01;
const LOAD_X_MEMORY = 0x61;
const STORE = 0x02;
const OR_X = 0x4c;
const SHIFT_LEFT = 0x64;
const JUMP = 0x05;
const JUMP_EQUAL = 0x15;
const JUMP_EQUAL_X = 0x1d;
const JUMP_GREATER_OR_EQUAL = 0x35;
const RETURN = 0x06;
const COPY_TO_X = 0x07;
/**
 * SKF_AD_OFF + SKF_AD_NLATTR: the offset of the attribute of type X, sought from offset A; 0 where
 * there is none.
 */
const FIND_ATTRIBUTE = 0xfffff00c;
const MOST_INSTRUCTIONS = 4096;

// Offsets in the datagram: struct nlmsghdr, then struct rtmsg, then the attributes.
const AT_TYPE = 4;
const AT_PREFIX_LENGTH = 17;
/** The table's number if it is below 256. */
const AT_TABLE = 20;
const AT_PROTOCOL = 21;
const AT_ATTRIBUTES = 28;

type Label =
  | 'pass'
  | 'drop'
  | 'route'
  | 'whole'
  | 'protocol'
  | `after ${number}`
  | `after ${'place' | 'wide'} ${number}`;
type Step =
  | { readonly kind: 'label'; readonly label: Label }
  | { readonly kind: 'plain'; readonly code: number; readonly k: number }
  /** Jumps to `to` if the outcome of the condition is `isHeld`. */
  | { readonly kind: 'branch'; readonly code: number; readonly k: number; readonly isHeld: boolean; readonly to: Label }
  | { readonly kind: 'jump'; readonly to: Label };

/** Drops nothing. */
export const passAll: readonly FilterInstruction[] = [{ code: RETURN, jt: 0, jf: 0, k: 0xffffffff }];

/** Null: there are too many links for one program, and everything passes. */
export function compileSocketFilter(interest: RouteInterest): readonly FilterInstruction[] | null {
  const program = assemble([
    ...[plain(LOAD_BYTE, AT_TYPE + 1), unlessEqual(0, 'pass')],
    ...[plain(LOAD_BYTE, AT_TYPE), whenEqual(RTM_NEWROUTE, 'route'), unlessEqual(RTM_DELROUTE, 'pass')],
    label('route'),
    // A datagram that is longer than its first message passes unchecked; none was seen.
    ...[plain(LOAD_BYTE, 1), plain(SHIFT_LEFT, 8), plain(COPY_TO_X), plain(LOAD_BYTE, 0), plain(OR_X)],
    ...[plain(COPY_TO_X), plain(LOAD_LENGTH), branch(JUMP_EQUAL_X, 0, true, 'whole'), jump('pass')],
    label('whole'),
    ...interest.tables.flatMap(passTables),
    ...interest.widePlaces.flatMap(passWide),
    ...[...findAttribute(RTA_OIF), whenEqual(0, 'drop'), plain(COPY_TO_X), plain(LOAD_WORD_AT_X, 4)],
    ...interest.linkIndexes.map((index) => whenEqual(swapBytes(index), 'protocol')),
    jump('drop'),
    label('protocol'),
    ...interest.ignoredPlaces.flatMap(dropPlace),
    ...[plain(LOAD_BYTE, AT_PREFIX_LENGTH), whenEqual(0, 'pass'), plain(LOAD_BYTE, AT_PROTOCOL)],
    ...interest.ignoredProtocols.map((protocol) => whenEqual(protocol, 'drop')),
    ...[label('pass'), plain(RETURN, 0xffffffff), label('drop'), plain(RETURN, 0)],
  ]);
  return program.length > MOST_INSTRUCTIONS ? null : program;
}

/**
 * The machine reads words in network byte order; the kernel writes them in the host's
 * (little-endian: see message.ts).
 */
function passTables({ from, to }: TableRange, index: number): Step[] {
  const after: Label = `after ${index}`;
  const find = [...findAttribute(RTA_TABLE), whenEqual(0, 'pass'), plain(COPY_TO_X)];
  if (to === from + 1) return [...find, plain(LOAD_WORD_AT_X, 4), whenEqual(swapBytes(from), 'pass')];
  return [
    ...[...find, plain(LOAD_HALF_AT_X, 6), unlessEqual(0, after)],
    ...[plain(LOAD_BYTE_AT_X, 5), plain(SHIFT_LEFT, 8), plain(STORE, 0)],
    ...[plain(LOAD_BYTE_AT_X, 4), plain(LOAD_X_MEMORY, 0), plain(OR_X)],
    ...[branch(JUMP_GREATER_OR_EQUAL, to, true, after), branch(JUMP_GREATER_OR_EQUAL, from, true, 'pass')],
    label(after),
  ];
}

function passWide({ table, prefixLength }: WidePlace, index: number): Step[] {
  const after: Label = `after wide ${index}`;
  return [
    ...[plain(LOAD_BYTE, AT_TABLE), unlessEqual(table, after), plain(LOAD_BYTE, AT_PREFIX_LENGTH)],
    ...[branch(JUMP_GREATER_OR_EQUAL, prefixLength + 1, false, 'pass'), label(after)],
  ];
}

function dropPlace({ table, protocol }: IgnoredPlace, index: number): Step[] {
  const after: Label = `after place ${index}`;
  return [
    ...[plain(LOAD_BYTE, AT_TABLE), unlessEqual(table, after)],
    ...[plain(LOAD_BYTE, AT_PROTOCOL), whenEqual(protocol, 'drop'), label(after)],
  ];
}

/** Leaves its offset in A. */
function findAttribute(type: number): Step[] {
  return [plain(LOAD_X_NUMBER, type), plain(LOAD_NUMBER, AT_ATTRIBUTES), plain(LOAD_WORD, FIND_ATTRIBUTE)];
}

function label(name: Label): Step {
  return { kind: 'label', label: name };
}

function plain(code: number, k = 0): Step {
  return { kind: 'plain', code, k };
}

function branch(code: number, k: number, isHeld: boolean, to: Label): Step {
  return { kind: 'branch', code, k, isHeld, to };
}

function jump(to: Label): Step {
  return { kind: 'jump', to };
}

function whenEqual(k: number, to: Label): Step {
  return branch(JUMP_EQUAL, k, true, to);
}

function unlessEqual(k: number, to: Label): Step {
  return branch(JUMP_EQUAL, k, false, to);
}

function swapBytes(value: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.readUInt32BE();
}

const sizes: Readonly<Record<Step['kind'], number>> = { label: 0, plain: 1, jump: 1, branch: 2 };

/**
 * A conditional jump reaches only 255 instructions and an unconditional one any distance, so each
 * is made of both.
 */
function assemble(steps: readonly Step[]): FilterInstruction[] {
  const places = new Map<Label, number>();
  let length = 0;
  for (const step of steps) {
    if (step.kind === 'label') places.set(step.label, length);
    length += sizes[step.kind];
  }
  const program: FilterInstruction[] = [];
  // Counted from the instruction after the jump.
  const jumpTo = (to: Label) => {
    const place = places.get(to);
    if (place === undefined) throw new Error(`no label ${to}`);
    program.push({ code: JUMP, jt: 0, jf: 0, k: place - program.length - 1 });
  };
  for (const step of steps) {
    if (step.kind === 'plain') program.push({ code: step.code, jt: 0, jf: 0, k: step.k });
    if (step.kind === 'branch') {
      const { code, k, isHeld } = step;
      program.push({ code, jt: isHeld ? 0 : 1, jf: isHeld ? 1 : 0, k });
    }
    if (step.kind === 'branch' || step.kind === 'jump') jumpTo(step.to);
  }
  return program;
}
