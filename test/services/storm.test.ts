import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openServices, storm } from '../../src/services/index.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

// What a storm does is tested on a bus, in end-to-end.test.ts.
describe('storm', () => {
  it('stops at the first failure and says what it was', async (t) => {
    const directory = await temporaryDirectory(t);
    const services = await openServices({ directory });
    await assert.rejects(storm(services, { containers: 3, image: 'no/such:image' }), { code: 'SERVICE_NOT_FOUND' });
    await assert.rejects(storm(services, { containers: 1 }), { code: 'SERVICE_INVALID_ARGUMENT' });
    await services.close();
  });
});
