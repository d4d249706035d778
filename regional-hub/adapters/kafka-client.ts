import { createRequire } from 'node:module';
import { connect, isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import type { Cluster, ISocketFactory, Kafka as KafkaClient, KafkaConfig } from 'kafkajs';
import { TrackingError } from '../../core/errors.ts';

const { CompressionCodecs, CompressionTypes, Kafka, PartitionAssigners, logLevel } = kafkajs;

export type KafkaConnection = {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** TLS and credentials, as kafkajs takes them. */
  readonly security?: Pick<KafkaConfig, 'ssl' | 'sasl'>;
  /** Lines of the client library, warnings and worse; they tell of retries that mostly heal. */
  readonly onClientLog?: (message: string, details: object) => void;
};

const CONNECTION_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Short on purpose: the adapter's own loops retry for as long as it takes, and know what they may repeat. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 2 };

/** The client library, mended and with zstd. */
export function createKafkaClient({ brokers, clientId, security = {}, onClientLog }: KafkaConnection): KafkaClient {
  mendRequestQueue();
  addZstd();
  return new Kafka({
    ...security,
    clientId,
    socketFactory: openSocket,
    brokers: [...brokers],
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: RETRY,
    logLevel: logLevel.WARN,
    logCreator: () => ({ log: { message, ...details } }) => onClientLog?.(message, details),
  });
}

/**
 * A connection to the brokers below the level of the library's consumer: group membership, offsets and fetches one by one.
 * A partition assigner is the one public place where the library hands its cluster out.
 */
export function createCluster(kafka: KafkaClient, groupId: string): Cluster {
  let cluster: Cluster | null = null;
  kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    partitionAssigners: [
      (config) => {
        cluster = config.cluster;
        return PartitionAssigners.roundRobin(config);
      },
    ],
  });
  if (cluster === null) throw new TrackingError('bad_configuration', 'this version of kafkajs hides its cluster');
  return cluster;
}

/** Connects again where needed and learns who leads what; true when it did. */
export async function reviveCluster(cluster: Cluster): Promise<boolean> {
  try {
    await cluster.connect();
    await cluster.refreshMetadata();
    return true;
  } catch {
    return false;
  }
}

const TRY_AGAIN_MS = 200;

/** Repeats a harmless question until it is answered, the error is fatal or `patienceMs` are over. */
export async function askAgain<Result>(question: () => Promise<Result>, patienceMs: number): Promise<Result> {
  const patience = AbortSignal.timeout(patienceMs);
  for (;;) {
    try {
      return await question();
    } catch (cause) {
      if (isFatalKafkaError(cause)) throw cause;
      if (patience.aborted) throw new TrackingError('unavailable', 'the brokers do not answer now', { cause });
      await sleep(TRY_AGAIN_MS);
    }
  }
}

/** Compression by its name in options. */
export const COMPRESSIONS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, zstd: CompressionTypes.ZSTD } as const;
export type Compression = keyof typeof COMPRESSIONS;

type Failure = { readonly name?: string; readonly type?: string; readonly retriable?: boolean; readonly cause?: unknown };

/** The protocol's name for what went wrong, from the innermost cause that has one. */
export function protocolErrorOf(error: unknown): string {
  for (let at = error as Failure | undefined; at !== undefined && at !== null; at = at.cause as Failure | undefined) {
    if (typeof at.type === 'string') return at.type;
  }
  return '';
}

const LATER = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'NOT_COORDINATOR',
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
]);

/** Whether waiting cannot help: wrong credentials, no permission, a broker that speaks no common version. */
export function isFatalKafkaError(error: unknown): boolean {
  for (let at = error as Failure | undefined; at !== undefined && at !== null; at = at.cause as Failure | undefined) {
    if (at.name === 'KafkaJSSASLAuthenticationError' || at.name === 'KafkaJSUnsupportedMagicByteInMessageSet') return true;
    if (at.name === 'KafkaJSServerDoesNotSupportApiKey' || at.name === 'KafkaJSNotImplemented') return true;
    if (at.name === 'KafkaJSProtocolError') return at.retriable === false && !LATER.has(at.type ?? '');
  }
  return false;
}

const KEEP_ALIVE_MS = 60_000;

/** As the library's own, but a socket that is given up many times while it connects is no leak to warn of. */
const openSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const socket = ssl ? connectTls({ host, port, ...servername, ...ssl }, onConnect) : connect({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket.setMaxListeners(0);
};

type RequestQueue = { throttledUntil: number; throttleCheckTimeoutId: NodeJS.Timeout | null; pending: unknown[]; checkPendingRequests(): void };
const CHECK_PENDING_MS = 10;

/**
 * kafkajs 2.2.4 asks for a timer of minus fifty years whenever nothing is throttled; Node 24 warns of it and fires it at once,
 * again and again. A timer is only wanted while requests wait or the broker asked for a pause.
 */
function mendRequestQueue(): void {
  const queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: { scheduleCheckPendingRequests(): void } };
  queue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
    const delayMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      delayMs > 0 ? delayMs : CHECK_PENDING_MS,
    );
  };
}

function addZstd(): void {
  const [compress, decompress] = [promisify(zstdCompress), promisify(zstdDecompress)];
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: (encoder: { buffer: Buffer }) => compress(encoder.buffer),
    decompress: (buffer: Buffer) => decompress(buffer),
  });
}
