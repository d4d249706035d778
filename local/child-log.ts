import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

/** Past this the file is begun anew; what it said has been passed on by then. */
export const CHILD_LOG_BYTES_MAX = 16 * 1_048_576;
const CHUNK_BYTES = 65_536;

/**
 * The file that a child writes its output to, read from behind. The child never waits for its reader: through a pipe, one that stands still
 * stops the child with the pipe's 64th KiB.
 */
export class ChildLog {
  /** For the child; it appends. */
  readonly fd: number;
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #offset = 0;
  #partOfLine = '';

  /** Begins the file anew. */
  constructor(path: string, onLine: (line: string) => void) {
    this.#onLine = onLine;
    this.fd = openSync(path, 'a+', 0o600);
    ftruncateSync(this.fd);
  }

  /** Passes on every line that has been written since. */
  passOn(): void {
    for (;;) {
      const bytes = readSync(this.fd, this.#chunk, 0, CHUNK_BYTES, this.#offset);
      if (bytes === 0) break;
      this.#offset += bytes;
      const lines = (this.#partOfLine + this.#decoder.write(this.#chunk.subarray(0, bytes))).split('\n');
      this.#partOfLine = lines.pop() ?? '';
      for (const line of lines) this.#onLine(line);
    }
    if (fstatSync(this.fd).size <= CHILD_LOG_BYTES_MAX) return;
    ftruncateSync(this.fd);
    this.#offset = 0;
  }

  close(): void {
    this.passOn();
    closeSync(this.fd);
  }
}
