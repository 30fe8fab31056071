// The table of a comparison: a real table whose heads sort it, rewritten in place. Rows are linked with the charts by
// events on the document (see live_chart/highlight.js). Text from Python reaches the page by textContent alone.

import { make, whenGone, write } from "./dom.js";

const tables = new WeakMap();

export default function mount({ data, parentElement }) {
  let table = tables.get(parentElement);
  if (!table) {
    table = build(parentElement);
    tables.set(parentElement, table);
  }
  table.data = data;
  show(table);
  return whenGone(parentElement, () => document.removeEventListener("fcpts-lit", table.relight));
}

function build(parent) {
  const root = make("section", "fcpts-panel fcpts-standings", parent);
  const title = make("h2", "fcpts-panel-title", root);
  const element = make("table", "fcpts-table", root);
  const caption = make("caption", "fcpts-unseen", element);
  const head = make("tr", "", make("thead", "", element));
  const body = make("tbody", "", element);
  const table = { title, caption, head, body, column: null, down: false };
  table.relight = ({ detail }) => light(table, detail.lit);
  document.addEventListener("fcpts-lit", table.relight);
  return table;
}

function show(table) {
  const { caption, columns, lines } = table.data;
  write(table.title, caption);
  write(table.caption, `${caption}. The heads of the columns sort it.`);
  columns.forEach(([name, numeric], place) => showHead(table, place, name, numeric));
  while (table.body.children.length > lines.length) table.body.lastChild.remove();
  sorted(table).forEach((line, place, all) => {
    const row = table.body.children[place] ?? make("tr", "", table.body);
    showLine(row, line, columns);
    row.classList.toggle("fcpts-first", table.column === null && place > 0 && (line.texts[1] !== all[place - 1].texts[1] || line.model !== all[place - 1].model));
  });
}

function showHead(table, place, name, numeric) {
  let cell = table.head.children[place];
  if (!cell) {
    cell = make("th", numeric ? "fcpts-number" : "", table.head);
    cell.scope = "col";
    const button = make("button", "fcpts-sort", cell);
    button.type = "button";
    button.onclick = () => sortBy(table, place, numeric);
  }
  write(cell.firstChild, name);
  cell.setAttribute("aria-sort", table.column !== place ? "none" : table.down ? "descending" : "ascending");
}

// The first press puts the largest number, or the first word, on top; the second turns that round; the third undoes it.
function sortBy(table, place, numeric) {
  if (table.column !== place) [table.column, table.down] = [place, numeric];
  else if (table.down === numeric) table.down = !numeric;
  else table.column = null;
  show(table);
}

function sorted({ data, column, down }) {
  if (column === null) return data.lines;
  const value = (line) => line.keys[column];
  const order = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
  return [...data.lines].sort((a, b) => {
    if (value(a) === null || value(b) === null) return (value(a) === null) - (value(b) === null);
    return down ? order(value(b), value(a)) : order(value(a), value(b));
  });
}

function showLine(row, line, columns) {
  row.className = line.best ? "fcpts-best" : "";
  row.dataset.link = line.link;
  row.dataset.state = line.state;
  row.onpointerenter = () => wish(line.link);
  row.onpointerleave = () => wish(null);
  const shown = JSON.stringify([line.texts, line.model, line.tag, line.words, line.best]);
  if (row.shown === shown) return;
  row.shown = shown;
  row.replaceChildren();
  line.texts.forEach((text, place) => {
    const cell = make(place === 0 ? "th" : "td", columns[place][1] ? "fcpts-number" : "", row);
    if (place === 0) cell.scope = "row";
    if (place === 2 && line.best) make("span", "fcpts-tag fcpts-tag-best", cell).textContent = "top";
    make("span", "", cell).textContent = text;
    if (place === 0 && line.model) make("span", "fcpts-sub", cell).textContent = line.model;
    if (place === 0 && line.tag) make("span", "fcpts-tag", cell).textContent = line.tag;
  });
  if (line.words) {
    const cell = make("td", "fcpts-words", row);
    cell.colSpan = columns.length - line.texts.length;
    cell.textContent = line.words;
  }
}

function light(table, name) {
  for (const row of table.body.children) {
    row.classList.toggle("fcpts-pale", name !== null && row.dataset.link !== name);
  }
}

function wish(name) {
  document.dispatchEvent(new CustomEvent("fcpts-wish", { detail: { hover: name } }));
}
