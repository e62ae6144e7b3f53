/** What is asked of another thread, which may be too busy to answer in time. */
import { clearTimeout, setTimeout } from '../../host/timing.js';

export class Questions<Answer> {
  readonly #open = new Map<number, (answer: Answer | undefined) => void>();
  #last = 0;

  /**
   * @param send puts the question, with its number
   * @returns the answer; undefined where there is none after `patienceMs`
   */
  ask(send: (question: number) => void, patienceMs: number): Promise<Answer | undefined> {
    const question = ++this.#last;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.answer(question, undefined), patienceMs).unref();
      this.#open.set(question, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      send(question);
    });
  }

  /** The first answer counts. */
  answer(question: number, answer: Answer | undefined): void {
    const resolve = this.#open.get(question);
    this.#open.delete(question);
    resolve?.(answer);
  }
}
