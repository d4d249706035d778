import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { IntakeMetrics } from '../intake/accept-frame.ts';
import type { SinkEvents } from '../sink/sink-deps.ts';

/** What Prometheus is told. Labels are closed sets of ours: no id of a tenant, an ad or a shard is ever one. */
export type HubMetrics = {
  readonly registry: Registry;
  readonly intake: IntakeMetrics;
  readonly sink: SinkEvents;
};

/** Metrics of one hub in a registry of their own. The gauges are read when Prometheus asks. */
export function createHubMetrics(read: { waitingRecords: () => Promise<number>; openStreams: () => number }): HubMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  registry.registerMetric(gauge('edgetally_log_waiting_records', 'Records in the log that are not in the store yet', read.waitingRecords));
  registry.registerMetric(gauge('edgetally_open_streams', 'Readers of the live stream', read.openStreams));
  return { registry, intake: intakeMetrics(registers), sink: sinkMetrics(registers) };
}

function gauge(name: string, help: string, read: () => number | Promise<number>): Gauge {
  return new Gauge({
    name,
    help,
    registers: [],
    async collect() {
      this.set(await read());
    },
  });
}

function intakeMetrics(registers: Registry[]): IntakeMetrics {
  const frames = new Counter({ name: 'edgetally_frames_total', help: 'Frames that came to the door, by outcome', labelNames: ['outcome'], registers });
  const bytes = new Counter({ name: 'edgetally_frame_bytes_total', help: 'Bytes of frames that came to the door', registers });
  const events = new Counter({ name: 'edgetally_events_appended_total', help: 'Events in frames that were appended to the log', registers });
  return {
    flushed(outcome, { bodyBytes, rawEvents }) {
      frames.inc({ outcome });
      bytes.inc(bodyBytes);
      events.inc(rawEvents);
    },
  };
}

function sinkMetrics(registers: Registry[]): SinkEvents {
  const rows = new Counter({ name: 'edgetally_sink_rows_total', help: 'Rows inserted into the store, by topic', labelNames: ['topic'], registers });
  const ranges = new Counter({ name: 'edgetally_sink_ranges_total', help: 'Ranges inserted into the store, by topic', labelNames: ['topic'], registers });
  const repeated = new Counter({ name: 'edgetally_sink_frames_repeated_total', help: 'Frames that came twice and were dropped', registers });
  const halted = new Counter({ name: 'edgetally_sink_frames_refused_total', help: 'Frames of halted shards: numbers are incomplete', labelNames: ['why'], registers });
  const failed = new Counter({ name: 'edgetally_sink_failures_total', help: 'Attempts to insert a range that failed', registers });
  const seconds = new Histogram({ name: 'edgetally_sink_range_seconds', help: 'From the claim of a range to its confirmed insert', buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10], registers });
  return {
    rangeStored(report) {
      rows.inc({ topic: report.topic }, report.rows);
      ranges.inc({ topic: report.topic });
      seconds.observe(report.elapsedMs / 1_000);
    },
    frameRepeated: () => repeated.inc(),
    shardHalted: ({ verdict }) => halted.inc({ why: verdict }),
    rangeFailed: () => failed.inc(),
  };
}
