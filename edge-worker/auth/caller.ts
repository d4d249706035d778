import type { SnapshotKey } from '../../schemas/catalogue.ts';
import { lookUp } from '../catalogue/look-up.ts';
import type { CatalogueInHand, CatalogueView } from '../catalogue/catalogue-view.ts';
import type { Exchange } from '../exchange.ts';
import { whenReady, type Soon } from '../soon.ts';
import { grantsOf, type Grants } from './grants.ts';
import { bearerKey } from './key-hash.ts';
import { isBodySigned } from './body-signature.ts';

/** Who sends a request: nobody in particular, one of our keys, or somebody with a key that we do not know. */
export type Caller =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'known'; readonly key: SnapshotKey; readonly grants: Grants }
  | { readonly kind: 'unknown' };

/** The caller, and the catalogue in which its key was found. */
export type Called = { readonly caller: Caller; readonly view: CatalogueView };

/** Finds the caller by its `Authorization` header; a key made a moment ago is found too. */
export function callerOf(exchange: Exchange, catalogue: CatalogueInHand): Soon<Called> {
  const { edge, request } = exchange;
  const text = bearerKey(request.headers.get('authorization'));
  if (text === null) return { caller: { kind: 'anonymous' }, view: catalogue.view };
  if (text === '') return { caller: { kind: 'unknown' }, view: catalogue.view };
  const hash = edge.keyHashes.hashOf(text);
  return whenReady(lookUp(exchange, catalogue, ({ keys }) => keys.get(hash)), ({ found: key, view }): Called => {
    return { caller: key === undefined ? { kind: 'unknown' } : { kind: 'known', key, grants: grantsOf(key.scopes) }, view };
  });
}

/** Whether the body carries the signature that its key demands; true where none is demanded. */
export function isSignedAsDemanded({ request, scope }: Exchange, key: SnapshotKey, body: Uint8Array): boolean {
  if (key.signingSecret === '') return true;
  return isBodySigned({ header: request.headers.get('x-signature'), secret: key.signingSecret, body, nowMs: scope.arrivedAtMs });
}

/** What an ingesting key may send; null for anybody else, whose tokens must speak for each event. */
export function ingestGrants(caller: Caller): Grants | null {
  return caller.kind === 'known' && caller.grants.mayIngest ? caller.grants : null;
}
