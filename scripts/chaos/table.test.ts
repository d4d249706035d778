import { expect, it } from 'vitest';
import { withRows } from './table.ts';

const ROW_A = '| a-kill | first |';
const ROW_B = '| b-kill | second |';

it('a section is begun where there is none, and other sections stay', () => {
  const text = withRows('# Proof\n\n## Simulation\n\nwords\n', new Map([['a-kill', ROW_A]]));
  expect(text.startsWith('# Proof\n\n## Simulation\n\nwords\n\n## Real parts under faults\n')).toBe(true);
  expect(text).toContain(ROW_A);
});

it('a row replaces that of the same scenario, rows of others are kept, and so is what follows', () => {
  const first = withRows('# Proof\n', new Map([['a-kill', ROW_A], ['b-kill', ROW_B]]));
  const second = withRows(`${first}\n## Hostile input\n\n| x-kill | not ours |\n`, new Map([['a-kill', '| a-kill | new |']]));
  expect(second).toContain('| a-kill | new |');
  expect(second).not.toContain(ROW_A);
  expect(second).toContain(ROW_B);
  expect(second.match(/## Real parts/g)).toHaveLength(1);
  expect(second.endsWith('\n## Hostile input\n\n| x-kill | not ours |\n')).toBe(true);
});

it('a note of the author between the table and the next section is kept', () => {
  const first = withRows('# Proof\n', new Map([['a-kill', ROW_A]]));
  expect(withRows(`${first}\nWhat came out: words.\n`, new Map())).toContain('What came out: words.');
});
