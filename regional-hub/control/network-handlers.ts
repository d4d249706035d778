import type { FlushPolicy } from '../../core/flush/policy.ts';
import { FLUSH_POLICY_BOUNDS } from '../../core/flush/policy.ts';
import { json, readObject, readText, type Handler } from '../http/handler.ts';
import { badRequest, notFound, RequestError } from '../http/request-error.ts';
import { parseCidrList } from './cidr-list.ts';
import type { ControlPlane } from './control-plane.ts';
import { readSetting, touchSnapshot, writeSetting, type Settings } from './settings-store.ts';

/** What operators tune while the network runs: flush policies, token keys, data-centre blocks; and the snapshot itself. */
export function networkHandlers(plane: ControlPlane) {
  const getFlushPolicy: Handler = ({ path }) => json(plane.policies.forRegion(requireRegion(plane, path('region'))));

  const putFlushPolicy: Handler = async ({ raw, caller, path }) => {
    const region = requireRegion(plane, path('region'));
    const fields = (await readObject(raw, Object.keys(FLUSH_POLICY_BOUNDS))) as Partial<FlushPolicy>;
    const outcome = plane.policies.change({ region, fields, changedBy: caller.keyId, nowMs: plane.clock.nowMs() });
    if (typeof outcome === 'string') throw new RequestError(400, 'malformed', outcome, { path: outcome.split(' ')[0] ?? '' });
    return json(outcome);
  };

  const audit: Handler = ({ path }) => {
    const region = requireRegion(plane, path('region'));
    return json({ region, changes: plane.policies.audit(region) });
  };

  const getTokenKeys: Handler = () => json(readSetting(plane.database, 'tokenKeys'));

  const postTokenKeys: Handler = async ({ raw }) => {
    const body = await readObject(raw, ['signingKid', 'revokedKids']);
    const held = readSetting(plane.database, 'tokenKeys');
    const status = {
      signingKid: body['signingKid'] === undefined ? held.signingKid : requireKid(body['signingKid'], 'signingKid', 0),
      revokedKids: body['revokedKids'] === undefined ? held.revokedKids : parseKids(body['revokedKids']),
    };
    if (status.revokedKids.includes(status.signingKid)) throw new RequestError(400, 'malformed', 'a revoked key cannot sign', { path: 'signingKid' });
    change(plane, 'tokenKeys', status);
    return json(status);
  };

  const getDataCenters: Handler = () => text(readSetting(plane.database, 'dataCenterCidrs').map((block) => `${block}\n`).join(''));

  const putDataCenters: Handler = async ({ raw }) => {
    const list = parseCidrList(await readText(raw));
    if (!list.ok) throw badRequest(list.message, 'malformed');
    change(plane, 'dataCenterCidrs', list.blocks);
    return json({ blocks: list.blocks.length });
  };

  const snapshot: Handler = () => text(plane.snapshot.text());

  return { getFlushPolicy, putFlushPolicy, flushPolicyAudit: audit, getTokenKeys, postTokenKeys, getDataCenters, putDataCenters, snapshot };
}

const KID_MAX = 255;
const REVOKED_KIDS_MAX = 256;

function change<Name extends keyof Settings>(plane: ControlPlane, name: Name, value: Settings[Name]): void {
  plane.database.transaction((tx) => {
    writeSetting(tx, name, value);
    touchSnapshot(tx, plane.clock.nowMs());
  });
  plane.publish();
}

function requireRegion(plane: ControlPlane, region: string): string {
  if (!plane.plan.regions.includes(region)) throw notFound(`regions are ${plane.plan.regions.join(', ')}`);
  return region;
}

function parseKids(value: unknown): readonly number[] {
  if (!Array.isArray(value) || value.length > REVOKED_KIDS_MAX) {
    throw new RequestError(400, 'malformed', `revokedKids must be a list of at most ${REVOKED_KIDS_MAX} key ids`, { path: 'revokedKids' });
  }
  return [...new Set(value.map((kid, index) => requireKid(kid, `revokedKids[${index}]`, 1)))];
}

function requireKid(value: unknown, path: string, min: number): number {
  const isKid = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= KID_MAX;
  if (!isKid) throw new RequestError(400, 'malformed', `${path} must be a whole number from ${min} to ${KID_MAX}`, { path });
  return value;
}

function text(body: string): Response {
  return new Response(body, { headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' } });
}
