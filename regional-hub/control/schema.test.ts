import { getTableConfig, type SQLiteTable } from 'drizzle-orm/sqlite-core';
import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import * as tables from '../../schemas/control-tables.ts';
import { openControlDatabase } from './control-database.ts';

it('the migrations make exactly the tables that drizzle describes', () => {
  const database = openControlDatabase(':memory:');
  for (const table of Object.values(tables) as SQLiteTable[]) {
    const { name, columns } = getTableConfig(table);
    const made = database.all<{ name: string; type: string }>(sql`SELECT name, type FROM pragma_table_info(${name})`);
    expect(made).toEqual(columns.map((column) => ({ name: column.name, type: column.getSQLType().toUpperCase() })));
  }
  database.close();
});
