/** Where something that a test starts is stopped: a test's own context, or another with the same `after`. */
export interface Scope {
  after(stop: () => void | Promise<void>): void;
}
