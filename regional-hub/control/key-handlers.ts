import { json, readObject, type Handler } from '../http/handler.ts';
import { notFound, RequestError } from '../http/request-error.ts';
import type { ControlPlane } from './control-plane.ts';
import { scopeFault, scopesFault } from './scopes.ts';

const NAME_CHARACTERS_MAX = 200;

/** `POST/GET /v1/keys` and `DELETE /v1/keys/{id}`. */
export function keyHandlers(plane: ControlPlane) {
  const create: Handler = async ({ raw }) => {
    const body = await readObject(raw, ['scopes', 'name', 'requireSignature']);
    const request = { scopes: parseScopes(body['scopes']), name: parseName(body['name']), requiresSignature: parseFlag(body['requireSignature']) };
    const made = plane.keys.create({ ...request, nowMs: plane.clock.nowMs() });
    plane.publish();
    const { keyId, key, signingSecret } = made;
    return json(request.requiresSignature ? { keyId, key, signingSecret } : { keyId, key }, 201);
  };

  const list: Handler = () => json({ keys: plane.keys.list() });

  const remove: Handler = ({ path }) => {
    if (!plane.keys.remove(path('id'), plane.clock.nowMs())) throw notFound('there is no such key');
    plane.publish();
    return new Response(null, { status: 204, headers: { 'cache-control': 'no-store' } });
  };

  return { createKey: create, listKeys: list, deleteKey: remove };
}

function parseScopes(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw malformed('scopes', 'must be a list of scopes');
  const scopes: string[] = [];
  for (const [index, scope] of value.entries()) {
    const fault = scopeFault(scope);
    if (fault !== null) throw malformed(`scopes[${index}]`, fault);
    scopes.push(String(scope));
  }
  const unique = [...new Set(scopes)];
  const fault = scopesFault(unique);
  if (fault !== null) throw malformed('scopes', fault);
  return unique;
}

function parseName(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'string' || value.length > NAME_CHARACTERS_MAX) throw malformed('name', `must be a string of at most ${NAME_CHARACTERS_MAX} characters`);
  return value;
}

function parseFlag(value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw malformed('requireSignature', 'must be true or false');
  return value;
}

function malformed(path: string, message: string): RequestError {
  return new RequestError(400, 'malformed', `${path}: ${message}`, { path });
}
