import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireDistinct, requireSecret } from '../schemas/secret.ts';
import { parseTokenKeys } from '../schemas/token-keys.ts';

/** What this machine's network signs and opens with. All are 256 random bits, base64url. */
export type Secrets = {
  readonly tokenKeys: readonly { readonly kid: number; readonly secret: string }[];
  readonly snapshotKey: string;
  readonly viewerKey: string;
  readonly flushKey: string;
  readonly internalToken: string;
  readonly apiKeys: { readonly ops: string; readonly ingest: string; readonly replay: string; readonly settle: string };
};

/**
 * Reads the secrets of `dataDir`, or makes them at the first start. Readable by the owner alone. Throws `bad_configuration` for secrets that
 * somebody put there and nobody drew at random: otherwise edge and hub would start, refuse them, and be started again for ever.
 */
export function loadSecrets(dataDir: string): Secrets {
  const path = join(dataDir, 'secrets.json');
  if (existsSync(path)) return checked(JSON.parse(readFileSync(path, 'utf8')) as Secrets);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const secrets = generateSecrets();
  writeFileSync(`${path}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return secrets;
}

function checked(secrets: Secrets): Secrets {
  const { snapshotKey, viewerKey, flushKey, internalToken, apiKeys, tokenKeys } = secrets;
  const named = Object.entries({ snapshotKey, viewerKey, flushKey, internalToken, ...apiKeys }).map(([name, text]) => ({ name, secret: requireSecret(name, text) }));
  const ofTokens = parseTokenKeys(JSON.stringify(tokenKeys), 'tokenKeys').map(({ kid, secret }) => ({ name: `tokenKeys, kid ${kid}`, secret }));
  requireDistinct([...named, ...ofTokens]);
  return secrets;
}

function generateSecrets(): Secrets {
  const secret = (): string => randomBytes(32).toString('base64url');
  return {
    tokenKeys: [
      { kid: 1, secret: secret() },
      { kid: 2, secret: secret() },
    ],
    snapshotKey: secret(),
    viewerKey: secret(),
    flushKey: secret(),
    internalToken: secret(),
    apiKeys: { ops: secret(), ingest: secret(), replay: secret(), settle: secret() },
  };
}
