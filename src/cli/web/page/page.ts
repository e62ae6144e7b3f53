/** The page of `ringcast top --web`: listens to the samples of a bus, and shows them. All text is set as text, never as markup. */
import type { Sample } from '../../../observe/serving/protocol.js';
import { bytes, count, rate, seconds } from '../../top/figures.js';
import { History } from '../history.js';
import { Charts } from './charts.js';
import { RowTable } from './row-table.js';

/** Between two looks for a bus while there is none. */
const LOOK_MS = 2_000;
/** Sentences on what is wrong, before the rest is only counted. */
const MAX_PROBLEMS = 5;

/** Milliseconds since 1970, on a clock that goes on evenly when the system's is set. */
const nowMs = (): number => performance.timeOrigin + performance.now();
const byId = (id: string): HTMLElement => document.getElementById(id)!;
const chooser = byId('bus') as HTMLSelectElement;
const pause = byId('pause') as HTMLButtonElement;
const charts = new Charts(byId('charts'));
const table = new RowTable(byId('heads'), byId('rows'), byId('scroll'), byId('none'));
let history = new History();
let source: EventSource | undefined;
let isPaused = false;

function follow(bus: string): void {
  source?.close();
  history = new History();
  source = new EventSource(`samples?bus=${encodeURIComponent(bus)}`);
  source.onmessage = ({ data }) => {
    history.add(JSON.parse(data as string) as Sample, nowMs());
    if (!isPaused) show();
  };
  source.addEventListener('gone', () => lose('The bus is gone. Looking for another one…'));
  // It tries again by itself, unless it was refused.
  source.onerror = () => {
    if (source?.readyState === EventSource.CLOSED) lose('The bus is not there. Looking for another one…');
    else tellHealth(['Nothing is heard of the bus. Has ringcast top ended?'], 'bad');
  };
}

function lose(message: string): void {
  source?.close();
  source = undefined;
  history.addGap(nowMs());
  charts.show(history);
  tellHealth([message], 'bad');
  setTimeout(look, LOOK_MS);
}

async function look(): Promise<void> {
  const buses = await fetch('buses')
    .then(async (response) => (await response.json()) as { readonly id: string }[])
    .catch(() => []);
  const chosen = chooser.value;
  chooser.replaceChildren(...buses.map(({ id }) => new Option(id, id, false, id === chosen)));
  if (source !== undefined) return;
  if (chooser.value !== '') {
    follow(chooser.value);
    return;
  }
  tellHealth(['No bus is served. Looking for one…'], 'bad');
  setTimeout(look, LOOK_MS);
}

function show(): void {
  const { latest, previous } = history;
  if (latest === undefined) return;
  const { stats, health, name, pid, node, uptimeMs } = latest;
  document.title = `${health.ok ? '' : '! '}${name} · ringcast`;
  byId('about').textContent = `pid ${pid}, Node ${node}, served for ${seconds(uptimeMs)}`;
  tellHealth(health.ok ? ['All is well.'] : health.problems.map(({ message }) => message), health.ok ? 'good' : 'bad');
  const elapsed = previous === undefined ? 0 : (uptimeMs - previous.uptimeMs) / 1_000;
  const perSecond = (of: (sample: Sample) => number): string =>
    rate(of(latest), previous === undefined ? undefined : of(previous), elapsed);
  showCounts({
    'published/s': perSecond((sample) => sample.stats.published),
    'written/s': perSecond((sample) => sample.stats.written),
    'unwanted/s': perSecond((sample) => sample.stats.unwanted),
    'wakes/s': perSecond((sample) => sample.stats.wakes),
    refused: count(stats.refused),
    queued: count(stats.pending.events),
    evicted: count(stats.evictions),
    topics: count(stats.topics),
  });
  showRing(latest);
  charts.show(history);
  table.show(latest, previous, elapsed);
}

function tellHealth(messages: readonly string[], kind: 'good' | 'bad'): void {
  const shown = messages.slice(0, MAX_PROBLEMS);
  const more = messages.length - shown.length;
  if (more > 0) shown.push(`And ${more} more.`);
  const element = byId('health');
  element.className = `health ${kind}`;
  if (shown.length === 1) element.textContent = shown[0]!;
  else {
    const list = document.createElement('ul');
    for (const message of shown) list.append(Object.assign(document.createElement('li'), { textContent: message }));
    element.replaceChildren(list);
  }
  // Read out when something else is wrong, and not each time that a duration has grown.
  const said = byId('said');
  const news = shown.join(' ').replace(/\d+(\.\d+)?/g, '');
  if (said.dataset.news === news) return;
  said.dataset.news = news;
  said.textContent = shown.join(' ');
}

function showCounts(counts: Readonly<Record<string, string>>): void {
  const list = byId('counts');
  for (const [name, value] of Object.entries(counts)) {
    let group = list.querySelector<HTMLElement>(`[data-name="${name}"]`);
    if (group === null) {
      group = document.createElement('div');
      group.dataset.name = name;
      const term = document.createElement('dt');
      term.textContent = name;
      group.append(term, document.createElement('dd'));
      list.append(group);
    }
    group.lastElementChild!.textContent = value;
  }
}

function showRing({ stats: { ring } }: Sample): void {
  const percent = Math.round((ring.usedBytes / ring.capacityBytes) * 100);
  const held = ring.heldBy === undefined ? '' : `, held by ${ring.heldBy}`;
  const since = ring.stalledMs < 1 ? '' : ` for ${seconds(ring.stalledMs)}`;
  const text = `${bytes(ring.usedBytes)} of ${bytes(ring.capacityBytes)}${held}${since}`;
  const meter = byId('ring') as HTMLMeterElement;
  meter.value = percent;
  meter.setAttribute('aria-valuetext', text);
  byId('ring-bar').className = ring.stalledMs >= 1 ? 'bad' : '';
  byId('ring-full').style.width = `${percent}%`;
  byId('ring-text').textContent = text;
}

pause.addEventListener('click', () => {
  isPaused = !isPaused;
  pause.setAttribute('aria-pressed', `${isPaused}`);
  pause.textContent = isPaused ? 'Go on' : 'Pause';
  if (!isPaused) show();
});
chooser.addEventListener('change', () => follow(chooser.value));
chooser.addEventListener('focus', () => void look());
table.onSort = show;
void look();
