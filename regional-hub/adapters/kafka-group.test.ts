import type { Cluster } from 'kafkajs';
import { expect, it } from 'vitest';
import { KafkaGroup, type Assignment } from './kafka-group.ts';

/** A coordinator that takes in one member after the other and answers commits as it is told; everything else goes well. */
function coordinatorOf(commits: (() => void)[]) {
  const said: string[] = [];
  let generations = 0;
  const coordinator = {
    joinGroup: async ({ memberId }: { memberId: string }) => {
      said.push(`join as ${memberId || 'new'}`);
      return { generationId: ++generations, leaderId: 'somebody', memberId: memberId || `member-${generations}`, members: [] };
    },
    syncGroup: async () => ({ memberAssignment: Buffer.alloc(0) }),
    heartbeat: async () => undefined,
    leaveGroup: async ({ memberId }: { memberId: string }) => void said.push(`leave as ${memberId}`),
    offsetCommit: async () => commits.shift()?.(),
  };
  const cluster = {
    connect: async () => undefined,
    disconnect: async () => undefined,
    addMultipleTargetTopics: async () => undefined,
    refreshMetadata: async () => undefined,
    findGroupCoordinator: async () => coordinator,
  } as unknown as Cluster;
  return { cluster, said };
}

const protocolError = (type: string) => () => {
  throw Object.assign(new Error(type), { type, retriable: true });
};

function groupOf(cluster: Cluster, memory?: { recall(): string; remember(memberId: string): void }) {
  const assignments: Assignment[] = [];
  const group = new KafkaGroup({
    cluster,
    groupId: 'g',
    topics: ['deltas'],
    heartbeatIntervalMs: 5,
    ...(memory === undefined ? {} : { memory }),
    onAssigned: (assignment) => {
      assignments.push(assignment);
      return new Promise((resolve) => assignment.lost.addEventListener('abort', () => resolve()));
    },
    onFatal: (error) => {
      throw error;
    },
  });
  return { group, assignments };
}

it.each(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])('a commit that hears %s ends the assignment, though heartbeats go on as if nothing had happened', async (type) => {
  const { cluster } = coordinatorOf([protocolError(type)]);
  const { group, assignments } = groupOf(cluster);
  await group.start();
  const first = assignments[0]!;
  await expect(group.commit(first, 'deltas', 0, 1n, '')).rejects.toMatchObject({ code: 'lease_lost' });
  expect(first.lost.aborted).toBe(true);
  await expect.poll(() => assignments.length).toBe(2);
  await group.commit(assignments[1]!, 'deltas', 0, 1n, '');
  expect(assignments[1]!.lost.aborted).toBe(false);
  await group.stop();
});

it('leaves in the name of its last life before it joins, once', async () => {
  const { cluster, said } = coordinatorOf([protocolError('ILLEGAL_GENERATION')]);
  let remembered = 'killed-member';
  const { group, assignments } = groupOf(cluster, { recall: () => remembered, remember: (memberId) => void (remembered = memberId) });
  await group.start();
  expect([said, remembered]).toEqual([['leave as killed-member', 'join as new'], 'member-1']);
  await group.commit(assignments[0]!, 'deltas', 0, 1n, '').catch(() => undefined);
  await expect.poll(() => assignments.length).toBe(2);
  expect(said.slice(2)).toEqual(['join as member-1']);
  await group.stop();
});
