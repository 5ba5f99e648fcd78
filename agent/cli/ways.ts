/**
 * Looks up every way in the kernel, over one socket: for `enid doctor` and `enid explain
 * --all`.
 */

import { RtnetlinkClient } from '../../lib/rtnetlink/client.ts';
import type { Config } from '../config/types.ts';
import type { AskedWays } from '../decide/explain/check-ways.ts';
import type { KnownHost } from '../decide/explain/explain.ts';
import { type JudgedWay, judgeWays, listWays } from '../decide/explain/ways.ts';
import { buildWays, renderWays } from '../report/ways-table.ts';
import { readResolvers } from '../sense/resolvers.ts';
import { askRoute } from './ask-route.ts';
import { inspectHost } from './inspect.ts';
import { type CommandResult, renderWarnings } from './status.ts';

/** Asked and judged at once, so that a daemon that asks can do its work in between. */
const questionsAtOnce = 50;

/** Throws a RtnetlinkError if the kernel cannot be read. */
export async function askWays(host: KnownHost): Promise<AskedWays> {
  const { kernel, desired } = host;
  const userId = process.getuid?.() ?? 0;
  const list = listWays({ kernel, desired, resolvers: readResolvers(), userId });
  const client = new RtnetlinkClient();
  try {
    const judged: JudgedWay[] = [];
    for (let start = 0; start < list.questions.length; start += questionsAtOnce) {
      const questions = list.questions.slice(start, start + questionsAtOnce);
      const answers = await Promise.all(questions.map((question) => askRoute(client, kernel, question)));
      judged.push(...judgeWays(host, questions, answers));
      await new Promise(setImmediate);
    }
    return { list, judged };
  } finally {
    client.close();
  }
}

/** Exit code 0: all ways are right; 2: one is wrong, or no source is known. */
export async function explainAll(config: Config, { json }: { readonly json: boolean }): Promise<CommandResult> {
  const inspection = await inspectHost(config);
  const { list, judged } = await askWays(inspection);
  const ways = buildWays({ ...list, judged, warnings: inspection.warnings });
  const stdout = json ? `${JSON.stringify(ways, null, 2)}\n` : renderWays(ways);
  return { stdout, stderr: renderWarnings(inspection), exitCode: ways.right ? 0 : 2 };
}
