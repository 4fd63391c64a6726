/**
 * Which requests go on to routing, and with which host and path: others are answered here.
 * Follows Envoy's ConnectionManagerImpl::ActiveStream::decodeHeaders.
 */
import type { ServerConnection } from '#proxy/http/codec.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import { stripHostPort } from '#selection/host-port.ts';
import type { OriginalIpDetection } from '#selection/original-ip.ts';
import { normalizePath } from '#selection/path-normalization.ts';
import { ParseError } from '#wire/http1/parse-error.ts';
import { Known } from '#wire/known-headers.ts';

const SLASH = 0x2f;

/** Does what headers_with_underscores_action says. @returns whether the request was refused */
export function refusesUnderscores(stream: HttpStream, manager: ConnectionManager): boolean {
  const named: string[] = [];
  stream.requestHeaders.each((name) => {
    if (name.includes('_')) named.push(name);
  });
  if (named.length === 0) return false;
  const codecStats = (stream.codec as ServerConnection).multiplexed ? manager.http2Stats() : manager.codecStats;
  if (manager.config.common.headersWithUnderscoresAction === 'DROP_HEADER') {
    for (const name of named) stream.requestHeaders.remove(name);
    codecStats.droppedHeadersWithUnderscores.add(named.length);
    return false;
  }
  codecStats.requestsRejectedWithUnderscoresInHeaders.inc();
  stream.codec.refuse(stream, ParseError.Underscore);
  return true;
}

/** @returns false where the request was refused, since its client is not known */
export function findsClient(stream: HttpStream, manager: ConnectionManager, detect: OriginalIpDetection): boolean {
  stream.originalIp = detect(stream.requestHeaders, stream.connection.sourceAddress);
  const { rejectStatus } = stream.originalIp;
  if (rejectStatus === 0) return true;
  manager.stats.downstreamRqRejectedViaIpDetection.inc();
  sendLocalReply(stream, rejectStatus, '', 'rejecting_because_detection_failed');
  return false;
}

/** Host and path as routes see them. @returns false where the stream was answered */
export function acceptTarget(stream: HttpStream, manager: ConnectionManager): boolean {
  const { config } = manager;
  if (stream.host === '' && !stream.requestHeaders.hasKnown(Known.host)) {
    sendLocalReply(stream, 400, '', 'missing_host_header');
    return false;
  }
  if (stream.method !== 'CONNECT') {
    if (stream.path.charCodeAt(0) !== SLASH) {
      manager.stats.downstreamRqNonRelativePath.inc();
      sendLocalReply(stream, 404, '', 'absolute_path_rejected');
      return false;
    }
    if (!acceptPath(stream, manager)) return false;
  }
  if (config.stripHostPort !== 'none' || config.stripTrailingHostDot)
    stream.host = stripHostPort(stream.host, stream.connection.destinationPort, config);
  return true;
}

function acceptPath(stream: HttpStream, manager: ConnectionManager): boolean {
  const normalized = normalizePath(stream.path, manager.pathRules);
  stream.path = normalized.path;
  if (normalized.kind === 'forward') return true;
  if (normalized.kind === 'reject') {
    manager.stats.downstreamRqFailedPathNormalization.inc();
    sendLocalReply(stream, 400, '', 'path_normalization_failed');
    return false;
  }
  manager.stats.downstreamRqRedirectedWithNormalizedPath.inc();
  sendLocalReply(stream, 307, '', 'path_normalization_failed', (redirected) =>
    redirected.responseHeaders.setKnown(Known.location, normalized.path),
  );
  return false;
}
