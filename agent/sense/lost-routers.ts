/**
 * Who removes the default routes of router advertisements. A netlink port makes them: that of
 * systemd-networkd, which says so by their protocol. What the same port removes, and nobody makes
 * again, is what networkd has dropped; what another one removes is drift. Where nothing was made
 * since the start of this program the maker is not known: an advertisement that renews a route
 * makes no event. Then it is a port by which somebody listens, as ip(8) does not.
 */

import { defaultDestination } from '../../lib/ip/default-route.ts';
import type { RtnetlinkEvent } from '../../lib/rtnetlink/types.ts';
import type { LostRouter } from '../model.ts';
import { isListeningPort } from './netlink-ports.ts';

/** RTPROT_RA (linux/rtnetlink.h). */
const routerAdvertisementProtocol = 9;
/** Beyond that the oldest is forgotten: it is put back then, as drift is. */
const mostLost = 256;

export class LostRouters {
  readonly #isListening: (portId: number) => boolean;
  readonly #lost = new Map<string, LostRouter>();
  #list: readonly LostRouter[] = [];
  #maker: number | null = null;

  constructor(isListening: (portId: number) => boolean = isListeningPort) {
    this.#isListening = isListening;
  }

  /** The same list until something changed. */
  list(): readonly LostRouter[] {
    return this.#list;
  }

  /** In the kernel's order. */
  receive(events: readonly RtnetlinkEvent[], nowMs: number): void {
    let isChanged = false;
    for (const event of events) isChanged = this.#take(event, nowMs) || isChanged;
    if (isChanged) this.#list = [...this.#lost.values()];
  }

  #take(event: RtnetlinkEvent, nowMs: number): boolean {
    if (event.kind !== 'route' || event.route.protocol !== routerAdvertisementProtocol) return false;
    const { change, route, portId } = event;
    // One in the place of another is enid's, which gives it another MTU and leaves it its mark.
    const isMade = change === 'new' && !event.isReplacement;
    if (isMade && portId !== undefined && portId !== 0) this.#maker = portId;
    if (route.destination !== defaultDestination[6]) return false;
    let isChanged = false;
    for (const { linkIndex, gateway } of route.paths ?? [route]) {
      if (linkIndex === null || gateway === null) continue;
      const key = `${linkIndex} ${gateway}`;
      // The first of several tables counts; a route by the router in any of them takes it back.
      if (change === 'new') isChanged = this.#lost.delete(key) || isChanged;
      else if (this.#isMaker(portId) && !this.#lost.has(key)) {
        this.#lost.set(key, { linkIndex, gateway, lostMs: nowMs });
        isChanged = true;
      }
    }
    for (const key of this.#lost.keys()) if (this.#lost.size > mostLost) this.#lost.delete(key);
    return isChanged;
  }

  #isMaker(portId: number | undefined): boolean {
    if (portId === undefined || portId === 0) return false;
    return this.#maker === null ? this.#isListening(portId) : portId === this.#maker;
  }
}
