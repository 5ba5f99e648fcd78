/**
 * docs/attach.md: its commands as they are printed, against a stand-in of `aws` that does in the
 * simulated VPC what EC2 does, with metadata that come late. The oracle is the far host.
 */

import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { installCommandInto } from '../../fixtures/enid-process.ts';
import { readGuideBlock } from '../../fixtures/guide.ts';
import { alone, primary } from '../../fixtures/vpc-shapes.ts';
import { closeLab, type Lab, openLab, sleep, testMs, until } from './lab.ts';

const document = 'attach.md';
const instanceId = 'i-0123456789abcdef0';
const attachmentId = 'eni-attach-0123456789abcdef0';
const eni = { ...alone, ipv4: (alone.ipv4 ?? []).slice(0, 3) };
const added = '10.0.2.77';

let lab: Lab;
let directory: string;
const asked: string[] = [];
let isOver = false;

/** What EC2 does and answers; the words are those of `aws ec2`. */
async function answer(words: readonly string[]): Promise<string> {
  const { vpc } = lab;
  const optionOf = (option: string) => (words.includes(option) ? words[words.indexOf(option) + 1] : undefined);
  const [, action] = words;
  asked.push(action ?? '');
  if (action === 'create-network-interface') return eni.id;
  expect(optionOf(action === 'wait' ? '--network-interface-ids' : '--network-interface-id') ?? eni.id).toBe(eni.id);
  switch (action) {
    case 'attach-network-interface':
      expect([optionOf('--instance-id'), optionOf('--device-index')]).toEqual([instanceId, String(eni.deviceNumber)]);
      await vpc.attach(eni, { metadata: { listedAfterMs: 1_000, deviceNumberAfterMs: 2_000 } });
      return attachmentId;
    case 'modify-network-interface-attribute':
      expect(optionOf('--attachment')).toBe(`AttachmentId=${attachmentId},DeleteOnTermination=true`);
      return '';
    case 'assign-private-ip-addresses':
      await vpc.assign(eni.id, { ipv4: [added] }, { metadata: 'manual' });
      setTimeout(() => void vpc.publish(eni.id), 2_000);
      return added;
    case 'unassign-private-ip-addresses':
      expect(optionOf('--private-ip-addresses')).toBe(added);
      await vpc.unassign(eni.id, { ipv4: [added] });
      return '';
    case 'detach-network-interface':
      expect(optionOf('--attachment-id')).toBe(attachmentId);
      await vpc.detach(eni.id);
      return '';
    case 'wait':
    case 'delete-network-interface':
      return '';
    default:
      throw new Error(`expected a command of docs/${document}, got aws ${words.join(' ')}`);
  }
}

/** Until the end: each request is a file `N.request`, and its answer `N.answer`. */
async function serve(): Promise<void> {
  while (!isOver) {
    for (const name of (await readdir(directory)).filter((one) => one.endsWith('.request'))) {
      const words = (await readFile(join(directory, name), 'utf8')).trim().split('\n');
      await rm(join(directory, name));
      const file = join(directory, name.replace('.request', '.answer'));
      const text = await answer(words).catch((error: unknown) => `failed: ${String(error)}`);
      await writeFile(`${file}.part`, text === '' ? '' : `${text}\n`);
      await rename(`${file}.part`, file);
    }
    await sleep(20);
  }
}

const standIn = (path: string) => `#!/bin/sh
printf '%s\\n' "$@" > ${path}/$$.part && mv ${path}/$$.part ${path}/$$.request
while [ ! -e ${path}/$$.answer ]; do sleep 0.05; done
if grep -q ^failed: ${path}/$$.answer; then cat ${path}/$$.answer >&2; exit 255; fi
cat ${path}/$$.answer
`;

async function runAll(...parts: readonly string[]): Promise<string> {
  const path = `PATH=/run/enid-command:/run/aws:${process.env['PATH']}`;
  return await lab.vpc.guest.check(['env', path, 'bash', '-euc', parts.join('\n')], { timeoutMs: 60_000 });
}

let served: Promise<void>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'enid-aws-'));
  lab = await openLab('attach', primary);
  await installCommandInto(lab.vpc.guest);
  await lab.vpc.guest.writeFile('/run/aws/aws', standIn(directory));
  await lab.vpc.guest.check(['chmod', '755', '/run/aws/aws']);
  served = serve();
}, testMs);
afterAll(async () => {
  isOver = true;
  await served;
  await closeLab(lab);
  if (existsSync(directory)) await rm(directory, { recursive: true });
}, testMs);

it(
  'attaches an ENI and ends when its addresses work, assigns one more, and goes back',
  async () => {
    const { vpc } = lab;
    const attach = readGuideBlock(document, 'bash');
    await runAll(attach);
    // At once, without a look of its own at the host.
    for (const source of eni.ipv4 ?? []) expect([source, await vpc.reaches(source)]).toEqual([source, true]);
    // As in the shell that has set its names.
    const known = `eni=${eni.id} attachment=${attachmentId}`;
    expect(await runAll(known, readGuideBlock(document, 'sh'))).toMatch(/RESULT: right way\./);
    expect(await vpc.reaches(added)).toBe(true);
    await runAll(`${known} address=${added}`, readGuideBlock(document, 'text'));
    await until('nothing of it is left', async () => {
      const rules = await vpc.guest.check(['ip', 'rule']);
      return !rules.includes('10.0.2.') && !rules.includes('10001');
    });
    expect(asked).toEqual([
      ...['create-network-interface', 'attach-network-interface', 'modify-network-interface-attribute'],
      ...['assign-private-ip-addresses', 'unassign-private-ip-addresses', 'detach-network-interface'],
      ...['wait', 'delete-network-interface'],
    ]);
  },
  testMs,
);
