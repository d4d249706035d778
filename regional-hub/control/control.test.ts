import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_FLUSH_POLICY } from '../../core/flush/policy.ts';
import { hearSnapshot, openSnapshot } from '../../schemas/snapshot.ts';
import { createTestHub, INTERNAL_TOKEN, SNAPSHOT_KEY } from '../http/testing/test-hub.ts';
import { hashOfKey } from './key-store.ts';

const CATALOGUE = {
  advertisers: [{ advertiserId: 'acme', name: 'Acme', timezone: 'America/New_York' }],
  publishers: [{ publisherId: 'pub-1', name: 'The News' }],
  campaigns: [{ campaignId: 'spring', advertiserId: 'acme', clickWindowMs: 60000 }],
  ads: [{ adId: 'ad-1', campaignId: 'spring', creativeId: 'cr-1', landingUrl: 'https://acme.example/x?c={campaign_id}', publisherIds: ['pub-1'], pricing: { model: 'cpc', micros: 250000, currency: 'USD' } }],
};

let hub: ReturnType<typeof createTestHub>;
let ops: string;
beforeEach(() => {
  hub = createTestHub();
  ops = hub.keyFor('ops');
});

const put = (body: unknown) => hub.call('PUT', '/v1/catalogue', { key: ops, body });
const open = (text: string) => openSnapshot(hearSnapshot(text, SNAPSHOT_KEY).sealed, SNAPSHOT_KEY);
const snapshot = async () => open(await (await hub.call('GET', '/internal/snapshot', { key: INTERNAL_TOKEN })).text());

describe('catalogue', () => {
  it('what is put is what is got, one version later, and again without harm', async () => {
    expect(await (await put(CATALOGUE)).json()).toEqual({ catalogueVersion: 1, advertisers: 1, publishers: 1, campaigns: 1, ads: 1 });
    const got = await (await hub.call('GET', '/v1/catalogue', { key: ops })).json();
    expect(got).toMatchObject({ catalogueVersion: 1, ...CATALOGUE });
    expect(await (await put(got)).json()).toMatchObject({ catalogueVersion: 2 });
    expect(await (await hub.call('GET', '/v1/catalogue', { key: ops })).json()).toEqual({ ...(got as object), catalogueVersion: 2 });
  });

  it('a body with one fault changes nothing and names the field', async () => {
    await put(CATALOGUE);
    const reply = await put({ publishers: [{ publisherId: 'new' }], ads: [{ ...CATALOGUE.ads[0], adId: 'ad-2' }, { ...CATALOGUE.ads[0], adId: 'ad-3', campaignId: 'nope' }] });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ code: 'unknown_reference', path: 'ads[1].campaignId' });
    expect(await (await hub.call('GET', '/v1/catalogue', { key: ops })).json()).toMatchObject({ catalogueVersion: 1, ...CATALOGUE });
    for (const body of ['{', '[]', '"x"', '{"ads":[{}]}', '{"adz":[]}']) expect((await hub.call('PUT', '/v1/catalogue', { key: ops, raw: body })).status).toBe(400);
    expect((await hub.call('PUT', '/v1/catalogue', { key: ops, raw: ' '.repeat(17 * 1_048_576) })).status).toBe(413);
  });

  it('nothing that is pointed at can be deleted', async () => {
    await put(CATALOGUE);
    const remove = async (path: string) => (await hub.call('DELETE', `/v1/catalogue/${path}`, { key: ops })).status;
    expect(await remove('advertisers/acme')).toBe(409);
    expect(await remove('campaigns/spring')).toBe(409);
    expect(await remove('publishers/pub-1')).toBe(409);
    expect(await remove('ads/nope')).toBe(404);
    expect([await remove('ads/ad-1'), await remove('campaigns/spring'), await remove('publishers/pub-1'), await remove('advertisers/acme')]).toEqual([200, 200, 200, 200]);
    expect(await (await hub.call('GET', '/v1/catalogue', { key: ops })).json()).toEqual({ catalogueVersion: 5, advertisers: [], publishers: [], campaigns: [], ads: [] });
  });

  it('every change is told to edges, in a snapshot that is later than the one before', async () => {
    const before = await snapshot();
    await put(CATALOGUE);
    const after = await snapshot();
    expect(after).toMatchObject({ catalogueVersion: 1, regions: ['us', 'eu'], ads: [{ adId: 'ad-1' }] });
    expect(after.issuedAtMs).toBeGreaterThan(before.issuedAtMs);
    expect(open(hub.published.at(-1) as string)).toEqual(after);
    hub.advance(-60_000);
    await put(CATALOGUE);
    expect((await snapshot()).issuedAtMs).toBeGreaterThan(after.issuedAtMs);
  });

  it('reading the snapshot does not make it newer', async () => {
    const first = await snapshot();
    hub.advance(60_000);
    expect(await snapshot()).toEqual(first);
  });
});

describe('keys', () => {
  it('a key is shown once, kept as a hash, and dead when it is deleted', async () => {
    const reply = await hub.call('POST', '/v1/keys', { key: ops, body: { scopes: ['ops'], name: 'second' } });
    expect(reply.status).toBe(201);
    const { keyId, key } = (await reply.json()) as { keyId: string; key: string };
    expect(Buffer.from(key, 'base64url')).toHaveLength(32);
    const list = await (await hub.call('GET', '/v1/keys', { key })).text();
    expect(list).toContain(keyId);
    expect(list).not.toContain(key);
    expect(list).not.toContain(hashOfKey(key));
    expect((await snapshot()).keys).toContainEqual({ keyId, keyHash: hashOfKey(key), scopes: ['ops'], signingSecret: '' });
    expect((await hub.call('DELETE', `/v1/keys/${keyId}`, { key: ops })).status).toBe(204);
    expect((await hub.call('GET', '/v1/keys', { key })).status).toBe(401);
    expect((await snapshot()).keys.map((each) => each.keyId)).not.toContain(keyId);
    expect((await hub.call('DELETE', `/v1/keys/${keyId}`, { key: ops })).status).toBe(404);
  });

  it('scopes are checked one by one and together', async () => {
    const create = async (body: unknown) => (await hub.call('POST', '/v1/keys', { key: ops, body })).status;
    const bad = [[], ['admin'], ['advertiser:'], ['advertiser:a b'], ['ops', 7], ['advertiser:a', 'publisher:b'], 'ops', undefined, ['OPS'], [`advertiser:${'x'.repeat(65)}`]];
    for (const scopes of bad) expect([scopes, await create({ scopes })]).toEqual([scopes, 400]);
    expect(await create({ scopes: ['ops'], role: 'x' })).toBe(400);
    for (const scopes of [['ops'], ['publisher:p', 'ingest'], ['advertiser:a:b', 'advertiser:c'], ['replay', 'ingest']]) expect([scopes, await create({ scopes })]).toEqual([scopes, 201]);
  });

  it('a key that must sign gets its secret once, and edges get it too', async () => {
    const made = (await (await hub.call('POST', '/v1/keys', { key: ops, body: { scopes: ['ingest'], requireSignature: true } })).json()) as { keyId: string; signingSecret: string };
    expect((await snapshot()).keys.find((each) => each.keyId === made.keyId)?.signingSecret).toBe(made.signingSecret);
    expect(await (await hub.call('GET', '/v1/keys', { key: ops })).text()).not.toContain(made.signingSecret);
  });

  it('a deployment key may be put again without a change, and replaced', () => {
    const { keys } = hub.plane;
    const put = (key: string) => keys.ensure({ keyId: 'bootstrap-ops', key, scopes: ['ops'], name: '', nowMs: 1 });
    put('first');
    const told = hub.plane.snapshot.text();
    put('first');
    expect(hub.plane.snapshot.text()).toBe(told);
    put('second');
    expect([keys.verify('first'), keys.verify('second')?.keyId]).toEqual([undefined, 'bootstrap-ops']);
  });
});

describe('what operators tune', () => {
  it('a flush policy changes field by field, within bounds, with an audit that names who', async () => {
    const path = '/v1/ops/regions/eu/flush-policy';
    const change = (body: unknown) => hub.call('PUT', path, { key: ops, body });
    expect(await (await hub.call('GET', path, { key: ops })).json()).toEqual(DEFAULT_FLUSH_POLICY);
    expect(await (await change({ maxDelayMs: 500 })).json()).toEqual({ ...DEFAULT_FLUSH_POLICY, maxDelayMs: 500 });
    expect(hub.plane.policies.forRegion('eu').maxDelayMs).toBe(500);
    expect(hub.plane.policies.forRegion('us')).toEqual(DEFAULT_FLUSH_POLICY);
    for (const bad of [{ maxDelayMs: 1 }, { maxDelayMs: '500' }, { maxdelay: 500 }, { maxCells: null }, [], 7]) expect((await change(bad)).status).toBe(400);
    expect((await hub.call('GET', '/v1/ops/regions/mars/flush-policy', { key: ops })).status).toBe(404);
    await change({ maxDelayMs: 700, maxCells: 10 });
    const { changes } = (await (await hub.call('GET', `${path}/audit`, { key: ops })).json()) as { changes: { oldPolicy: object; newPolicy: object; changedBy: string }[] };
    expect(changes.map(({ newPolicy }) => newPolicy)).toEqual([{ ...DEFAULT_FLUSH_POLICY, maxDelayMs: 700, maxCells: 10 }, { ...DEFAULT_FLUSH_POLICY, maxDelayMs: 500 }]);
    expect(changes[0]?.oldPolicy).toEqual(changes[1]?.newPolicy);
    expect(changes[0]?.changedBy).toBe(hub.plane.keys.verify(ops)?.keyId);
  });

  it('token keys and data-centre blocks reach edges', async () => {
    const post = (body: unknown) => hub.call('POST', '/v1/ops/token-keys', { key: ops, body });
    expect(await (await post({ signingKid: 2, revokedKids: [1] })).json()).toEqual({ signingKid: 2, revokedKids: [1] });
    for (const bad of [{ signingKid: 1 }, { revokedKids: [2] }, { revokedKids: [0] }, { signingKid: 1.5 }, { signingKid: 999 }, { kid: 1 }]) expect((await post(bad)).status).toBe(400);
    const blocks = await hub.call('PUT', '/v1/ops/data-centers', { key: ops, raw: '# ours\n10.0.0.0/8\n\n2001:db8::/32 # v6\n192.0.2.1\n10.0.0.0/8\n' });
    expect(await blocks.json()).toEqual({ blocks: 3 });
    expect(await snapshot()).toMatchObject({ signingKid: 2, revokedKids: [1], dataCenterCidrs: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1/32'] });
    const bad = await hub.call('PUT', '/v1/ops/data-centers', { key: ops, raw: '10.0.0.0/8\n10.0.0.0/33\n' });
    expect([bad.status, ((await bad.json()) as { message: string }).message]).toEqual([400, expect.stringContaining('line 2')]);
  });
});

describe('the control database', () => {
  it('a second life, and a second hub over the same file, see every change', async () => {
    const databasePath = join(mkdtempSync(join(tmpdir(), 'control-')), 'control.sqlite');
    const one = createTestHub({ databasePath });
    const two = createTestHub({ databasePath });
    const key = one.keyFor('ops');
    expect((await one.call('PUT', '/v1/catalogue', { key, body: CATALOGUE })).status).toBe(200);
    expect(await (await two.call('GET', '/v1/catalogue', { key })).json()).toMatchObject({ catalogueVersion: 1, ...CATALOGUE });
    expect(two.plane.snapshot.text()).toBe(one.plane.snapshot.text());
    one.close();
    two.close();
    const again = createTestHub({ databasePath });
    expect(again.plane.catalogue.read()).toMatchObject(CATALOGUE);
    again.close();
  });
});
