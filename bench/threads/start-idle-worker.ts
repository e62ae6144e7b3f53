/** The bare thread of the start case: says that it runs, and waits for messages. */
import { parentPort } from 'node:worker_threads';

parentPort!.on('message', () => {});
parentPort!.postMessage('ready');
