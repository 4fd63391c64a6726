/**
 * The management server with many subscribers: from a changed file to the acknowledgement of the slowest of 99 %.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import { packageRoot } from '#base/entry.ts';
import type { DiscoveryResponse } from '#envoy/service/discovery/v3/discovery_pb.js';
import { eventually } from '#testing/eventually.ts';
import { freePort } from '#testing/free-port.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { stopWith } from '../load/backend.ts';
import type { Measure } from '../load/measure.ts';
import { PROXY_CORE, pinned } from '../load/processes.ts';
import { onStage } from '../load/stages.ts';

const SUBSCRIBERS = 2000;
const CHANGES = 5;
const CLUSTERS = 10;
const TYPE = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const PATH = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

/** Waits for its next response, acknowledges it, and says when. */
class Subscriber {
  private readonly session: ClientHttp2Session;
  private readonly stream: ClientHttp2Stream;
  private readonly requestType = messageType('envoy.service.discovery.v3.DiscoveryRequest');
  private readonly responseType = messageType('envoy.service.discovery.v3.DiscoveryResponse');
  private seen = Buffer.alloc(0);
  private heard: (at: number) => void = () => {};

  constructor(port: number, id: string) {
    this.session = connect(`http://127.0.0.1:${port}`);
    this.stream = this.session.request({
      ':method': 'POST',
      ':path': PATH,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    this.stream.on('data', (chunk: Buffer) => this.read(chunk));
    this.send({ node: { id, cluster: 'bench' }, typeUrl: TYPE });
  }

  /** Milliseconds of `performance.now()`, at its next acknowledgement. */
  next(): Promise<number> {
    return new Promise((resolve) => {
      this.heard = resolve;
    });
  }

  close(): void {
    this.session.destroy();
  }

  private send(fields: object): void {
    const message = toBinary(this.requestType, create(this.requestType, fields as never));
    const frame = Buffer.alloc(5 + message.length);
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, 5);
    this.stream.write(frame);
  }

  private read(chunk: Buffer): void {
    this.seen = Buffer.concat([this.seen, chunk]);
    const length = this.seen.length < 5 ? Number.POSITIVE_INFINITY : this.seen.readUInt32BE(1);
    if (this.seen.length < 5 + length) return;
    const response = fromBinary(this.responseType, this.seen.subarray(5, 5 + length)) as DiscoveryResponse;
    this.seen = this.seen.subarray(5 + length);
    this.send({ typeUrl: TYPE, versionInfo: response.versionInfo, responseNonce: response.nonce });
    this.heard(performance.now());
  }
}

export const subscribers: Measure = {
  name: 'xds-subscribers',
  run: () =>
    onStage(async (stage) => {
      const folder = join(temporaryFolder(stage), 'resources');
      mkdirSync(folder);
      const publish = (timeout: number) =>
        writeFileSync(join(folder, 'clusters.json'), JSON.stringify(resources(timeout)));
      publish(1);
      const port = await freePort();
      const own = join(packageRoot, 'bin/fairlead');
      const [program, ...args] = pinned(PROXY_CORE, [own, 'xds-server', folder, '--port', String(port)]);
      stopWith(stage, spawn(program, args, { stdio: 'ignore' }));
      await eventually('the server listens', () => fetch(`http://127.0.0.1:${port}/`).catch(() => undefined));
      const all = Array.from({ length: SUBSCRIBERS }, (_, i) => new Subscriber(port, `node-${i}`));
      stage.after(() => {
        for (const each of all) each.close();
      });
      await Promise.all(all.map((each) => each.next()));
      const times: number[] = [];
      for (let change = 0; change < CHANGES; change++) {
        const next = all.map((each) => each.next());
        const began = performance.now();
        publish(2 + change);
        for (const at of await Promise.all(next)) times.push(at - began);
      }
      const p99 = times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)];
      return [
        {
          title: `xds-server, ${SUBSCRIBERS.toLocaleString('en')} subscribers, one change: p99 to ACK, milliseconds`,
          values: { fairlead: `${p99.toFixed(0)} ms` },
          ratio: p99,
          must: 2000,
          aim: 500,
          better: 'lower',
        },
      ];
    }),
};

function resources(seconds: number): object {
  const clusters = Array.from({ length: CLUSTERS }, (_, i) => ({
    name: `cluster-${i}`,
    type: 'STATIC',
    connect_timeout: `${i === 0 ? seconds : 1}s`,
  }));
  return { clusters };
}
