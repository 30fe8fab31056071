// What the bridge needs to know of a layer, without any drawing: counts by binary search in the sorted magnitudes (exact),
// smooth values by straight lines between the points that Python computed.

export function unpack({ magnitudes, weights, every, reach, stops, histogram, sample }) {
  return {
    magnitudes: floats(magnitudes),
    weights,
    every,
    reach,
    stops: stops.map(({ bandwidth, rules, peak, pdf, rate }) => ({
      bandwidth,
      rules,
      peak,
      pdf: shares(pdf, peak),
      rate: shares(rate, 1),
    })),
    histogram: { ...histogram, heights: floats(histogram.heights) },
    sample: floats(sample),
  };
}

// #{j : |w_j| < t}, t in single precision as the weights are.
export function countBelow(layer, t) {
  const { magnitudes } = layer;
  const limit = Math.fround(t);
  let low = 0;
  let high = magnitudes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (magnitudes[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return Math.min(low * layer.every, layer.weights);
}

// The middle of the thresholds that prune exactly `count` weights, as fcpts_core.bridge.inverse has it.
export function thresholdFor(layer, count) {
  const { magnitudes, every } = layer;
  const rank = Math.round(count / every);
  if (rank >= magnitudes.length) return Math.min(layer.reach, 1.01 * magnitudes[magnitudes.length - 1]);
  const below = rank > 0 ? magnitudes[rank - 1] : 0;
  const middle = Math.fround((below + magnitudes[rank]) / 2);
  return Math.min(layer.reach, middle > below ? middle : magnitudes[rank]);
}

// The threshold at which the smooth curve has this height; it rises, so bisection finds it.
export function smoothThresholdFor(layer, stop, rate) {
  let [low, high] = [0, layer.reach];
  for (let i = 0; i < 40; i += 1) {
    const middle = (low + high) / 2;
    if (smoothRate(layer, stop, middle) < rate) low = middle;
    else high = middle;
  }
  return high;
}

export function smoothRate(layer, stop, t) {
  return along(layer.stops[stop].rate, t / layer.reach);
}

export function kernelDensity(layer, stop, w) {
  return along(layer.stops[stop].pdf, (w / layer.reach + 1) / 2);
}

export function histogramDensity({ histogram }, w) {
  const place = (w - histogram.lo) / histogram.width;
  if (place < 0 || place > histogram.heights.length) return 0;
  return histogram.heights[Math.min(Math.floor(place), histogram.heights.length - 1)];
}

// p(t) and p(-t) as the chosen view has them; the count has no slope.
export function sides(layer, { view, stop, t }) {
  if (view === "exact") return [0, 0];
  const p = view === "histogram" ? (w) => histogramDensity(layer, w) : (w) => kernelDensity(layer, stop, w);
  return [p(t), p(-t)];
}

function along(values, place) {
  const position = Math.min(Math.max(place, 0), 1) * (values.length - 1);
  const left = Math.min(Math.floor(position), values.length - 2);
  return values[left] + (position - left) * (values[left + 1] - values[left]);
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function floats(text) {
  return new Float32Array(bytes(text).buffer);
}

function shares(text, most) {
  return Float32Array.from(new Uint16Array(bytes(text).buffer), (value) => (value * most) / 65535);
}
