import { describe, expect, test } from 'vitest';
import { createKeyHasher } from '../../core/hash.ts';
import { BROWSER } from '../fixtures/network.ts';
import { contextHash } from './context-hash.ts';
import { agentDeviceType, deviceTypeOf, NO_HINTS } from './device-type.ts';
import { ipPrefix, parseIp } from './ip.ts';
import { viewerKey, type ViewerClues } from './viewer-key.ts';

describe('addresses', () => {
  test.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['255.255.255.255', '255.255.255.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8:0::/48'],
    ['::1', '0:0:0::/48'],
    ['::ffff:203.0.113.77', '203.0.113.0/24'],
    ['nonsense', ''],
    ['', ''],
    ['1.2.3', ''],
    ['1.2.3.256', ''],
    ['1.2.3.4.5', ''],
    ['1::2::3', ''],
    ['1:2:3:4:5:6:7:8:9', ''],
    ['12345::', ''],
    ['1.2.3.4::', ''],
  ])('%s is kept as %j', (address, prefix) => {
    expect(ipPrefix(address)).toBe(prefix);
  });

  test('IPv6 in any spelling is one number', () => {
    expect(parseIp('2001:DB8::a.b')).toBe(null);
    expect(parseIp('64:ff9b::192.0.2.1')).toEqual(parseIp('64:ff9b::c000:201'));
  });
});

describe('the viewer', () => {
  const clues = { userPseudoId: '', ipHash: '', agent: BROWSER, ipPrefix: '', receivedAtMs: 0 };
  /** What the key is the hash of; '' where there is none. */
  const viewerText = (of: ViewerClues) => {
    let spelled = '';
    viewerKey({ viewer: (text, rest = '') => ((spelled = text + rest), { lo: 1, hi: 1 }) }, of);
    return spelled;
  };

  test('is the pseudonym, else what a server reports, else a browser for a day, else nobody', () => {
    expect(viewerText({ ...clues, userPseudoId: 'u', ipHash: 'h', ipPrefix: 'p' })).toBe('u/u');
    expect(viewerText({ ...clues, ipHash: 'h', ipPrefix: 'p' })).toBe(`r/h/${BROWSER}`);
    expect(viewerText({ ...clues, ipPrefix: 'p', receivedAtMs: 86_399_999 })).toBe(`d/0/p/${BROWSER}`);
    expect(viewerText({ ...clues, ipPrefix: 'p', receivedAtMs: 86_400_000 })).toBe(`d/1/p/${BROWSER}`);
    expect(viewerText(clues)).toBe('');
  });

  test('a context hash is never 0 and follows prefix and agent', async () => {
    const hasher = await createKeyHasher(1n);
    const hash = contextHash(hasher, { ipPrefix: 'p', agent: 'a' });
    expect(hash).toBe(contextHash(hasher, { ipPrefix: 'p', agent: 'a' }));
    expect(hash).not.toBe(contextHash(hasher, { ipPrefix: 'p', agent: 'b' }));
    expect(contextHash({ ...hasher, viewer: () => ({ lo: 0, hi: 5 }) }, { ipPrefix: '', agent: '' })).toBe(1);
  });
});

describe('the device', () => {
  test.each([
    [BROWSER, 'desktop'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1', 'mobile'],
    ['Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1 Mobile/15E148 Safari/604.1', 'tablet'],
    ['Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/5.0 NativeTVAds Safari/538.1', 'ctv'],
    ['', 'other'],
    ['nonsense', 'other'],
  ] as const)('%s', (agent, type) => {
    expect(agentDeviceType(agent)).toBe(type);
  });

  test('client hints speak before the agent', () => {
    expect(deviceTypeOf({ mobile: '?0', formFactors: '"Tablet"' }, 'mobile')).toBe('tablet');
    expect(deviceTypeOf({ mobile: '?1', formFactors: '' }, 'desktop')).toBe('mobile');
    expect(deviceTypeOf({ mobile: '?1', formFactors: '' }, 'tablet')).toBe('tablet');
    expect(deviceTypeOf({ mobile: '?0', formFactors: '' }, 'other')).toBe('desktop');
    expect(deviceTypeOf({ mobile: '?0', formFactors: '"XR"' }, 'tablet')).toBe('tablet');
    expect(deviceTypeOf(NO_HINTS, 'ctv')).toBe('ctv');
  });
});
