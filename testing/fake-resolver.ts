/** Answers questions for names when a test says so. */
import type { LookupFamily, NameResolver, Resolution } from '#proxy/upstream/discovery/name-resolver.ts';

interface Question {
  name: string;
  family: LookupFamily;
  done: (resolution: Resolution) => void;
}

export class FakeResolver implements NameResolver {
  /** Asked, and neither answered nor given up. */
  open: Question[] = [];

  resolve(name: string, family: LookupFamily, done: (resolution: Resolution) => void): () => void {
    const question = { name, family, done };
    this.open.push(question);
    return () => {
      this.open = this.open.filter((other) => other !== question);
    };
  }

  /** Answers the oldest question for the name. */
  answer(name: string, addresses: readonly string[], ttl = 0): void {
    this.take(name).done({ status: 'completed', addresses: addresses.map((address) => ({ address, ttl })) });
  }

  fail(name: string): void {
    this.take(name).done({ status: 'failure', addresses: [] });
  }

  private take(name: string): Question {
    const question = this.open.find((each) => each.name === name);
    if (question === undefined) throw new Error(`nobody asks for ${name}`);
    this.open = this.open.filter((other) => other !== question);
    return question;
  }
}
