/** The bare thread of the case `start/first-event`: says that it runs, and then that an event has arrived. */
import { BroadcastChannel, parentPort } from 'node:worker_threads';

const tell = (): void => parentPort!.postMessage('arrived');
parentPort!.on('message', tell);
new BroadcastChannel('first-event').onmessage = tell;
parentPort!.postMessage('ready');
