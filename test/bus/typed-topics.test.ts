/** What the compiler takes a filter to select is what the filter selects. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createBus, type FilterInput, type SelectedEnvelope } from '../../src/index.js';

interface Topics {
  '/tasks/start': number;
  '/tasks/exit': number;
  '/tasks/exec-added': number;
  '/images/create': number;
  '/orders': number;
  '/orders/eu/created': number;
}

/** The topics that the compiler says a filter selects: none may be missing, none too many. */
type Selection<Filter> = Readonly<Record<SelectedEnvelope<Topics, Filter>['topic'], true>>;

const topics: Selection<'/**'> = {
  '/tasks/start': true,
  '/tasks/exit': true,
  '/tasks/exec-added': true,
  '/images/create': true,
  '/orders': true,
  '/orders/eu/created': true,
};
const { '/images/create': _1, '/orders': _2, '/orders/eu/created': _3, ...tasks } = topics;
const rows: { readonly filter: FilterInput; readonly selected: object }[] = [];

function row<const Filter extends FilterInput, S extends Selection<Filter>>(
  filter: Filter,
  selected: S & Readonly<Record<Exclude<keyof S, keyof Selection<Filter>>, never>>,
): void {
  rows.push({ filter, selected });
}

row('/**', topics);
row('**', topics);
row('', topics);
row([], topics);
row({ namespaces: 'default' }, topics);
row('/tasks/exit', { '/tasks/exit': true });
row('/tasks/*', tasks);
row('/tasks/**', tasks);
row('/tasks/ex*', { '/tasks/exit': true, '/tasks/exec-added': true });
row('/tasks/ex**', { '/tasks/exit': true, '/tasks/exec-added': true });
row('/tasks/*-added', { '/tasks/exec-added': true });
row('/tasks/exit*', { '/tasks/exit': true });
row('/*/e*t', { '/tasks/exit': true });
row('/*', { '/orders': true });
row('/*/*', { ...tasks, '/images/create': true });
row('/orders/**', { '/orders': true, '/orders/eu/created': true });
row('/orders/*', {});
row('/orders/*/*', { '/orders/eu/created': true });
row('/**/created', { '/orders/eu/created': true });
row('**/exit', { '/tasks/exit': true });
row('/orders/**/eu/**', { '/orders/eu/created': true });
row('/*/**/*r*', { '/tasks/start': true, '/images/create': true, '/orders/eu/created': true });
row('/tasks/{start,exit}', { '/tasks/start': true, '/tasks/exit': true });
row('/{tasks,images}/{start,create}', { '/tasks/start': true, '/images/create': true });
row('/{tasks/start,images/create}', { '/tasks/start': true, '/images/create': true });
row('/orders{,/eu/created}', { '/orders': true, '/orders/eu/created': true });
row(['/tasks/exit', '/images/*'], { '/tasks/exit': true, '/images/create': true });
row({ topics: '/tasks/exit' }, { '/tasks/exit': true });
row({ topics: ['/images/*', '/orders'] }, { '/images/create': true, '/orders': true });

describe('typed topics', () => {
  for (const { filter, selected } of rows) {
    test(`${JSON.stringify(filter)} selects what its type says`, async () => {
      const bus = createBus();
      const received: string[] = [];
      bus.subscribe(filter, ({ topic }) => void received.push(topic));
      for (const topic of Object.keys(topics)) bus.publish(topic, 0);
      await bus.close();
      assert.deepEqual(received.sort(), Object.keys(selected).sort());
    });
  }
});
