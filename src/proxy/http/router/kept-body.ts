/**
 * What there is of a request's body: kept while no connection is there yet, or while it may have to be sent again. Pooled with its stream.
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { RequestEncoder } from '#proxy/upstream/request-encoder.ts';
import type { Headers } from '#wire/headers.ts';

export class KeptBody {
  chunks: Buffer[] = [];
  bytes = 0;
  /** It may have to be sent again: it stays after it was sent. */
  stays = false;
  /** The client has sent all of it. */
  ended = false;
  trailers: Headers | undefined = undefined;

  reset(): void {
    this.drop();
    this.stays = false;
    this.ended = false;
    this.trailers = undefined;
  }

  /** @param chunk copied: its bytes are the reader's. */
  add(chunk: Buffer): void {
    if (chunk.length > 0) this.chunks.push(Buffer.from(chunk));
    this.bytes += chunk.length;
  }

  drop(): void {
    if (this.chunks.length > 0) this.chunks = [];
    this.bytes = 0;
  }

  /** Sends the request's head and what there is behind it. */
  sendTo(encoder: RequestEncoder, stream: HttpStream): void {
    const { chunks, trailers } = this;
    const whole = this.ended && trailers === undefined;
    encoder.sendHeaders(stream, whole && chunks.length === 0);
    if (stream.waitingMetadata !== undefined) {
      for (const fields of stream.waitingMetadata) encoder.sendMetadata(fields);
      stream.waitingMetadata = undefined;
    }
    for (let i = 0; i < chunks.length; i++) encoder.sendData(stream, chunks[i], whole && i === chunks.length - 1);
    if (trailers !== undefined) encoder.sendTrailers(stream, trailers);
    if (!this.stays) this.drop();
  }
}

/** How many bytes may be kept of this stream's request. */
export function bodyLimit({ selected, selectedHost, connection }: HttpStream): number {
  return (
    selected?.config.perRequestBufferLimitBytes ??
    selectedHost?.config.perRequestBufferLimitBytes ??
    connection.bufferLimit
  );
}
