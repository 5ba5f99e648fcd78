import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { defaultConfig } from '../../../agent/config/defaults.ts';
import { formatConfig } from '../../../agent/config/format.ts';
import { parseConfig, parseConfigFile } from '../../../agent/config/parse.ts';
import { configSchema, interfaceSchema } from '../../../agent/config/schema.ts';
import { resolvePolicy } from '../../../agent/decide/desired/policy.ts';

const reference = readFileSync(new URL('../../../units/config.yaml', import.meta.url), 'utf8');
/** `#key:` is a setting, `# text` is prose, `#:` is the example. */
const uncommented = reference.replaceAll(/^#(?=[a-z]| {2}[a-z])/gm, '');
const example = reference
  .split('\n')
  .filter((line) => line.startsWith('#:'))
  .map((line) => line.slice(2))
  .join('\n');

describe('units/config.yaml', () => {
  it('is accepted as it is installed', () => {
    expect(parseConfig(reference, 'config.yaml')).toEqual(defaultConfig);
  });

  it('shows every key with its default', () => {
    const file = parseConfigFile(uncommented, 'config.yaml');
    expect(Object.keys(file).sort()).toEqual(Object.keys(configSchema.shape).sort());
    expect(parseConfig(uncommented, 'config.yaml')).toEqual(defaultConfig);
    expect(file.imds).toEqual({
      endpoints: defaultConfig.imds.endpoints,
      interval: defaultConfig.imds.intervalMs,
      timeout: defaultConfig.imds.timeoutMs,
      wakeOnTraffic: defaultConfig.imds.wakeOnTraffic,
    });
    expect(file.metrics).toEqual({ listen: null, textfile: null });
  });

  it('has an example of an entry with all keys and the defaults', () => {
    const [section] = parseConfigFile(example, 'config.yaml').interfaces ?? [];
    expect(Object.keys(section ?? {}).sort()).toEqual(Object.keys(interfaceSchema.shape).sort());
    expect(Object.keys(section?.match ?? {})).toHaveLength(8);
    const [entry] = parseConfig(example, 'config.yaml').interfaces;
    const eni = {
      mac: '06:53:e1:d8:f9:29',
      eniId: null,
      deviceNumber: 1,
      networkCard: 0,
      subnetId: null,
      vpcId: null,
      ipv4Addresses: [],
      ipv6Addresses: [],
      ipv4Prefixes: [],
      ipv6Prefixes: [],
      subnetIpv4: null,
      subnetIpv6: [],
      publicIpv4: {},
    };
    const subject = { eni, isPrimary: false, linkName: 'ens6', driver: 'ena', tags: null };
    expect(entry?.policy).toEqual(resolvePolicy(defaultConfig, subject));
  });

  it('is formatted to a file with the same meaning', () => {
    const config = parseConfig(example, 'config.yaml');
    expect(parseConfig(formatConfig(config), 'formatted')).toEqual(config);
  });
});
