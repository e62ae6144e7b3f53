/** The subscriber module of the start case: nothing to do. */
export default function ignore(): void {}
