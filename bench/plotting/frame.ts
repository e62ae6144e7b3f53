/** What all plots share: the sheet they are drawn on, its colours in light and dark, and how numbers and words are written. */
import { number } from '../report.js';

/**
 * Two of them stand side by side on a page of GitHub's width, one below the other on a phone's, where everything becomes a
 * fifth smaller. A `px` more breaks the pairs.
 */
export const WIDTH = 404;
export const MARGIN = 12;
/** What a character of the small font takes; names are measured with it. */
export const CHARACTER = 6.6;

/** Told apart without colour vision, too, on both grounds; `ringcast` has the first. The marks differ as well. */
export const COLOURS = {
  light: ['#0b57d0', '#ff501d', '#0fa67c', '#5e0274', '#804d0f', '#232629'],
  dark: ['#6eaae3', '#e68162', '#71f4dc', '#b21dd5', '#e8dd18', '#5a626a'],
} as const;
export const GROUNDS = { light: '#ffffff', dark: '#0d1117' } as const;
const INKS = { light: '#1f2328', dark: '#f0f6fc' } as const;
const FAINT_INKS = { light: '#59636e', dark: '#9198a1' } as const;
const RULES = { light: '#d1d9e0', dark: '#3d444d' } as const;
const PEERS = { light: '#9aa4af', dark: '#656c76' } as const;
const FAINT_RULES = { light: '#eff2f5', dark: '#1c222a' } as const;

type Ground = keyof typeof GROUNDS;

const colours = (ground: Ground): string => `
    .sheet { fill: ${GROUNDS[ground]}; stroke: ${RULES[ground]} }
    text { fill: ${INKS[ground]} }
    .faint { fill: ${FAINT_INKS[ground]} }
    .rule { stroke: ${RULES[ground]} }
    .faint-rule { stroke: ${FAINT_RULES[ground]} }
    .peer { fill: ${PEERS[ground]} }
    .quartiles { stroke: ${INKS[ground]} }
${COLOURS[ground].map((colour, slot) => `    .c${slot} { --c: ${colour} }`).join('\n')}`;

const STYLE = `
    text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif }
    .title { font-size: 14px; font-weight: 600 }
    .strong { font-weight: 600 }
    .line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round }
    .mark { fill: var(--c) }
    .spread { fill: none; stroke: var(--c); stroke-width: 1 }
${colours('light')}
    @media (prefers-color-scheme: dark) {${colours('dark').replaceAll('\n', '\n  ')}
    }`;

/** A whole picture around its parts: the sheet, the title, and in the last line on what it was measured. */
export function sheet(title: string, caption: string, height: number, parts: readonly string[]): string {
  const size = `width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}"`;
  const lines = [
    `<title>${escapeText(title)}</title>`,
    `<style>${STYLE}\n  </style>`,
    `<rect class="sheet" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`,
    text(MARGIN, 24, title, 'class="title"'),
    ...parts,
    text(MARGIN, height - 12, caption, 'class="faint"'),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n${lines.map((line) => `  ${line}\n`).join('')}</svg>\n`;
}

export function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escapeText(content)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, name: string): string {
  return `<line class="${name}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

function escapeText(content: string): string {
  return content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** To tenths: files stay small, and the same on every machine. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Writes a value with its unit, as `results.json` names it. */
export function withUnit(value: number, unit: string): string {
  if (unit === 'ns') return duration(value);
  if (unit === 'us') return duration(value * 1e3);
  if (unit === 'ms') return duration(value * 1e6);
  if (unit !== 'events/s') return `${number(value)}${unit === 'MiB' ? ' MiB' : ''}`;
  if (value >= 1e6) return `${number(value / 1e6)} M`;
  return value >= 1e3 ? `${number(value / 1e3)} k` : number(value);
}

function duration(ns: number): string {
  if (ns === 0) return '0';
  if (ns < 1e3) return `${number(ns)} ns`;
  if (ns < 1e6) return `${number(ns / 1e3)} µs`;
  return ns < 1e9 ? `${number(ns / 1e6)} ms` : `${number(ns / 1e9)} s`;
}
