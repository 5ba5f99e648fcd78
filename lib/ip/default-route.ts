/** The destinations of default routes. Pure. */

/** By family. */
export const defaultDestination = { 4: '0.0.0.0/0', 6: '::/0' } as const;

export function isDefaultRoute({ destination }: { readonly destination: string }): boolean {
  return destination === defaultDestination[4] || destination === defaultDestination[6];
}
