import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const KAFKA_VERSION = '4.2.0';
const LOG4J_VERSION = '2.25.5';
const DEPENDENCY_PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const MIN_JAVA = 17;

/** What is missing before Kafka can run here, said with the way to get it; null when nothing is. */
export function missingForKafka(libDirectory: string): string | null {
  const java = javaMajorVersion();
  if (java === null) return `Java ${MIN_JAVA} or newer is not on the PATH (Debian: apt install openjdk-17-jre-headless; macOS: brew install openjdk@17), or set JAVA_HOME`;
  if (java < MIN_JAVA) return `Java ${java} is too old for Kafka ${KAFKA_VERSION}: it takes ${MIN_JAVA} or newer; set JAVA_HOME to one`;
  if (hasJars(libDirectory) || spawnSync('mvn', ['-v']).status === 0) return null;
  return `Maven fetches Kafka's jars and is not on the PATH (Debian: apt install maven; macOS: brew install maven), or put them into ${libDirectory}`;
}

/** The `java` to run. */
export function javaCommand(): string {
  const home = process.env['JAVA_HOME'];
  return home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
}

/** Fetches Kafka's jars from Maven Central into `libDirectory`, unless they are there. The folder appears whole or not at all. */
export async function fetchKafkaJars(libDirectory: string, onProgress: (line: string) => void): Promise<void> {
  if (hasJars(libDirectory)) return;
  onProgress(`fetching Apache Kafka ${KAFKA_VERSION} (about 43 MB) from Maven Central into ${libDirectory}`);
  mkdirSync(dirname(libDirectory), { recursive: true });
  const work = mkdtempSync(join(dirname(libDirectory), 'jars-'));
  try {
    writeFileSync(join(work, 'pom.xml'), pom());
    const flags = ['-q', '-B', '-f', join(work, 'pom.xml'), DEPENDENCY_PLUGIN, '-DincludeScope=runtime', `-DoutputDirectory=${join(work, 'lib')}`];
    await run('mvn', flags);
    rmSync(libDirectory, { recursive: true, force: true });
    renameSync(join(work, 'lib'), libDirectory);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function hasJars(libDirectory: string): boolean {
  return existsSync(libDirectory) && readdirSync(libDirectory).includes(`kafka_2.13-${KAFKA_VERSION}.jar`);
}

function javaMajorVersion(): number | null {
  const { stderr, status } = spawnSync(javaCommand(), ['-version'], { encoding: 'utf8' });
  const [, major] = /version "(\d+)/.exec(stderr ?? '') ?? [];
  return status === 0 && major !== undefined ? Number(major) : null;
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer) => (output = (output + chunk).slice(-4_000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`${command} failed (${code}):\n${output}`))));
  });
}

function pom(): string {
  const dependency = (group: string, artifact: string, version: string) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>edgetally</groupId><artifactId>kafka-jars</artifactId><version>1</version><dependencies>
${dependency('org.apache.kafka', 'kafka_2.13', KAFKA_VERSION)}
${dependency('org.apache.logging.log4j', 'log4j-slf4j-impl', LOG4J_VERSION)}
${dependency('org.apache.logging.log4j', 'log4j-core', LOG4J_VERSION)}
</dependencies></project>`;
}
