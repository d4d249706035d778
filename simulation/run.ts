import { runSeed } from './run-seed.ts';
const seed = Number(process.argv[2] ?? 1); const n = Number(process.argv[3] ?? 1);
for (let s = seed; s < seed + n; s++) {
  const t = performance.now();
  const r = await runSeed({ seed: s, hours: 1, keptLines: n === 1 ? 60 : 0 });
  console.log(s, r.traceHash, r.steps, r.events, Math.round(performance.now() - t), 'ms', r.violation?.message ?? 'ok');
  if (n === 1) { console.log(r.faults); if (r.violation) console.log(r.tail.join('\n')); }
}
