import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { keepAlive } from './keep-alive.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** What is not kept is gone after this. */
const settle = async (): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  collectGarbage();
};
const keep = (role: string): WeakRef<object> => new WeakRef(keepAlive(role, { of: role }));

test('the latest object of each role lives until the next one comes', async () => {
  const [batch, other] = [keep('test batch'), keep('test other')];
  await settle();
  expect([batch.deref(), other.deref()]).toEqual([{ of: 'test batch' }, { of: 'test other' }]);
  const next = keep('test batch');
  await settle();
  expect([batch.deref(), next.deref(), other.deref()]).toEqual([undefined, { of: 'test batch' }, { of: 'test other' }]);
});
