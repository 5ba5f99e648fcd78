/**
 * Which messages are accepted on a connection to the bus, checked before decoding: any local user
 * may send messages of any size at any rate.
 */

import type { MessageBus } from 'dbus-next';
import type { CallLimits } from './call-limits.ts';
import { encodeError, type FrameHead, flagNoReply, messageType } from './frame.ts';
import { filterStream } from './frame-filter.ts';
import { WriteStall } from './write-stall.ts';

/** A call to this program: a few names as text. */
const mostCallLength = 2_048;
/**
 * Limit for arguments that contain others: decoding an `av` takes 2 µs per byte, decoding text next
 * to nothing.
 */
const mostNestedLength = 128;
/** Only signals of known senders count: networkd's largest has some hundred bytes. */
const mostSignalLength = 65_536;
/**
 * networkd 252 and 257 describe a link in 570 bytes for each route that they track: this allows 29
 * 000 of them. The bus itself passes 32 MB.
 */
const mostReplyLength = 16_777_216;
/** Limit of answers that the bus has not read yet. */
const mostUnsentLength = 4_194_304;
const limitsExceeded = 'org.freedesktop.DBus.Error.LimitsExceeded';

/**
 * Guards a connection from its first byte. `isListenedTo`: whether signals of that unique name can
 * matter to this program.
 */
export function guardConnection(bus: MessageBus, limits: CallLimits, isListenedTo: (sender: string) => boolean): void {
  const { stream } = bus._connection;
  const awaited = bus._methodReturnHandlers;
  const stall = new WriteStall(stream);
  const refuse = (head: FrameHead, text: string): false => {
    const wantsReply = (head.flags & flagNoReply) === 0 && stream.writable;
    if (wantsReply && limits.mayRefuse(performance.now())) stream.write(encodeError(head, limitsExceeded, text));
    return false;
  };
  filterStream(stream, (head) => {
    const { type, sender, replySerial } = head;
    const length = head.headLength + head.bodyLength;
    switch (type) {
      case messageType.return:
      case messageType.error: {
        const settle = awaited[replySerial];
        if (settle === undefined || length <= mostReplyLength) return settle !== undefined;
        delete awaited[replySerial];
        const text = `expected a reply of ${mostReplyLength} bytes at most, got ${length}`;
        settle({ type: messageType.error, errorName: limitsExceeded, body: [text], sender });
        return false;
      }
      case messageType.signal:
        return length <= mostSignalLength && isListenedTo(sender);
      case messageType.call:
        if (stall.isStuck(performance.now())) {
          stream.destroy(new Error('the bus takes nothing any more from this connection'));
          return false;
        }
        if (stream.writableLength > mostUnsentLength) return refuse(head, 'expected fewer answers to be unread');
        if (length > mostCallLength)
          return refuse(head, `expected a call of ${mostCallLength} bytes at most, got ${length}`);
        if (/[av({]/.test(head.signature) && head.bodyLength > mostNestedLength)
          return refuse(
            head,
            `expected ${mostNestedLength} bytes of ${head.signature} at most, got ${head.bodyLength}`,
          );
        if (!limits.letIn(sender, performance.now()))
          return refuse(head, 'expected fewer calls at a time: await the replies first');
        return true;
      default:
        return false;
    }
  });
}
