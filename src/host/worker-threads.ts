/**
 * Node's module of threads, taken when something of it is first needed in a thread: it brings Node's streams and some 25 files
 * of Node's own, a twelfth of what an empty process takes. Whoever imports the package and starts nothing does without.
 *
 * What wraps, watches or mocks it later changes nothing of ours. Asked for, not imported: an import loads at once.
 */
type WorkerThreads = ReturnType<typeof take>;

let taken: WorkerThreads | undefined;

export function workerThreads(): WorkerThreads {
  return (taken ??= take());
}

function take() {
  const threads = process.getBuiltinModule('node:worker_threads');
  return {
    BroadcastChannel: threads.BroadcastChannel,
    MessageChannel: threads.MessageChannel,
    SHARE_ENV: threads.SHARE_ENV as symbol,
    Worker: threads.Worker,
    isMainThread: threads.isMainThread,
    markAsUntransferable: threads.markAsUntransferable,
    postMessageToThread: threads.postMessageToThread,
    receiveMessageOnPort: threads.receiveMessageOnPort,
    threadId: threads.threadId,
    // The methods of the two classes.
    postMessage: threads.MessagePort.prototype.postMessage,
    postMessageToWorker: threads.Worker.prototype.postMessage,
  };
}
