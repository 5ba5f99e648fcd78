/** Who owns the watched names, as far as the bus has reported. */

/** `unknown`: the bus is away or has not answered yet. `unowned`: the name has no owner. */
export type NameOwner =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unowned' }
  | { readonly kind: 'owned'; readonly uniqueName: string };

/** `before` is never equal to `now`. */
export type OwnerListener = (now: NameOwner, before: NameOwner) => void;

interface Watch {
  owner: NameOwner;
  /** Signals seen since the last question: an answer that a signal has overtaken is out of date. */
  signals: number;
  readonly listeners: Set<OwnerListener>;
}

const unknown: NameOwner = { kind: 'unknown' };

export class NameOwners {
  readonly #watches = new Map<string, Watch>();
  readonly #ask: (name: string) => Promise<string | null>;

  /**
   * `ask` resolves to the unique name of the owner, null for none, and rejects if that cannot be
   * determined.
   */
  constructor(ask: (name: string) => Promise<string | null>) {
    this.#ask = ask;
  }

  /**
   * Returns a function that removes the listener. A listener that is added late gets the current
   * state at once.
   */
  add(name: string, listener: OwnerListener): () => void {
    const present = this.#watches.get(name);
    const watch = present ?? { owner: unknown, signals: 0, listeners: new Set() };
    watch.listeners.add(listener);
    if (present === undefined) {
      this.#watches.set(name, watch);
      void this.#refreshName(name, watch);
    } else if (watch.owner.kind !== 'unknown') {
      queueMicrotask(() => {
        if (watch.listeners.has(listener) && watch.owner.kind !== 'unknown') notify(listener, watch.owner, unknown);
      });
    }
    return () => {
      watch.listeners.delete(listener);
      if (watch.listeners.size === 0 && this.#watches.get(name) === watch) this.#watches.delete(name);
    };
  }

  /**
   * The unique name of the owner; null if there is none, if it is unknown, or if the name is not
   * watched.
   */
  ownerOf(name: string): string | null {
    const owner = this.#watches.get(name)?.owner;
    // The bus itself has no other name than this one.
    if (name === 'org.freedesktop.DBus') return name;
    return owner?.kind === 'owned' ? owner.uniqueName : null;
  }

  /** Asks for every name again: after a connect, once the match rules are on their way. */
  refresh(): void {
    for (const [name, watch] of this.#watches) void this.#refreshName(name, watch);
  }

  /** The bus is away: all owners become unknown. */
  forget(): void {
    for (const watch of this.#watches.values()) this.#set(watch, unknown);
  }

  /** Takes the body of a NameOwnerChanged: name, old owner, new owner. */
  take(body: readonly unknown[]): void {
    const [name, , newOwner] = body;
    const watch = typeof name === 'string' ? this.#watches.get(name) : undefined;
    if (watch === undefined || typeof newOwner !== 'string') return;
    watch.signals += 1;
    this.#set(watch, newOwner === '' ? { kind: 'unowned' } : { kind: 'owned', uniqueName: newOwner });
  }

  async #refreshName(name: string, watch: Watch): Promise<void> {
    const signalsBefore = watch.signals;
    try {
      const uniqueName = await this.#ask(name);
      // A signal seen since then is at least as new as the answer, in whichever order they were
      // dispatched.
      if (watch.signals !== signalsBefore) return;
      this.#set(watch, uniqueName === null ? { kind: 'unowned' } : { kind: 'owned', uniqueName });
    } catch {
      // Not connected, or no longer connected: unknown until the next connect.
    }
  }

  #set(watch: Watch, owner: NameOwner): void {
    const before = watch.owner;
    if (isSame(before, owner)) return;
    watch.owner = owner;
    for (const listener of [...watch.listeners]) notify(listener, owner, before);
  }
}

function isSame(left: NameOwner, right: NameOwner): boolean {
  if (left.kind === 'owned' && right.kind === 'owned') return left.uniqueName === right.uniqueName;
  return left.kind === right.kind;
}

function notify(listener: OwnerListener, now: NameOwner, before: NameOwner): void {
  try {
    listener(now, before);
  } catch {
    // A failing listener must not stop the others; listeners report their own errors.
  }
}
