import { expect, it } from '@jest/globals';
import { describeRoute, listIpv4Endpoints, listRoutes } from '../../../lib/imds/route.ts';

const endpoints = ['http://169.254.169.254', 'http://[fd00:ec2::254]'];

it('tries the default route first, then each local address with the endpoints of its family', () => {
  expect(listRoutes(endpoints, ['10.0.1.10', '2001:db8::1', '10.0.2.20'], null).map(describeRoute)).toEqual([
    'http://169.254.169.254',
    'http://[fd00:ec2::254]',
    'http://169.254.169.254 from 10.0.1.10',
    'http://[fd00:ec2::254] from 2001:db8::1',
    'http://169.254.169.254 from 10.0.2.20',
  ]);
});

it('tries the last good way before all others, and once', () => {
  const lastGood = { endpoint: 'http://169.254.169.254', localAddress: '10.0.1.10' };
  expect(listRoutes(endpoints, ['10.0.1.10'], lastGood).map(describeRoute)).toEqual([
    'http://169.254.169.254 from 10.0.1.10',
    'http://169.254.169.254',
    'http://[fd00:ec2::254]',
  ]);
});

it('leaves out what only IPv6 leads to, where there is none', () => {
  expect(listIpv4Endpoints([...endpoints, 'http://metadata.test'])).toEqual([
    'http://169.254.169.254',
    'http://metadata.test',
  ]);
});
