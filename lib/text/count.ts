/** Counts in messages: `1 ENI`, `2 ENIs`. Pure. */

/** `plural` is for nouns that do not take an s. */
export function countOf(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
