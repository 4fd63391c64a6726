/**
 * The Mersenne Twister of 32 bits, MT19937 (Matsumoto and Nishimura, 1998), as C++ has it in std::mt19937: the same seed gives the same numbers.
 */

const SIZE = 624;
const MIDDLE = 397;

export class MersenneTwister {
  private readonly state = new Uint32Array(SIZE);
  private next = SIZE;

  /** @param seed 32 bits */
  constructor(seed: number) {
    const { state } = this;
    state[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      const before = state[i - 1] ^ (state[i - 1] >>> 30);
      state[i] = Math.imul(1_812_433_253, before) + i;
    }
  }

  /** @returns 32 bits */
  uint32(): number {
    if (this.next === SIZE) this.twist();
    let number = this.state[this.next++];
    number ^= number >>> 11;
    number ^= (number << 7) & 0x9d2c5680;
    number ^= (number << 15) & 0xefc60000;
    number ^= number >>> 18;
    return number >>> 0;
  }

  private twist(): void {
    const { state } = this;
    for (let i = 0; i < SIZE; i++) {
      const bits = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff);
      state[i] = state[(i + MIDDLE) % SIZE] ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }
}
