/** `--debug`: tells each decision with its reason when it is taken, and again when it becomes another one. */

import type { Change } from '../model.ts';
import { describeChange } from './change-text.ts';
import type { Fields, Journal } from './journal.ts';

/** As `agent/decide/reasons.ts` tells it. */
export interface Decision {
  readonly mac: string | null;
  readonly topic: string;
  readonly text: string;
}

export interface PassSummary {
  readonly applied: number;
  readonly durationMs: number;
  /** Changes that are due and were not made. */
  readonly remaining: readonly Change[];
}

export class DecisionLog {
  readonly #journal: Pick<Journal, 'debug'>;
  readonly #fieldsOf: (mac: string) => Fields;
  /** Topic of an ENI → what was told last. */
  #told: ReadonlyMap<string, string> = new Map();

  /** `fieldsOf`: what the journal's entries about an ENI are found by. */
  constructor(journal: Pick<Journal, 'debug'>, fieldsOf: (mac: string) => Fields) {
    this.#journal = journal;
    this.#fieldsOf = fieldsOf;
  }

  /** After each pass: all decisions that hold. */
  passed(decisions: readonly Decision[], { applied, durationMs, remaining }: PassSummary): void {
    const held = remaining.map((change) => ({
      mac: change.mac,
      topic: `held ${describeChange(change)}`,
      text: `${change.linkName}: not done yet: ${describeChange(change)} (${change.reason})`,
    }));
    const all = new Map<string, string>();
    for (const { mac, topic, text } of [...decisions, ...held]) {
      const key = `${mac ?? ''} ${topic}`;
      all.set(key, text);
      if (this.#told.get(key) === text) continue;
      this.#journal.debug(text, { ...(mac === null ? {} : this.#fieldsOf(mac)), DECISION: topic.replace(/ .*/, '') });
    }
    this.#told = all;
    if (applied > 0)
      this.#journal.debug(
        `pass: ${applied} changes made or tried, ${remaining.length} left, ${durationMs.toFixed(1)} ms`,
      );
  }
}
