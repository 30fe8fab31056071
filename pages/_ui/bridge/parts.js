// The frame around the two plots: what can be switched, and the numbers below.

import { count, fill, fixed, make, percent, set, significant, write } from "./svg.js";

const VIEWS = ["kde", "exact", "histogram"];
const ZOOMS = 100;
let groups = 0;

export function build(parent, { words }) {
  const root = make("section", "fcpts-bridge", parent, { "aria-label": words.title });
  const bar = make("div", "fcpts-b-bar", root);
  const parts = { root, words };
  parts.views = buildViews(bar, parts);
  parts.bandwidth = buildRange(bar, words.bandwidth, "bandwidth");
  parts.zoom = buildRange(bar, words.zoom, "zoom");
  set(parts.zoom.input, { max: ZOOMS });
  parts.plots = make("div", "fcpts-b-plots", root);
  [parts.density, parts.densityTitle] = buildPlot(parts.plots, words.density_title, "density");
  [parts.sparsity, parts.sparsityTitle] = buildPlot(parts.plots, words.sparsity_title, "sparsity");
  parts.facts = buildFacts(root, words);
  parts.sentence = make("p", "fcpts-b-sentence", root);
  parts.bandwidth.input.oninput = () => parts.onStop(Number(parts.bandwidth.input.value), false);
  parts.bandwidth.input.onchange = () => parts.onStop(Number(parts.bandwidth.input.value), true);
  parts.zoom.input.oninput = () => parts.onZoom(Number(parts.zoom.input.value) / ZOOMS, false);
  parts.zoom.input.onchange = () => parts.onZoom(Number(parts.zoom.input.value) / ZOOMS, true);
  parts.offer = (layer, state, data) => offer(parts, layer, state, data);
  return parts;
}

function buildViews(bar, parts) {
  const group = make("div", "fcpts-b-views", bar, { role: "radiogroup", "aria-label": parts.words.views });
  const name = `fcpts-view-${(groups += 1)}`;
  const inputs = VIEWS.map((view) => {
    const label = make("label", "fcpts-b-view", group);
    const input = make("input", "", label, { type: "radio", name, value: view });
    write(make("span", "", label), parts.words[`view_${view}`]);
    input.onchange = () => parts.onView(view);
    return input;
  });
  return { group, inputs };
}

function buildRange(bar, words, name) {
  const box = make("label", `fcpts-b-range fcpts-b-${name}`, bar);
  write(make("span", "fcpts-b-range-name", box), words);
  const track = make("span", "fcpts-b-track", box);
  const input = make("input", "", track, { type: "range", min: 0, step: 1, "aria-label": words });
  const marks = make("span", "fcpts-b-marks", track, { "aria-hidden": "true" });
  const value = make("span", "fcpts-b-range-value", box);
  const rules = make("span", "fcpts-b-rules", bar);
  return { box, input, marks, value, rules };
}

function buildPlot(plots, words, name) {
  const figure = make("figure", "fcpts-panel fcpts-b-figure", plots);
  const title = make("h2", "fcpts-panel-title", figure);
  write(title, words);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  set(svg, { class: `fcpts-b-plot fcpts-b-plot-${name}` });
  figure.append(svg);
  return [svg, title];
}

function buildFacts(root, words) {
  const list = make("dl", "fcpts-tiles fcpts-b-facts", root);
  const fact = (name) => {
    const tile = make("div", "fcpts-tile", list);
    write(make("dt", "fcpts-tile-label", tile), words[`${name}_tile`] ?? words[name]);
    const value = make("dd", "fcpts-tile-value", tile, { "data-fact": name });
    return { value, note: make("dd", "fcpts-tile-note", tile) };
  };
  return Object.fromEntries(["threshold", "sparsity", "pruned", "kept", "slope"].map((name) => [name, fact(name)]));
}

function offer(parts, layer, state, { hidden }) {
  const shown = (name) => !hidden.includes(name);
  parts.views.group.hidden = !shown("view");
  parts.bandwidth.box.hidden = !shown("bandwidth");
  parts.zoom.box.hidden = !shown("zoom");
  parts.density.parentElement.hidden = !shown("density");
  parts.sparsity.parentElement.hidden = !shown("sparsity");
  parts.root.classList.toggle("fcpts-b-no-inverse", !shown("inverse"));
  for (const input of parts.views.inputs) input.checked = input.value === state.view;
  set(parts.bandwidth.input, { max: layer.stops.length - 1 });
  parts.bandwidth.input.value = state.stop;
  parts.zoom.input.value = Math.round(ZOOMS * state.zoom);
  parts.bandwidth.marks.replaceChildren();
  parts.bandwidth.rules.replaceChildren();
  parts.bandwidth.rules.hidden = !shown("bandwidth");
  layer.stops.forEach(({ rules }, i) => {
    if (!rules.length) return;
    const mark = make("span", "fcpts-b-mark", parts.bandwidth.marks);
    mark.style.setProperty("--at", i / (layer.stops.length - 1));
    const button = make("button", "fcpts-b-to-rule", parts.bandwidth.rules, { type: "button", "data-stop": i });
    write(button, rules.map((name) => parts.words[`rule_${name}`]).join(", "));
    button.onclick = () => {
      parts.bandwidth.input.value = i;
      parts.onStop(i, true);
    };
  });
}

export function writeFacts({ parts, words, layer, state, density, sparsity }, { t, count: below, r, smooth, plus, minus }) {
  const { facts } = parts;
  const slope = plus + minus;
  const { bandwidth } = layer.stops[state.stop];
  write(facts.threshold.value, significant(t));
  write(facts.threshold.note, words.threshold_note);
  write(facts.sparsity.value, percent(r, 2));
  write(facts.sparsity.note, state.view === "kde" ? fill(words.smooth_note, { r: percent(smooth, 2) }) : words.exact_note);
  write(facts.pruned.value, count(below));
  write(facts.pruned.note, fill(words.of, { n: count(layer.weights) }));
  write(facts.kept.value, count(layer.weights - below));
  write(facts.kept.note, fill(words.of, { n: count(layer.weights) }));
  write(facts.slope.value, significant(slope));
  write(facts.slope.note, state.view === "exact" ? words.flat_note : `p(t) + p(\u2212t) = ${significant(plus)} + ${significant(minus)}`);
  const more = fixed(slope * t, 2);
  write(parts.sentence, state.view === "exact" ? fill(words.flat_sentence, { n: count(layer.weights) }) : fill(words.sentence, { t: significant(t), r: percent(r), more }));
  write(sparsity.label, `r = ${percent(state.view === "kde" ? smooth : r, state.zoom > 0.5 ? 3 : 1)}`);
  write(parts.bandwidth.value, `h = ${significant(bandwidth)}`);
  for (const button of parts.bandwidth.rules.children) set(button, { "aria-pressed": Number(button.dataset.stop) === state.stop });
  set(parts.bandwidth.input, { "aria-valuetext": parts.bandwidth.value.textContent });
  parts.bandwidth.box.classList.toggle("fcpts-b-idle", state.view === "histogram");
  set(parts.root, { "data-t": Math.fround(t), "data-r": r, "data-slope": slope, "data-smooth": smooth });
  const text = fill(words.valuetext, { t: significant(t), r: percent(r), pruned: count(below), kept: count(layer.weights - below) });
  const common = { role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuetext": text };
  const threshold = { ...common, "aria-valuemax": layer.reach, "aria-valuenow": t, "aria-label": words.threshold_handle };
  set(density.grips[0].group, threshold);
  set(sparsity.across.group, threshold);
  set(sparsity.up.group, { ...common, "aria-valuemax": 100, "aria-valuenow": (100 * r).toFixed(2), "aria-label": words.share_handle, "aria-orientation": "vertical" });
}
