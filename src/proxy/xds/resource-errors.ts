/**
 * What is wrong with the resources of one update, by name: for the management server, and for the admin API.
 * Follows admin.v3.UpdateFailureState.
 */
import { contentOf } from '#api/any.ts';
import { ResourceError } from '#config/load-resource.ts';
import type { UpdateError } from '#proxy/admin/context.ts';
import type { GivenResource } from '#proxy/xds/subscription.ts';

/** A resource that is well in itself, and cannot be used. */
export class UnusableError extends Error {}

export class ResourceErrors {
  /** One of them is no message of its type: as with Envoy nothing of the update is taken. */
  malformed = false;
  private readonly kind: string;
  private readonly found: { resource: GivenResource; message: string }[] = [];

  /** @param kind `cluster`, `listener` */
  constructor(kind: string) {
    this.kind = kind;
  }

  get failed(): boolean {
    return this.found.length > 0;
  }

  /** Notes those whose name came before. @returns the others */
  withoutTwice(resources: readonly GivenResource[]): GivenResource[] {
    const names = new Set<string>();
    return resources.filter((resource) => {
      if (!names.has(resource.name)) return names.add(resource.name);
      this.add(resource, `duplicate ${this.kind} ${resource.name} found`);
      return false;
    });
  }

  add(resource: GivenResource, message: string): void {
    this.found.push({ resource, message });
  }

  /** Notes what is wrong with a resource when it is used. @throws what is no such error: a mistake of ours */
  attempt<T>(resource: GivenResource, use: () => T): T | undefined {
    try {
      return use();
    } catch (error) {
      if (!(error instanceof ResourceError) && !(error instanceof UnusableError)) throw error;
      if (error instanceof ResourceError && error.malformed) this.malformed = true;
      this.add(resource, error.message);
      return undefined;
    }
  }

  /** What the management server is told. */
  error(): Error {
    const list = this.found.map(({ resource, message }) => `${resource.name}: ${message}`);
    return new Error(`Error adding/updating ${this.kind}(s) ${list.join(', ')}`);
  }

  /** What the admin API shows, by name. */
  states(versionInfo: string): Map<string, UpdateError> {
    const lastUpdateAttempt = Date.now();
    return new Map(
      this.found.map(({ resource, message }) => {
        const failedConfiguration = contentOf(resource.any)?.message;
        const failed = failedConfiguration === undefined ? {} : { failedConfiguration };
        return [resource.name, { ...failed, lastUpdateAttempt, details: message, versionInfo }];
      }),
    );
  }
}
