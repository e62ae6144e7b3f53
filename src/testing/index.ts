/** The subpath `ringcast/testing`: a bus for tests, a clock that is turned by hand, modules on the test's own thread. */

export { type BridgeSubject, checkBridge } from './bridge-check.js';
export type { Expected } from './expectation.js';
export type { InThreadOptions } from './in-thread-module.js';
export { type ManualClock, manualClock } from './manual-clock.js';
export { createTestBus, TestBus } from './test-bus.js';
