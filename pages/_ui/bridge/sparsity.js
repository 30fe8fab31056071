// The right plot: the share r(t) that a threshold prunes, as a staircase and as a smooth curve, with the tangent. Zoomed in,
// the steps of the staircase come apart.

import { countBelow, smoothRate } from "./curves.js";
import { grip } from "./density.js";
import { draw, path, percent, set, ticks, write } from "./svg.js";

const MARGIN = { left: 56, right: 14, top: 22, bottom: 40 };
const STEPS_SEEN = 18;
const MOST_STEPS = 400;
const COLUMNS = 240;

export function sparsityPlot(svg, words) {
  const part = (tag, name) => draw(tag, `fcpts-b-${name}`, svg);
  const plot = {
    svg,
    words,
    axis: part("g", "axis"),
    smooth: part("path", "curve"),
    stairs: part("path", "stairs"),
    tangent: part("path", "tangent"),
    across: grip(svg),
    up: grip(svg),
    point: draw("circle", "fcpts-b-point", svg, { r: 5 }),
    label: part("text", "value"),
  };
  plot.up.group.classList.add("fcpts-b-inverse");
  return plot;
}

// The part of the axes that is shown: all of them, or around the threshold as few steps as the zoom asks for.
export function windowOf(layer, { zoom, t, stop, view }) {
  if (!zoom) return { x0: 0, x1: layer.reach, y0: 0, y1: 1 };
  const { magnitudes } = layer;
  const rank = Math.min(Math.max(countBelow(layer, t) / layer.every, STEPS_SEEN / 2), magnitudes.length - STEPS_SEEN / 2 - 1);
  const steps = magnitudes[Math.floor(rank + STEPS_SEEN / 2)] - magnitudes[Math.floor(rank - STEPS_SEEN / 2)];
  const width = layer.reach ** (1 - zoom) * Math.max(steps, layer.reach * 1e-5) ** zoom;
  const x0 = Math.min(Math.max(t - width / 2, 0), layer.reach - width);
  const shares = [x0, x0 + width].flatMap((at) => [
    countBelow(layer, at) / layer.weights,
    ...(view === "kde" ? [smoothRate(layer, stop, at)] : []),
  ]);
  const [low, high] = [Math.min(...shares), Math.max(...shares)];
  const room = 0.06 * (1 - zoom) + 0.08 * (high - low) * zoom;
  return { x0, x1: x0 + width, y0: Math.max(0, low - room), y1: Math.min(1, high + room) };
}

export function shapeSparsity(plot, layer, state, { width, height }) {
  set(plot.svg, { viewBox: `0 0 ${width} ${height}` });
  const shown = windowOf(layer, state);
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  plot.shown = shown;
  plot.x = (t) => MARGIN.left + ((t - shown.x0) / (shown.x1 - shown.x0)) * (right - MARGIN.left);
  plot.t = (x) => shown.x0 + ((x - MARGIN.left) / (right - MARGIN.left)) * (shown.x1 - shown.x0);
  plot.y = (r) => bottom - ((r - shown.y0) / (shown.y1 - shown.y0)) * (bottom - MARGIN.top);
  plot.r = (y) => shown.y0 + ((bottom - y) / (bottom - MARGIN.top)) * (shown.y1 - shown.y0);
  Object.assign(plot, { left: MARGIN.left, right, top: MARGIN.top, bottom });
  set(plot.stairs, { d: stairs(plot, layer) });
  set(plot.smooth, { d: state.view === "kde" || state.view === "exact" ? smooth(plot, layer, state.stop) : "" });
  drawAxis(plot, layer, { width, height });
}

function smooth(plot, layer, stop) {
  const { x0, x1 } = plot.shown;
  const points = [];
  for (let i = 0; i <= COLUMNS; i += 1) {
    const t = x0 + (i / COLUMNS) * (x1 - x0);
    points.push([plot.x(t), plot.y(smoothRate(layer, stop, t))]);
  }
  return path(points);
}

// Every step where they can be told apart, else a line through the height at each of some hundred places.
function stairs(plot, layer) {
  const { x0, x1 } = plot.shown;
  const { magnitudes, every, weights } = layer;
  const first = Math.round(countBelow(layer, x0) / every);
  const last = Math.round(countBelow(layer, x1) / every);
  let text = `M${plot.x(x0)} ${plot.y((first * every) / weights)}`;
  if (last - first <= MOST_STEPS) {
    for (let i = first; i < last; i += 1) text += `H${plot.x(magnitudes[i]).toFixed(2)}V${plot.y(((i + 1) * every) / weights).toFixed(2)}`;
  } else {
    for (let i = 1; i <= COLUMNS; i += 1) {
      const t = x0 + (i / COLUMNS) * (x1 - x0);
      text += `L${plot.x(t).toFixed(1)} ${plot.y(countBelow(layer, t) / weights).toFixed(1)}`;
    }
  }
  return `${text}H${plot.x(x1)}`;
}

function drawAxis(plot, layer, { width, height }) {
  const { x0, x1, y0, y1 } = plot.shown;
  plot.axis.replaceChildren();
  const line = (d, name = "line") => draw("path", `fcpts-b-${name}`, plot.axis, { d });
  const text = (x, y, words, name = "tick") => write(draw("text", `fcpts-b-${name}`, plot.axis, { x, y }), words);
  const across = ticks(x0, x1, width < 420 ? 3 : 5);
  const up = y1 - y0 > 0.9 ? { found: [0, 0.25, 0.5, 0.75, 1], digits: 2 } : ticks(y0, y1, 4);
  for (const r of up.found) {
    line(`M${plot.left} ${plot.y(r)}H${plot.right}`, "grid");
    text(plot.left - 8, plot.y(r) + 4, percent(r, Math.max(up.digits - 2, 0)), "tick fcpts-b-tick-left");
  }
  line(`M${plot.left} ${plot.bottom}H${plot.right}`);
  for (const t of across.found) {
    line(`M${plot.x(t)} ${plot.bottom}v4`);
    text(plot.x(t), plot.bottom + 16, t.toFixed(across.digits));
  }
  text((plot.left + plot.right) / 2, height - 6, plot.words.threshold_axis);
  text(plot.left, 14, plot.words.share_axis, "tick fcpts-b-tick-start");
}

// `r` is where the point stands, `slope` that of the tangent.
export function moveSparsity(plot, { t }, r, slope) {
  const x = Math.min(Math.max(plot.x(t), plot.left), plot.right);
  const y = Math.min(Math.max(plot.y(r), plot.top), plot.bottom);
  set(plot.across.rule, { d: `M${x} ${y}V${plot.bottom}` });
  set(plot.up.rule, { d: `M${x} ${y}H${plot.left}` });
  for (const round of [plot.across.halo, plot.across.knob]) set(round, { cx: x, cy: plot.bottom });
  for (const round of [plot.up.halo, plot.up.knob]) set(round, { cx: plot.left, cy: y });
  set(plot.point, { cx: x, cy: y });
  const rise = (slope * (plot.y(0) - plot.y(1))) / (plot.x(1) - plot.x(0));
  const length = (plot.right - plot.left) / 5 / Math.hypot(1, rise);
  const clamp = (value) => Math.min(Math.max(value, plot.top - 8), plot.bottom + 8);
  const ends = [-length, length].map((dx) => {
    const to = clamp(y - rise * dx);
    return [rise ? x + (y - to) / rise : x + dx, to];
  });
  set(plot.tangent, { d: path(ends) });
  const leftwards = x > (plot.left + plot.right) / 2;
  // The curve rises: there is room above it to the left and below it to the right.
  const below = leftwards ? y < plot.top + 14 : y < plot.bottom - 40;
  set(plot.label, { x: x + (leftwards ? -12 : 12), y: below ? y + 24 : y - 12, "text-anchor": leftwards ? "end" : "start" });
}
