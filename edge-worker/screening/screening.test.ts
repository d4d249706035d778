import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { REASONS, reasonsIn } from '../../core/disposition.ts';
import { parseIp } from '../viewer/ip.ts';
import { agentFacts } from '../viewer/agent-facts.ts';
import { cidrSet } from './cidr-set.ts';
import { isFromDataCenter } from './data-center.ts';
import { isPrefetch } from './prefetch.ts';
import { SCREENING_RULES, SIGNAL } from './rules.ts';
import { screen } from './screen.ts';

describe('screen', () => {
  test('finds nothing in a clean event', () => {
    expect(screen(0)).toEqual({ screenedReason: 0, reasonMask: 0 });
  });

  test('the first rule that matches is primary, all that match are in the mask', () => {
    const { screenedReason, reasonMask } = screen(SIGNAL.unsigned | SIGNAL.declaredBot | SIGNAL.isHead | SIGNAL.adInactive);
    expect(screenedReason).toBe(REASONS.head);
    expect(reasonsIn(reasonMask).toSorted()).toEqual(['declared_bot', 'head', 'inactive', 'unsigned']);
  });

  test('each signal is one rule\'s, and each rule has its own', () => {
    expect(SCREENING_RULES.map(({ signal }) => signal).toSorted((a, b) => a - b)).toEqual(Object.values(SIGNAL));
    for (const { id, signal } of SCREENING_RULES) expect(screen(signal)).toEqual({ screenedReason: REASONS[id], reasonMask: 1 << REASONS[id] });
  });

  test('what no person did comes before what is merely out of terms', () => {
    const classes = SCREENING_RULES.map((rule) => rule.class);
    expect(classes).toEqual(classes.toSorted());
    expect(new Set(SCREENING_RULES.map(({ id }) => id)).size).toBe(SCREENING_RULES.length);
  });
});

test('browsers say in several ways that they fetch ahead of a person', () => {
  const none = { secPurpose: '', purpose: '', xMoz: '', xPurpose: '' };
  expect(isPrefetch(none)).toBe(false);
  expect(isPrefetch({ ...none, secPurpose: 'prefetch;prerender' })).toBe(true);
  expect(isPrefetch({ ...none, purpose: 'Prefetch' })).toBe(true);
  expect(isPrefetch({ ...none, xMoz: 'prefetch' })).toBe(true);
  expect(isPrefetch({ ...none, xPurpose: 'preview' })).toBe(true);
  expect(isPrefetch({ ...none, purpose: 'navigate' })).toBe(false);
});

describe('CIDR blocks', () => {
  test('are found by their addresses in both families; what is no block is counted', () => {
    const set = cidrSet(['10.0.0.0/8', '10.1.0.0/16', '203.0.113.7', '2001:db8::/32', '0.0.0.0/33', 'nonsense', '1.2.3.4/', '::1/129']);
    expect(set.unreadable).toBe(4);
    expect(set.size).toBe(3);
    const has = (text: string) => set.has(parseIp(text)!);
    expect(['10.0.0.0', '10.255.255.255', '203.0.113.7', '2001:db8:ffff::1', '::ffff:10.2.3.4'].map(has)).toEqual([true, true, true, true, true]);
    expect(['9.255.255.255', '11.0.0.0', '203.0.113.8', '2001:db9::'].map(has)).toEqual([false, false, false, false]);
  });

  test('agree with a naive look at every block', () => {
    const block = fc.tuple(fc.nat(0xffff), fc.integer({ min: 16, max: 32 }));
    fc.assert(
      fc.property(fc.array(block, { maxLength: 30 }), fc.array(fc.nat(0xffff), { minLength: 1, maxLength: 30 }), (blocks, addresses) => {
        const text = (low: number) => `10.0.${low >> 8}.${low & 255}`;
        const set = cidrSet(blocks.map(([low, bits]) => `${text(low)}/${bits}`));
        for (const low of addresses) {
          const naive = blocks.some(([start, bits]) => start >>> (32 - bits) === low >>> (32 - bits));
          expect(set.has(parseIp(text(low))!)).toBe(naive);
        }
      }),
    );
  });

  test('a hosting network needs no block', () => {
    expect(isFromDataCenter({ ip: '127.0.0.1', asn: 16509 }, cidrSet([]))).toBe(true);
    expect(isFromDataCenter({ ip: '127.0.0.1', asn: 3320 }, cidrSet([]))).toBe(false);
    expect(isFromDataCenter({ ip: 'nonsense', asn: 0 }, cidrSet(['0.0.0.0/0']))).toBe(false);
  });
});

const DATA = new URL('../../../shared/data/', import.meta.url);
const hasData = existsSync(new URL('bots/isbot_crawlers.yml', DATA));
if (!hasData) console.log('screening: the lists of real agents are not here, their shares are not checked');

describe.skipIf(!hasData)('real agents', () => {
  const read = (name: string) => readFileSync(new URL(name, DATA));
  const unquote = (text: string) => text.trim().replace(/^(['"])(.*)\1$/, '$2');
  const listOf = (name: string) => read(name).toString().split('\n').filter((line) => /^\s+- /.test(line)).map((line) => unquote(line.replace(/^\s+- /, '')));
  const shareScreened = (name: string, agents: readonly string[]) => {
    const screened = agents.map(agentFacts).filter((facts) => facts.declaredBot || facts.impossible).length;
    const share = screened / agents.length;
    console.log(`screening: ${name}: ${screened} of ${agents.length} (${(share * 100).toFixed(2)} %)`);
    return share;
  };

  test('crawlers are caught', () => {
    const crawlers = (JSON.parse(gunzipSync(read('bots/crawler-user-agents.json.gz')).toString()) as { instances: string[] }[]).flatMap(({ instances }) => instances);
    expect(shareScreened('crawler-user-agents caught', crawlers)).toBeGreaterThan(0.99);
    expect(shareScreened('isbot crawlers caught', listOf('bots/isbot_crawlers.yml'))).toBeGreaterThan(0.99);
  });

  test('browsers are let through', () => {
    expect(shareScreened('isbot browsers wrongly caught', listOf('bots/isbot_browsers.yml'))).toBeLessThan(0.01);
  });

  test('devices are let through, spiders among them are not', () => {
    const entries = gunzipSync(read('ua/uap-core_test_device.even.yaml.gz')).toString().split(/\n\s*- user_agent_string:/).slice(1);
    const parsed = entries.map((entry) => ({ agent: unquote(entry.split('\n', 1)[0]!), isSpider: /family: *'Spider'/.test(entry) }));
    const agentsOf = (isSpider: boolean) => parsed.filter((entry) => entry.isSpider === isSpider).map(({ agent }) => agent);
    expect(shareScreened('uap spiders caught', agentsOf(true))).toBeGreaterThan(0.9);
    const devices = agentsOf(false);
    const today = devices.filter((agent) => agent.startsWith('Mozilla/5.0'));
    expect(shareScreened('uap devices of the Mozilla/5.0 family wrongly caught', today)).toBeLessThan(0.03);
    // The rest are WAP phones and bare app names of the 2000s, which isbot takes for scripts.
    shareScreened('uap devices of other families caught', devices.filter((agent) => !agent.startsWith('Mozilla/5.0')));
  });
});
