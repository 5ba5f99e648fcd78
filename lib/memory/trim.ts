/** Returns memory that the C library's allocator keeps. */

import koffi from 'koffi';

/**
 * malloc_trim(3): also frees holes in the middle of its heaps. Does nothing if the C library has no
 * such function.
 */
export function trimMemory(): void {
  try {
    koffi.load(null).func('int malloc_trim(size_t pad)')(0);
  } catch {
    // musl has none.
  }
}
