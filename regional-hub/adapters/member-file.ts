import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { MemberMemory } from './kafka-group.ts';

/** A hub's name in its consumer group, in a file of its data folder. A file cut short names nobody, and then the session's end is waited for. */
export function memberFile(path: string): MemberMemory {
  return {
    recall: () => (existsSync(path) ? readFileSync(path, 'utf8') : ''),
    remember: (memberId) => writeFileSync(path, memberId),
  };
}
