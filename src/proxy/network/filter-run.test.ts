import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { FilterRun } from '#proxy/network/filter-run.ts';
import {
  Continue,
  type FilterStatus,
  type NetworkFilter,
  type NetworkFilterInUse,
  Stop,
  type TerminalInUse,
} from '#proxy/network/network-filter.ts';

/** A chain whose filters answer as their scripts say; `log` has what happened, in order. */
function chain(...filters: Partial<NetworkFilter>[]) {
  const log: string[] = [];
  const connection = new DownstreamConnection();
  const terminal: TerminalInUse = {
    begin: () => true,
    lost: () => void log.push('lost'),
    accept() {
      log.push('accepted');
      return {
        onRead: (count, bytes) => void log.push(`read ${bytes.latin1Slice(0, count)}`),
        onEnd: () => void log.push('ended'),
        onDrain: () => {},
        onClose: () => void log.push('closed'),
      };
    },
    drain() {},
    closeAll() {},
    halfClose: true,
    active: 0,
  };
  const uses = filters.map((filter, index) => ({ index, filter }) as unknown as NetworkFilterInUse);
  const run = new FilterRun(connection, uses, terminal);
  connection.filters = run;
  const flow: string[] = [];
  const socket = {
    pause: () => void flow.push('pause'),
    resume: () => void flow.push('resume'),
    destroy: () => void flow.push('destroy'),
    destroySoon: () => void flow.push('destroySoon'),
  } as unknown as Socket;
  const read = (text: string) => {
    const buffer = Buffer.from(`${text}???`, 'latin1');
    run.onRead(text.length, buffer);
    buffer.fill(0);
  };
  return { log, run, uses, connection, socket, flow, read };
}

/** Answers what it is asked for in turn, the last for ever, and notes what it saw. */
function scripted(seen: string[], first: FilterStatus, ...data: FilterStatus[]): Partial<NetworkFilter> {
  return {
    onNewConnection: () => first,
    onData(_run, _use, bytes, end) {
      seen.push(`${bytes.latin1Slice()}${end ? ' end' : ''}`);
      return (data.length > 1 ? data.shift() : data[0]) ?? Continue;
    },
    end: () => void seen.push('over'),
  };
}

test('bytes and the end pass all filters and reach the terminal one', () => {
  const [first, second]: string[][] = [[], []];
  const { run, socket, log, read } = chain(scripted(first, Continue), scripted(second, Continue));
  run.begin();
  run.accept(socket);
  read('one');
  run.onEnd();
  run.onClose();
  assert.deepEqual(log, ['accepted', 'read one', 'ended', 'closed']);
  assert.deepEqual(first, ['one', ' end', 'over']);
  assert.deepEqual(second, first);
});

test('a filter that stopped is shown all that is held, and later ones see it once', () => {
  const [first, second]: string[][] = [[], []];
  const { run, socket, log, read } = chain(scripted(first, Continue, Stop, Stop, Continue), scripted(second, Continue));
  run.begin();
  run.accept(socket);
  for (const text of ['a', 'b', 'c', 'd']) read(text);
  assert.deepEqual(first, ['a', 'ab', 'abc', 'd']);
  assert.deepEqual(second, ['abc', 'd']);
  assert.deepEqual(log, ['accepted', 'read abc', 'read d']);
});

test('filters behind one that stopped at the start, and the terminal one, hear of the connection when it goes on', () => {
  const seen: string[] = [];
  const { run, uses, socket, log, read } = chain(
    { onNewConnection: () => Stop, onData: () => Stop },
    { onNewConnection: () => (seen.push('new') > 0 ? Continue : Stop) },
  );
  run.begin();
  run.accept(socket);
  read('early');
  run.onEnd();
  assert.deepEqual([log, seen], [[], []]);
  run.continueReading(uses[0]);
  assert.deepEqual([log, seen], [['accepted', 'read early', 'ended'], ['new']]);
});

test('what goes on before TLS is agreed on waits for it', () => {
  const { run, uses, socket, log } = chain({ onNewConnection: () => Stop });
  run.begin();
  run.continueReading(uses[0]);
  assert.deepEqual(log, []);
  run.accept(socket);
  assert.deepEqual(log, ['accepted']);
});

test('above the buffer limit the client is not read until what is held went on', () => {
  const { run, uses, socket, connection, flow, log, read } = chain({ onData: () => Stop });
  connection.bufferLimit = 4;
  run.begin();
  run.accept(socket);
  read('1234');
  assert.deepEqual(flow, []);
  read('5');
  read('6');
  assert.deepEqual(flow, ['pause']);
  run.continueReading(uses[0]);
  assert.deepEqual(flow, ['pause', 'resume']);
  assert.deepEqual(log, ['accepted', 'read 123456']);
});

test('a filter that closes the connection ends the walk, for good', () => {
  const seen: string[] = [];
  const { run, socket, connection, flow, log, read } = chain(
    {
      onData(run) {
        run.close('closed', 'not_wanted');
        return Continue;
      },
    },
    scripted(seen, Continue),
  );
  run.begin();
  run.accept(socket);
  read('x');
  read('y');
  run.onClose();
  assert.deepEqual(seen, ['over']);
  assert.deepEqual(flow, ['destroy']);
  assert.deepEqual(log, ['accepted', 'closed']);
  assert.deepEqual([connection.terminationDetails, connection.closedByUs], ['not_wanted', true]);
});

test('a connection closed while a filter held it is lost to the terminal one', () => {
  const { run, socket, log } = chain({ onNewConnection: () => Stop });
  run.begin();
  run.accept(socket);
  run.onClose();
  assert.deepEqual(log, ['lost']);
});
