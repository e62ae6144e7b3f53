/** The entry of the thread that serves the statistics of a bus. Loaded by that thread alone. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ServingStart } from './observe/serving/protocol.js';
import { StatsThread } from './observe/serving/stats-thread.js';

void new StatsThread(parentPort!, workerData as ServingStart).run();
