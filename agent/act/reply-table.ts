/** Changes the table that marks replies, by one batch of nf_tables. */

import type { NftablesClient } from '../../lib/nftables/client.ts';
import {
  NF_ACCEPT,
  NFT_CT_DIRECTION,
  NFT_CT_DST_IP,
  NFT_CT_DST_IP6,
  NFT_CT_STATUS,
} from '../../lib/nftables/constants.ts';
import {
  giveVerdict,
  loadConnection,
  loadMark,
  lookUpVerdict,
  maskRegister,
  registerBytes,
  requireEqual,
  setMark,
} from '../../lib/nftables/encode.ts';
import type { Operation } from '../../lib/nftables/types.ts';
import { type Change, type ReplyRule, type ReplyStep, replyNames } from '../model.ts';
import { accept } from './kernel-request.ts';

/** The changes of that table. */
export type ReplyTableChange = Extract<Change, { kind: 'set-replies' | 'remove-replies' }>;

/** IP_CT_DIR_ORIGINAL and IPS_DST_NAT (linux/netfilter/nf_conntrack_common.h). */
const ORIGINAL = 0;
const IPS_DST_NAT = 0x20;

/** True: it was made. False: nothing had to be done. Rejects with a KernelError. */
export async function applyReplyChange(
  change: ReplyTableChange,
  client: Pick<NftablesClient, 'apply'>,
): Promise<boolean> {
  if (change.kind === 'remove-replies') return accept(['ENOENT'], client.apply([{ kind: 'delete-table' }]));
  return accept([], client.apply(change.steps.map(toOperation)));
}

function toOperation(step: ReplyStep): Operation {
  if (step.kind !== 'add-rule') return step;
  const { kind, chain, comment, rule } = step;
  return { kind, chain, comment, expressions: toExpressions(rule) };
}

function toExpressions(rule: ReplyRule): readonly Buffer[] {
  const leave = giveVerdict(NF_ACCEPT);
  switch (rule.kind) {
    case 'leave-original':
      return [loadConnection(NFT_CT_DIRECTION), requireEqual(Buffer.from([ORIGINAL])), leave];
    case 'leave-untranslated':
      return [loadConnection(NFT_CT_STATUS), maskRegister(IPS_DST_NAT, 0), requireEqual(registerBytes(0)), leave];
    case 'look-up': {
      const key = rule.family === 4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6;
      return [loadConnection(key, ORIGINAL), lookUpVerdict(replyNames.maps[rule.family])];
    }
    case 'mark':
      // (mark & ~mask) ^ value: the bits of other programs stay.
      return [loadMark(), maskRegister(~rule.mask, rule.mark), setMark()];
  }
}
