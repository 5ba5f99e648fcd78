/** `--debug`: tells each decision with its reason when it is taken, and again when it becomes another one. */

import type { Change } from '../model.ts';
import { describeChange } from './change-text.ts';
import type { Journal } from './journal.ts';

/** As `agent/decide/explain/reasons.ts` tells it. */
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
  readonly #journalOf: (mac: string | null) => Pick<Journal, 'debug'>;
  /** Topic of an ENI → what was told last. */
  #told: ReadonlyMap<string, string> = new Map();

  /**
   * `journalOf`: the journal with the fields that the entries about an ENI are found by; null: of
   * none.
   */
  constructor(journalOf: (mac: string | null) => Pick<Journal, 'debug'>) {
    this.#journalOf = journalOf;
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
      this.#journalOf(mac).debug(text, { DECISION: topic.replace(/ .*/, '') });
    }
    this.#told = all;
    if (applied > 0)
      this.#journalOf(null).debug(
        `pass: ${applied} changes made or tried, ${remaining.length} left, ${durationMs.toFixed(1)} ms`,
      );
  }
}
