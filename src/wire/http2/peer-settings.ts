/**
 * What the peer's SETTINGS say, with the values that hold until they come (RFC 9113, section 6.5.2).
 */
import { DEFAULT_WINDOW, MAX_MAX_FRAME_SIZE, MAX_WINDOW, MIN_MAX_FRAME_SIZE, SettingId } from '#wire/http2/frame.ts';
import { type Violation, Violations } from '#wire/http2/violation.ts';

export class PeerSettings {
  headerTableSize = 4096;
  maxConcurrentStreams = Number.POSITIVE_INFINITY;
  initialWindowSize = DEFAULT_WINDOW;
  maxFrameSize = MIN_MAX_FRAME_SIZE;
  maxHeaderListSize = Number.POSITIVE_INFINITY;
  /** Servers: extended CONNECT is allowed (RFC 8441). */
  enableConnectProtocol = false;

  /** Reads the pairs of a SETTINGS frame. @param fromClient servers may not allow push @returns what is wrong with one */
  apply(bytes: Buffer, start: number, end: number, fromClient: boolean): Violation | undefined {
    for (let pos = start; pos < end; pos += 6) {
      const violation = this.set(bytes.readUInt16BE(pos), bytes.readUInt32BE(pos + 2), fromClient);
      if (violation !== undefined) return violation;
    }
    return undefined;
  }

  private set(id: number, value: number, fromClient: boolean): Violation | undefined {
    switch (id) {
      case SettingId.HeaderTableSize:
        this.headerTableSize = value;
        return undefined;
      case SettingId.EnablePush:
        return value > 1 || (value === 1 && !fromClient) ? Violations.BadSetting : undefined;
      case SettingId.MaxConcurrentStreams:
        this.maxConcurrentStreams = value;
        return undefined;
      case SettingId.InitialWindowSize:
        if (value > MAX_WINDOW) return Violations.BadWindowSetting;
        this.initialWindowSize = value;
        return undefined;
      case SettingId.MaxFrameSize:
        if (value < MIN_MAX_FRAME_SIZE || value > MAX_MAX_FRAME_SIZE) return Violations.BadSetting;
        this.maxFrameSize = value;
        return undefined;
      case SettingId.MaxHeaderListSize:
        this.maxHeaderListSize = value;
        return undefined;
      case SettingId.EnableConnectProtocol:
        // RFC 8441, section 3: it is not taken back.
        if (value > 1 || (value === 0 && this.enableConnectProtocol)) return Violations.BadSetting;
        this.enableConnectProtocol = value === 1;
        return undefined;
      default:
        return undefined;
    }
  }
}
