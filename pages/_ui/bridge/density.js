// The left plot: the density p(w), pruned between -t and t, kept beyond. What does not move with the threshold is drawn
// once for each shape; a drag moves clips, rules and words alone.

import { kernelDensity } from "./curves.js";
import { draw, path, set, significant, ticks, write } from "./svg.js";

const MARGIN = { left: 12, right: 12, top: 22, bottom: 40 };
const RUG = 9;
let clips = 0;

export function densityPlot(svg, words) {
  const id = `fcpts-within-${(clips += 1)}`;
  const clip = draw("rect", "", draw("clipPath", "", draw("defs", "", svg), { id }), { y: 0 });
  const part = (tag, name, attributes) => draw(tag, `fcpts-b-${name}`, svg, attributes);
  const plot = {
    svg,
    words,
    clip,
    axis: part("g", "axis"),
    kept: part("path", "kept"),
    pruned: part("path", "pruned", { "clip-path": `url(#${id})` }),
    curve: part("path", "curve"),
    rug: part("path", "rug"),
    heights: [part("path", "height"), part("path", "height")],
    labels: [part("text", "side fcpts-b-side-kept"), part("text", "side fcpts-b-side-pruned"), part("text", "side fcpts-b-side-kept")],
    values: [part("text", "value"), part("text", "value")],
    grips: [grip(svg), grip(svg)],
  };
  plot.grips[1].group.setAttribute("aria-hidden", "true");
  return plot;
}

export function grip(svg, attributes = {}) {
  const group = draw("g", "fcpts-b-handle", svg, attributes);
  return {
    group,
    rule: draw("path", "fcpts-b-rule", group),
    halo: draw("circle", "fcpts-b-halo", group, { r: 22 }),
    knob: draw("circle", "fcpts-b-knob", group, { r: 8 }),
  };
}

export function shapeDensity(plot, layer, state, { width, height }) {
  set(plot.svg, { viewBox: `0 0 ${width} ${height}` });
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  const bars = state.view === "histogram";
  const rules = layer.stops.filter((stop) => stop.rules.length).map((stop) => stop.peak);
  const highest = bars ? Math.max(...layer.histogram.heights) : layer.stops[state.stop].peak;
  const peak = 1.08 * Math.max(highest, ...rules);
  plot.x = (w) => MARGIN.left + ((w + layer.reach) / (2 * layer.reach)) * (right - MARGIN.left);
  plot.w = (x) => (((x - MARGIN.left) / (right - MARGIN.left)) * 2 - 1) * layer.reach;
  plot.y = (p) => bottom - (p / peak) * (bottom - MARGIN.top);
  plot.bottom = bottom;
  plot.start = MARGIN.left;
  plot.end = right;
  plot.top = MARGIN.top;
  const line = bars ? barLine(plot, layer) : curveLine(plot, layer, state.stop);
  const area = `${line}L${plot.x(layer.reach)} ${bottom}L${plot.x(-layer.reach)} ${bottom}Z`;
  for (const name of ["kept", "pruned"]) set(plot[name], { d: area });
  set(plot.curve, { d: line });
  set(plot.rug, { d: state.view === "exact" ? rugLine(plot, layer) : "" });
  set(plot.clip, { height });
  drawAxis(plot, layer, { right, bottom, width, height });
}

function curveLine(plot, layer, stop) {
  // One point a pixel and a half is all that can be seen, and half the work of one for every place.
  const places = Math.min(layer.stops[stop].pdf.length - 1, Math.ceil((plot.end - plot.start) / 1.5));
  const points = [];
  for (let i = 0; i <= places; i += 1) {
    const w = layer.reach * ((2 * i) / places - 1);
    points.push([plot.x(w), plot.y(kernelDensity(layer, stop, w))]);
  }
  return path(points);
}

function barLine(plot, { histogram, reach }) {
  const inside = (w) => Math.min(Math.max(w, -reach), reach);
  const points = [[plot.x(-reach), plot.bottom]];
  histogram.heights.forEach((height, i) => {
    const [from, to] = [inside(histogram.lo + i * histogram.width), inside(histogram.lo + (i + 1) * histogram.width)];
    if (to > from) points.push([plot.x(from), plot.y(height)], [plot.x(to), plot.y(height)]);
  });
  points.push([plot.x(reach), plot.bottom]);
  return path(points);
}

function rugLine(plot, { sample }) {
  let text = "";
  for (const w of sample) text += `M${plot.x(w).toFixed(1)} ${plot.bottom}v-${RUG}`;
  return text;
}

function drawAxis(plot, layer, { right, bottom, width, height }) {
  plot.axis.replaceChildren();
  draw("path", "fcpts-b-line", plot.axis, { d: `M${MARGIN.left} ${bottom}H${right}` });
  const { found, digits } = ticks(-layer.reach, layer.reach, width < 420 ? 4 : 8);
  for (const w of found) {
    draw("path", "fcpts-b-line", plot.axis, { d: `M${plot.x(w)} ${bottom}v4` });
    write(draw("text", "fcpts-b-tick", plot.axis, { x: plot.x(w), y: bottom + 16 }), w.toFixed(digits).replace("-", "\u2212"));
  }
  write(draw("text", "fcpts-b-tick", plot.axis, { x: (MARGIN.left + right) / 2, y: height - 6 }), plot.words.weight_axis);
}

export function moveDensity(plot, state, heights) {
  const { t } = state;
  const left = plot.x(-t);
  const right = plot.x(t);
  set(plot.clip, { x: left, width: Math.max(right - left, 0) });
  [right, left].forEach((x, i) => {
    const { rule, halo, knob } = plot.grips[i];
    set(rule, { d: `M${x} ${plot.top}V${plot.bottom}` });
    const y = plot.y(heights[i]);
    for (const round of [halo, knob]) set(round, { cx: x, cy: plot.bottom });
    set(plot.heights[i], { d: heights[i] ? `M${x} ${plot.bottom}V${y}` : "" });
    const outer = i ? left > 90 : right < plot.end - 90;
    const towards = i === (outer ? 0 : 1) ? 8 : -8;
    set(plot.values[i], { x: x + towards, y: Math.max(y - 6, plot.top + 12), "text-anchor": towards > 0 ? "start" : "end" });
    write(plot.values[i], heights[i] ? `p(${i ? "\u2212t" : "t"}) = ${significant(heights[i])}` : "");
  });
  const [first, middle, last] = plot.labels;
  const wide = right - left > 70;
  set(first, { x: left / 2 + plot.start / 2, y: 14 });
  set(middle, { x: (left + right) / 2, y: 14 });
  set(last, { x: (right + plot.end) / 2, y: 14 });
  write(first, left - plot.start > 40 ? plot.words.kept : "");
  write(middle, wide ? plot.words.pruned : "");
  write(last, plot.end - right > 40 ? plot.words.kept : "");
}
