// The bridge of one layer: density and sparsity side by side, one threshold that can be dragged on either. All that moves
// is computed and drawn here, in one animation frame; Python hears of it when the reader lets go.

import { whenGone } from "./dom.js";
import { build, writeFacts } from "./parts.js";
import { countBelow, sides, smoothRate, smoothThresholdFor, thresholdFor, unpack } from "./curves.js";
import { densityPlot, moveDensity, shapeDensity } from "./density.js";
import { moveSparsity, shapeSparsity, sparsityPlot } from "./sparsity.js";
import { draggable, keyed } from "./handles.js";

const QUIET = 150;
const bridges = new WeakMap();

export default function mount({ data, parentElement, setStateValue }) {
  let bridge = bridges.get(parentElement);
  if (!bridge) {
    bridge = create(parentElement, data);
    bridges.set(parentElement, bridge);
  }
  bridge.tell = (value) => setStateValue("state", value);
  if (bridge.id !== data.id) show(bridge, data);
  return whenGone(parentElement, () => bridge.observer.disconnect());
}

function create(parent, data) {
  const bridge = { parts: build(parent, data), words: data.words, frame: 0, stale: true, quiet: 0 };
  bridge.density = densityPlot(bridge.parts.density, data.words);
  bridge.sparsity = sparsityPlot(bridge.parts.sparsity, data.words);
  bridge.observer = new ResizeObserver(() => redraw(bridge, true));
  bridge.observer.observe(bridge.parts.plots);
  listen(bridge);
  return bridge;
}

function show(bridge, data) {
  bridge.id = data.id;
  bridge.layer = unpack(data);
  bridge.state = { ...data.start };
  bridge.hidden = data.hidden;
  bridge.parts.offer(bridge.layer, bridge.state, data);
  redraw(bridge, true);
}

function change(bridge, changes, { reshape = false, done = false } = {}) {
  Object.assign(bridge.state, changes);
  redraw(bridge, reshape);
  clearTimeout(bridge.quiet);
  if (done) commit(bridge);
}

// Keys come in quick succession: Python hears of the last one.
function settle(bridge) {
  clearTimeout(bridge.quiet);
  bridge.quiet = setTimeout(() => commit(bridge), QUIET);
}

function commit(bridge) {
  if (bridge.state.zoom) redraw(bridge, true);
  bridge.tell({ ...bridge.state, t: Math.fround(bridge.state.t) });
}

function redraw(bridge, reshape) {
  bridge.stale ||= reshape;
  bridge.frame ||= requestAnimationFrame(() => {
    bridge.frame = 0;
    if (bridge.layer) paint(bridge);
  });
}

function paint(bridge) {
  const { layer, state, parts, density, sparsity } = bridge;
  if (bridge.stale) {
    const sizes = [parts.density, parts.sparsity].map((svg) => ({ width: svg.clientWidth, height: svg.clientHeight }));
    if (sizes[0].width) shapeDensity(density, layer, state, sizes[0]);
    if (sizes[1].width) shapeSparsity(sparsity, layer, state, sizes[1]);
    bridge.stale = !(sizes[0].width || sizes[1].width);
    parts.root.dataset.view = state.view;
  }
  const { t, view } = state;
  const count = countBelow(layer, t);
  const r = count / layer.weights;
  const [plus, minus] = sides(layer, state);
  const heights = view === "exact" ? [0, 0] : [plus, minus];
  if (density.x) moveDensity(density, state, heights);
  const smooth = smoothRate(layer, state.stop, t);
  if (sparsity.x) moveSparsity(sparsity, state, view === "kde" ? smooth : r, plus + minus);
  writeFacts(bridge, { t, count, r, smooth, plus, minus });
}

function listen(bridge) {
  const { parts, density, sparsity } = bridge;
  const within = (t) => Math.min(Math.max(t, 0), bridge.layer.reach);
  const drag = (changes) => change(bridge, changes);
  const end = () => commit(bridge);
  draggable(parts.density, (x) => drag({ t: within(Math.abs(density.w(x))) }), end);
  draggable(parts.sparsity, (x) => drag({ t: within(sparsity.t(x)) }), end);
  const toShare = (r) => thresholdFor(bridge.layer, Math.round(Math.min(Math.max(r, 0), 1) * bridge.layer.weights));
  const toHeight = (r) => (bridge.state.view === "kde" ? smoothThresholdFor(bridge.layer, bridge.state.stop, r) : toShare(r));
  draggable(sparsity.up.group, (x, y) => drag({ t: toHeight(sparsity.r(y)) }), end, parts.sparsity);
  const move = (steps, whole) => {
    const { x0, x1 } = bridge.state.zoom ? sparsity.shown ?? { x0: 0, x1: bridge.layer.reach } : { x0: 0, x1: bridge.layer.reach };
    change(bridge, { t: whole === undefined ? within(bridge.state.t + steps * (x1 - x0) * 0.005) : whole * bridge.layer.reach });
    settle(bridge);
  };
  const lift = (steps, whole) => {
    const now = countBelow(bridge.layer, bridge.state.t) / bridge.layer.weights;
    change(bridge, { t: toShare(whole ?? now + steps * 0.005) });
    settle(bridge);
  };
  keyed(density.grips[0].group, move);
  keyed(sparsity.across.group, move);
  keyed(sparsity.up.group, lift);
  parts.onView = (view) => change(bridge, { view }, { reshape: true, done: true });
  parts.onStop = (stop, done) => change(bridge, { stop }, { reshape: true, done });
  parts.onZoom = (zoom, done) => change(bridge, { zoom }, { reshape: true, done });
}
