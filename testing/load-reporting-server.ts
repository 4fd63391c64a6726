/** A load reporting server for tests: it asks for what a test says, and notes every report. Follows envoy.service.load_stats.v3. */
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { decode } from '#api/decode.ts';
import { toTree } from '#api/encode.ts';
import { rootPlace } from '#api/place.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import type { Scope } from '#testing/scope.ts';

const SERVICE = 'envoy.service.load_stats.v3.';

/** A request as JSON with the names of the proto file. */
export interface Report {
  node?: { client_features?: string[] };
  cluster_stats?: Record<string, unknown>[];
}

export class LoadReportingServer {
  readonly reports: Report[] = [];
  readonly paths: string[] = [];
  private readonly server: Http2Server = createServer();
  private readonly sessions = new Set<ServerHttp2Session>();
  private readonly streams = new Set<ServerHttp2Stream>();

  static async start(t: Scope): Promise<LoadReportingServer> {
    const made = new LoadReportingServer();
    made.server.on('session', (session) => {
      made.sessions.add(session);
      session.on('close', () => made.sessions.delete(session));
      session.on('error', () => {});
    });
    made.server.on('stream', (stream, headers) => made.onStream(stream as ServerHttp2Stream, String(headers[':path'])));
    await new Promise<void>((resolve) => made.server.listen(0, '127.0.0.1', resolve));
    t.after(() => made.close());
    return made;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get openStreams(): number {
    return this.streams.size;
  }

  breakStreams(): void {
    for (const session of this.sessions) session.destroy();
    this.streams.clear();
  }

  /** Ends every stream as a server does that goes. @param status of gRPC */
  endStreams(): void {
    for (const stream of this.streams) stream.end();
  }

  private async close(): Promise<void> {
    this.breakStreams();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Says on every stream what is to be reported. @param tree LoadStatsResponse as JSON */
  ask(tree: object): void {
    const type = messageType(`${SERVICE}LoadStatsResponse`);
    const problems = new Problems();
    const message = decode(type, JSON.parse(JSON.stringify(tree)), rootPlace(undefined, problems));
    problems.throwIfAny();
    const bytes = toBinary(type, message);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(bytes.length, 1);
    for (const stream of this.streams) stream.write(Buffer.concat([prefix, bytes]));
  }

  private onStream(stream: ServerHttp2Stream, path: string): void {
    this.paths.push(path);
    this.streams.add(stream);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('error', () => {});
    stream.on('close', () => this.streams.delete(stream));
    let rest: Buffer = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
        const end = 5 + rest.readUInt32BE(1);
        const type = messageType(`${SERVICE}LoadStatsRequest`);
        this.reports.push(toTree(type, fromBinary(type, rest.subarray(5, end))) as Report);
        rest = rest.subarray(end);
      }
    });
  }
}
