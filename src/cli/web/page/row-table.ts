/** The table of the page: a row per subscription and connection, sorted as its heads are pressed. Rows stay where they are in the document. */
import type { Sample } from '../../../observe/serving/protocol.js';
import { bytes, count, rate, seconds } from '../../top/figures.js';
import { rowsOf, STUCK_MS, type TopRow } from '../../top/top-rows.js';

interface Column {
  readonly title: string;
  readonly className: string;
  /** What it sorts by. */
  readonly value: (row: TopRow) => number | string;
  readonly text: (row: TopRow, before: TopRow | undefined, elapsed: number) => string;
}

function number(title: string, value: (row: TopRow) => number, text: Column['text']): Column {
  return { title, className: 'number', value, text };
}

const COLUMNS: readonly Column[] = [
  { title: 'Name', className: 'name', value: ({ name }) => name, text: ({ name }) => name },
  { title: 'State', className: 'state', value: ({ state }) => state, text: ({ state }) => state },
  number(
    'Events/s',
    ({ events }) => events,
    ({ events }, before, elapsed) => rate(events, before?.events, elapsed),
  ),
  number(
    'Backlog',
    ({ backlogBytes }) => backlogBytes,
    ({ backlogBytes }) => bytes(backlogBytes),
  ),
  number(
    'Stuck',
    ({ stuckMs }) => stuckMs,
    ({ stuckMs }) => (stuckMs < STUCK_MS ? '' : seconds(stuckMs)),
  ),
  number(
    'Lagged',
    ({ lagged }) => lagged,
    ({ lagged }) => count(lagged),
  ),
  number(
    'Failed',
    ({ failed }) => failed,
    ({ failed }) => count(failed),
  ),
  number(
    'Restarts',
    ({ restarts }) => restarts,
    ({ restarts }) => count(restarts),
  ),
  number(
    'Dead letters',
    ({ deadLetters }) => deadLetters,
    ({ deadLetters }) => count(deadLetters),
  ),
  { title: 'Thread', className: 'thread', value: ({ thread }) => thread, text: ({ thread }) => thread },
  { title: 'Filter', className: 'about', value: ({ about }) => about, text: ({ about }) => about },
];

export class RowTable {
  readonly #heads: readonly HTMLTableCellElement[];
  readonly #body: HTMLElement;
  readonly #all: HTMLElement;
  readonly #none: HTMLElement;
  readonly #rows = new Map<string, HTMLTableRowElement>();
  #by = 3;
  #isAscending = false;
  onSort = (): void => {};

  /**
   * @param all what is shown when there are rows
   * @param none what is shown when there is none
   */
  constructor(heads: HTMLElement, body: HTMLElement, all: HTMLElement, none: HTMLElement) {
    this.#body = body;
    this.#all = all;
    this.#none = none;
    this.#heads = COLUMNS.map(({ title, className }, index) => {
      const cell = document.createElement('th');
      cell.scope = 'col';
      cell.className = className;
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = title;
      button.addEventListener('click', () => this.#sortBy(index));
      cell.append(button);
      return cell;
    });
    heads.append(...this.#heads);
    this.#tellOrder();
  }

  show(sample: Sample, previous: Sample | undefined, elapsed: number): void {
    const before = new Map((previous === undefined ? [] : rowsOf(previous)).map((row) => [row.key, row]));
    const { value } = COLUMNS[this.#by]!;
    const compare = (a: TopRow, b: TopRow): number => {
      const [one, other] = [value(a), value(b)];
      const order = one < other ? -1 : one > other ? 1 : 0;
      return (this.#isAscending ? order : -order) || (a.key < b.key ? -1 : 1);
    };
    const rows = rowsOf(sample).sort(compare);
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, element] of this.#rows) {
      if (keys.has(key)) continue;
      element.remove();
      this.#rows.delete(key);
    }
    rows.forEach((row, place) => {
      const element = this.#rows.get(row.key) ?? this.#make(row.key);
      element.className = row.level;
      COLUMNS.forEach(({ text }, column) => {
        const shown = text(row, before.get(row.key), elapsed);
        const cell = element.cells[column]!;
        if (cell.textContent === shown) return;
        cell.textContent = shown;
        if (column === 0 || column === COLUMNS.length - 1) cell.title = shown;
      });
      if (this.#body.children[place] !== element) this.#body.insertBefore(element, this.#body.children[place] ?? null);
    });
    this.#all.hidden = rows.length === 0;
    this.#none.hidden = rows.length > 0;
  }

  #make(key: string): HTMLTableRowElement {
    const element = document.createElement('tr');
    COLUMNS.forEach(({ className }, column) => {
      const cell = document.createElement(column === 0 ? 'th' : 'td');
      if (column === 0) (cell as HTMLTableCellElement).scope = 'row';
      cell.className = className;
      element.append(cell);
    });
    this.#rows.set(key, element);
    return element;
  }

  #sortBy(column: number): void {
    // Numbers begin with the highest, names with the first.
    this.#isAscending = column === this.#by ? !this.#isAscending : COLUMNS[column]!.className !== 'number';
    this.#by = column;
    this.#tellOrder();
    this.onSort();
  }

  #tellOrder(): void {
    this.#heads.forEach((cell, column) => {
      if (column === this.#by) cell.setAttribute('aria-sort', this.#isAscending ? 'ascending' : 'descending');
      else cell.removeAttribute('aria-sort');
    });
  }
}
