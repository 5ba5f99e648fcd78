/** The known word that somebody probably meant. Pure. */

import { distance } from 'fastest-levenshtein';

/** The nearest of `known` to `word`; null where none is near. */
export function suggestWord(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  // A third of the word may be wrong: beyond that the suggestion is noise. Rounded up: two letters
  // swapped are two steps.
  let bestSteps = Math.ceil(Math.max(word.length, 3) / 3) + 1;
  for (const candidate of known) {
    const steps = distance(word.slice(0, 64).toLowerCase(), candidate.toLowerCase());
    if (steps < bestSteps) [best, bestSteps] = [candidate, steps];
  }
  return best;
}
