/** A stand-in for systemd-networkd on a private bus: answers as configured and counts the calls. */

import { Message, type MessageBus, sessionBus, Variant } from 'dbus-next';

export class MockNetworkd {
  readonly calls: string[] = [];
  /** Error text for the next calls of Reload, one each. */
  readonly reloadErrors: string[] = [];
  /** Called when a question has arrived, before it is answered. */
  beforeAnswer: () => void = () => undefined;
  reloadMs = 0;
  concurrentReloads = 0;
  mostConcurrentReloads = 0;
  readonly descriptions = new Map<number, string>();
  readonly #bus: MessageBus;

  static async start(address: string): Promise<MockNetworkd> {
    const bus = sessionBus({ busAddress: address, authMethods: ['EXTERNAL'] });
    bus.on('error', () => {});
    await bus.requestName('org.freedesktop.network1');
    return new MockNetworkd(bus);
  }

  private constructor(bus: MessageBus) {
    this.#bus = bus;
    bus.addMethodHandler((call) => this.#answer(call));
  }

  /** A signal as networkd sends it when a link's AdministrativeState changes. */
  changeLink(pathIndex: string, setupState: string, destination?: string): void {
    const path = `/org/freedesktop/network1/link/${pathIndex}`;
    const body = ['org.freedesktop.network1.Link', { AdministrativeState: new Variant('s', setupState) }, []];
    this.#bus.send(
      new Message({
        type: 4,
        path,
        interface: 'org.freedesktop.DBus.Properties',
        member: 'PropertiesChanged',
        signature: 'sa{sv}as',
        body,
        ...(destination === undefined ? {} : { destination }),
      }),
    );
  }

  stop(): void {
    this.#bus._connection.stream.destroy();
  }

  #answer(call: Message): boolean {
    if (call.interface !== 'org.freedesktop.network1.Manager') return false;
    this.calls.push(call.member ?? '');
    this.beforeAnswer();
    const reply = (signature: string, body: readonly unknown[]): void =>
      this.#bus.send(Message.newMethodReturn(call, signature, body));
    const fail = (name: string, text: string): void => this.#bus.send(Message.newError(call, name, text));
    switch (call.member) {
      case 'ListLinks':
        reply('a(iso)', [[...this.descriptions.keys()].map((index) => [index, `ens${index}`, '/x'])]);
        break;
      case 'DescribeLink': {
        const text = this.descriptions.get(Number(call.body[0]));
        if (text === undefined) fail('org.freedesktop.resolve1.NoSuchLink', `Link ${call.body[0]} not known`);
        else reply('s', [text]);
        break;
      }
      case 'Reload': {
        const error = this.reloadErrors.shift();
        if (error !== undefined) {
          fail('org.freedesktop.DBus.Error.Failed', error);
          break;
        }
        this.concurrentReloads += 1;
        this.mostConcurrentReloads = Math.max(this.mostConcurrentReloads, this.concurrentReloads);
        setTimeout(() => {
          this.concurrentReloads -= 1;
          reply('', []);
        }, this.reloadMs);
        break;
      }
      case 'ReconfigureLink':
        reply('', []);
        break;
      case 'RenewLink':
        fail('org.freedesktop.DBus.Error.AccessDenied', 'not you');
        break;
      default:
        // Hang: no reply ever.
        break;
    }
    return true;
  }
}
