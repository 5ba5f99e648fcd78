/** Gives back what the C library's allocator keeps. */

import koffi from 'koffi';

/**
 * malloc_trim(3): also holes in the middle of its heaps. Nothing happens where the C library has no
 * such function.
 */
export function trimMemory(): void {
  try {
    koffi.load(null).func('int malloc_trim(size_t pad)')(0);
  } catch {
    // musl has none.
  }
}
