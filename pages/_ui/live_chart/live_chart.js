// A panel with one Plotly chart that is mounted once: new data goes through Plotly.react, so zoom, hover and selection
// stay where the reader put them. Streamlit calls the default export again, with the same parentElement, whenever the
// data or the theme changes. Text from Python reaches the page by textContent alone, or by Plotly, which escapes it.

import { make, whenGone, write } from "./dom.js";
import { isPinned, light, wish } from "./highlight.js";
import { colours, paint, template } from "./paint.js";
import { PLOTLY } from "./settings.js";

const panels = new WeakMap();
const waiting = [];
const plotly = load(PLOTLY);
let frame = 0;
let first;

export default function mount({ data, parentElement, setTriggerValue }) {
  if (data === null) return undefined;
  let panel = panels.get(parentElement);
  if (!panel) {
    panel = build(parentElement);
    panels.set(parentElement, panel);
  }
  panel.choose = (value) => setTriggerValue("click", value);
  panel.data = data;
  label(panel);
  enqueue(panel);
  return whenGone(parentElement, () => remove(panel, parentElement));
}

function remove(panel, parent) {
  panel.observer.disconnect();
  document.removeEventListener("fcpts-lit", panel.relight);
  panel.gone = true;
  if (panel.mounted) window.Plotly.purge(panel.plot);
  panels.delete(parent);
}

function build(parent) {
  const root = make("section", "fcpts-panel", parent);
  const head = make("header", "fcpts-panel-head", root);
  const title = make("h2", "fcpts-panel-title", head);
  const aside = make("span", "fcpts-panel-aside", head);
  const legend = make("ul", "fcpts-legend", head);
  const plot = make("div", "fcpts-plot", root);
  const note = make("p", "fcpts-panel-note", root);
  const saves = make("div", "fcpts-saves", root);
  const panel = { root, title, aside, legend, plot, note, mounted: false, gone: false, drawn: "" };
  plot.setAttribute("role", "img");
  for (const format of ["png", "svg"]) {
    const button = make("button", "fcpts-save", saves);
    button.type = "button";
    button.textContent = format.toUpperCase();
    button.onclick = () => save(panel, format);
  }
  panel.saves = saves;
  panel.observer = new ResizeObserver(() => panel.data && enqueue(panel, true));
  panel.observer.observe(plot);
  panel.relight = () => relight(panel);
  document.addEventListener("fcpts-lit", panel.relight);
  return panel;
}

function label(panel) {
  const { title, aside, note, summary, legend, name, height } = panel.data;
  panel.root.dataset.chart = name;
  panel.root.style.setProperty("--fcpts-height", height);
  write(panel.title, title);
  write(panel.aside, aside);
  write(panel.note, note);
  panel.plot.setAttribute("aria-label", summary);
  panel.saves.setAttribute("aria-label", `Save the chart ${title}`);
  panel.saves.setAttribute("role", "group");
  drawLegend(panel, legend);
}

function drawLegend(panel, entries) {
  const wanted = JSON.stringify(entries);
  panel.legend.hidden = entries.length === 0;
  const scheme = colours(panel.root);
  if (panel.legendDrawn !== wanted) {
    panel.legendDrawn = wanted;
    panel.legend.replaceChildren();
    for (const entry of entries) {
      const item = make("li", "fcpts-legend-item", panel.legend);
      const part = entry.link ? linked(item, entry.link) : item;
      const swatch = make("span", `fcpts-swatch fcpts-swatch-${entry.mark}`, part);
      swatch.setAttribute("aria-hidden", "true");
      make("span", "", part).textContent = entry.label;
    }
  }
  entries.forEach((entry, i) => {
    panel.legend.children[i].style.setProperty("--fcpts-swatch", paint(entry.colour, scheme));
  });
  relight(panel);
}

// An entry that is pointed at lights up its name; pressed, it keeps it lit.
function linked(item, name) {
  const button = make("button", "fcpts-legend-button", item);
  button.type = "button";
  button.dataset.link = name;
  button.onpointerenter = () => wish({ hover: name });
  button.onpointerleave = () => wish({ hover: null });
  button.onclick = () => wish({ pin: name });
  return button;
}

function relight(panel) {
  light(panel.root);
  for (const button of panel.legend.querySelectorAll("[data-link]")) {
    button.setAttribute("aria-pressed", String(isPinned(button.dataset.link)));
  }
}

// One chart an animation frame, so that a tick with many charts never blocks the page for long.
function enqueue(panel, resized = false) {
  panel.resized ||= resized;
  if (!waiting.includes(panel)) waiting.push(panel);
  if (!frame) frame = requestAnimationFrame(drawNext);
}

async function drawNext() {
  try {
    await plotly;
    const panel = waiting.shift();
    if (panel && !panel.gone) await draw(panel);
  } finally {
    frame = waiting.length ? requestAnimationFrame(drawNext) : 0;
  }
}

async function draw(panel) {
  const { figure } = panel.data;
  const scheme = colours(panel.root);
  const version = `${JSON.stringify(figure)}${JSON.stringify(scheme)}`;
  const { width, height } = panel.plot.getBoundingClientRect();
  if (width < 40 || height < 40 || (version === panel.drawn && !panel.resized)) return;
  panel.drawn = version;
  panel.resized = false;
  const painted = paint(figure, scheme);
  const coarse = matchMedia("(pointer: coarse)").matches;
  const layout = {
    ...fitted(painted.layout, width),
    template: template(scheme, getComputedStyle(panel.root).fontFamily),
    width: Math.floor(width),
    height: Math.floor(height),
    dragmode: coarse ? false : "zoom",
  };
  const config = { displayModeBar: false, doubleClick: "reset", scrollZoom: false, showTips: false };
  await window.Plotly.react(panel.plot, painted.data, layout, config);
  if (!panel.mounted) {
    panel.mounted = true;
    panel.plot.on("plotly_click", (event) => clicked(panel, event));
    panel.plot.on("plotly_hover", (event) => pointed(panel, event.points[0]?.data.meta));
    panel.plot.on("plotly_unhover", () => pointed(panel, undefined, false));
  }
  light(panel.root);
  if (!first) first = performance.mark("fcpts-first-chart");
  panel.root.dataset.draws = String(Number(panel.root.dataset.draws ?? 0) + 1);
}

// An axis may bring labels for several lengths (`fitted`, shortest first): those of the longest that has room are shown.
function fitted(layout, width) {
  const { fitted: choices, ...axis } = layout.xaxis ?? {};
  if (!choices) return layout;
  const room = width - (layout.margin?.l ?? 0) - (layout.margin?.r ?? 0);
  const { tickvals, ticktext } = choices.findLast((choice) => choice.room <= room) ?? choices[0];
  return { ...layout, xaxis: { ...axis, tickvals, ticktext } };
}

function pointed(panel, name, over = true) {
  panel.plot.classList.toggle("fcpts-pointing", over && panel.data.clickable);
  if (name !== undefined || !over) wish({ hover: name ?? null });
}

function clicked(panel, event) {
  const point = event.points.find((candidate) => candidate.customdata !== undefined) ?? event.points[0];
  if (!panel.data.clickable || !point) return;
  const custom = point.customdata;
  panel.choose(Array.isArray(custom) ? custom[0] : (custom ?? point.x));
}

function save(panel, format) {
  const { width, height } = panel.plot.getBoundingClientRect();
  const backdrop = { paper_bgcolor: colours(panel.root).panel };
  const copy = { data: panel.plot.data, layout: { ...panel.plot.layout, ...backdrop } };
  window.Plotly.downloadImage(copy, { format, width, height, scale: 2, filename: panel.data.name });
}

function load(url) {
  if (window.Plotly) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(url, document.baseURI).href;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`plotly.js did not load from ${script.src}`));
    document.head.append(script);
  });
}
