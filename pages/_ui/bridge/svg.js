// Small helpers for drawing: elements, paths, ticks, numbers as the pages write them.

const NAMESPACE = "http://www.w3.org/2000/svg";
const NARROW = "\u202f";

export function make(tag, className, parent, attributes = {}) {
  const element = document.createElement(tag);
  element.className = className;
  set(element, attributes);
  parent.append(element);
  return element;
}

export function draw(tag, className, parent, attributes = {}) {
  const element = document.createElementNS(NAMESPACE, tag);
  if (className) element.setAttribute("class", className);
  set(element, attributes);
  parent.append(element);
  return element;
}

const known = new WeakMap();

// What an attribute is already costs nothing: most of them stand still while something is dragged.
export function set(element, attributes) {
  let before = known.get(element);
  if (!before) known.set(element, (before = {}));
  for (const [name, value] of Object.entries(attributes)) {
    if (before[name] === value) continue;
    before[name] = value;
    element.setAttribute(name, value);
  }
}

export { write } from "./dom.js";

export function path(points) {
  let text = "";
  for (let i = 0; i < points.length; i += 1) text += `${i ? "L" : "M"}${points[i][0].toFixed(1)} ${points[i][1].toFixed(1)}`;
  return text;
}

export function ticks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((candidate) => candidate >= rough * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) found.push(i * step);
  return { found, digits: Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)) };
}

export function fixed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `\u2212${text}` : text;
}

export function percent(share, digits = 1) {
  return `${(100 * share).toFixed(digits)}${NARROW}%`;
}

export function count(number) {
  return number.toLocaleString("en-US");
}

export function significant(value, digits = 3) {
  return value === 0 ? "0" : Number(value).toPrecision(digits).replace(/e([+-]\d+)$/, "e$1");
}

// "{r} of {n}" with values in the places of the names.
export function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
