// The words and numbers above the charts: what is running, with which settings, how far, and what came of it so far.
// Elements are made once and rewritten in place, so nothing flickers and a screen reader hears only the state. There is
// nothing to clean up: the elements go with their parent.

import { make, write } from "./dom.js";
import { bar } from "./progress.js";

const strips = new WeakMap();

export default function mount({ data, parentElement }) {
  let strip = strips.get(parentElement);
  if (!strip) {
    strip = build(parentElement);
    strips.set(parentElement, strip);
  }
  show(strip, data);
}

function build(parent) {
  const root = make("section", "fcpts-status", parent);
  root.setAttribute("aria-label", "Status of the run");
  const head = make("div", "fcpts-status-head", root);
  const badge = make("span", "fcpts-badge", head);
  badge.setAttribute("role", "status");
  const title = make("h1", "fcpts-status-title", head);
  const line = make("div", "fcpts-status-line", root);
  const clock = make("span", "fcpts-status-clock", line);
  const detail = make("span", "fcpts-status-detail", line);
  const sentence = make("span", "fcpts-status-sentence", line);
  const progress = bar(make("div", "fcpts-progress", root));
  const tiles = make("dl", "fcpts-tiles", root);
  return { root, badge, title, detail, clock, progress, sentence, tiles };
}

function show(strip, data) {
  strip.root.dataset.state = data.state;
  for (const part of ["badge", "title", "detail", "clock", "sentence"]) {
    write(strip[part], data[part]);
    strip[part].hidden = !data[part];
  }
  strip.progress(data.progress, data.progress_text);
  while (strip.tiles.children.length > data.tiles.length) strip.tiles.lastChild.remove();
  data.tiles.forEach((tile, i) => showTile(strip.tiles.children[i] ?? tileIn(strip.tiles), tile));
}

function tileIn(parent) {
  const tile = make("div", "fcpts-tile", parent);
  make("dt", "fcpts-tile-label", tile);
  make("dd", "fcpts-tile-value", tile);
  make("dd", "fcpts-tile-note", tile);
  return tile;
}

function showTile(tile, { label, value, note, tone }) {
  const [term, number, aside] = tile.children;
  write(term, label);
  write(number, value);
  write(aside, note);
  tile.dataset.tone = tone;
}
