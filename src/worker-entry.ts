/**
 * What a subscriber thread loads, also published as `ringcast/worker` for bundlers that need every thread's entry listed.
 *
 * No top-level await: where a bundler has made a file of it, the host loads it with `require`.
 * A process that ends while such a thread hangs in a preload (`execArgv`) takes up to ten seconds for it; with the file of this
 * package it does not wait.
 */
export { attachSubscriber as default } from './worker/attach-subscriber.js';
