/** Properties of objects on a bus (D-Bus specification, "Standard Interfaces"). */

import * as z from 'zod';
import type { Bus } from './bus.ts';
import { variantOf } from './variant.ts';

export const propertiesInterface = 'org.freedesktop.DBus.Properties';

export interface Property {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly name: string;
}

/** The text of a property. Throws a DbusError as any call does. */
export async function readTextProperty(bus: Pick<Bus, 'call'>, property: Property): Promise<string> {
  const { destination, path, name } = property;
  const [text] = await bus.call(
    {
      ...{ destination, path, interface: propertiesInterface, member: 'Get' },
      ...{ signature: 'ss', body: [property.interface, name] },
    },
    z.tuple([variantOf(z.string())]),
  );
  return text;
}
