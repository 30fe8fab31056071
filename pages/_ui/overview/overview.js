// The framework as a diagram. Boxes are buttons; what a run is at lights up. A recorded run plays once and stops at its
// end; of a live one each new moment is shown when it comes.

import { make, whenGone } from "./dom.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const SIZE = { width: 184, height: 74, across: 240, down: 116, left: 8, top: 8 };
const BEAT = 260;
const boards = new WeakMap();

export default function mount({ data, parentElement, setStateValue }) {
  let board = boards.get(parentElement);
  if (!board) {
    board = build(parentElement, data);
    boards.set(parentElement, board);
  }
  board.choose = (part) => {
    mark(board, part);
    setStateValue("part", part);
  };
  mark(board, board.chosen ?? data.chosen);
  const fresh = JSON.stringify(data.beats);
  if (board.drawn !== fresh) {
    board.drawn = fresh;
    Object.assign(board, { beats: data.beats, phases: data.phases });
    if (data.live) show(board, data.beats.length - 1);
    else play(board);
  }
  return whenGone(parentElement, () => clearTimeout(board.timer));
}

function build(parent, { parts, arrows, back }) {
  const root = make("section", "fcpts-overview", parent);
  const bar = make("div", "fcpts-o-bar", root);
  const head = make("p", "fcpts-o-head", bar);
  const again = make("button", "fcpts-demo-button", bar);
  again.type = "button";
  again.textContent = "Play the recorded run";
  const frame = make("div", "fcpts-o-frame", root);
  frame.tabIndex = 0;
  frame.setAttribute("aria-label", "Overview of the framework, scrolls sideways on small screens");
  frame.setAttribute("role", "group");
  const columns = Math.max(...parts.map((part) => part.column)) + 1;
  const rows = Math.max(...parts.map((part) => part.row)) + 1;
  const width = SIZE.left * 2 + SIZE.across * (columns - 1) + SIZE.width;
  const height = SIZE.top * 2 + SIZE.down * (rows - 1) + SIZE.height;
  const svg = draw("svg", "fcpts-o-diagram", frame, { viewBox: `0 0 ${width} ${height}` });
  heads(svg);
  const places = Object.fromEntries(parts.map((part) => [part.id, part]));
  const lines = [
    ...arrows.map(([from, to]) => arrow(svg, places[from], places[to], false)),
    ...back.map(([from, to]) => arrow(svg, places[from], places[to], true)),
  ];
  const board = { root, head, again, lines, boxes: {} };
  for (const part of parts) board.boxes[part.id] = box(svg, part, board);
  again.onclick = () => play(board);
  return board;
}

function heads(svg) {
  const defs = draw("defs", "", svg, {});
  for (const name of ["forward", "back"]) {
    const marker = draw("marker", "", defs, { id: `fcpts-o-${name}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 11, markerHeight: 11, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" });
    draw("path", `fcpts-o-tip-${name}`, marker, { d: "M0 0 8 4 0 8z" });
  }
}

function box(svg, part, board) {
  const x = SIZE.left + part.column * SIZE.across;
  const y = SIZE.top + part.row * SIZE.down;
  const group = draw("g", "fcpts-o-part", svg, { role: "button", tabindex: 0, "aria-label": `${part.title}: ${part.note}`, "data-part": part.id });
  draw("rect", "fcpts-o-box", group, { x, y, width: SIZE.width, height: SIZE.height, rx: 9 });
  draw("text", "fcpts-o-title", group, { x: x + SIZE.width / 2, y: y + 31 }).textContent = part.title;
  const note = draw("text", "fcpts-o-note", group, { x: x + SIZE.width / 2, y: y + 53 });
  note.textContent = part.note;
  group.onclick = () => board.choose(part.id);
  group.onkeydown = (event) => {
    if (!["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    board.choose(part.id);
  };
  return { group, note, usual: part.note };
}

// Straight between neighbours, else by an elbow; gradients run beside the way forward.
function arrow(svg, from, to, back) {
  const [a, b] = [from, to].map((part) => ({
    x: SIZE.left + part.column * SIZE.across + SIZE.width / 2,
    y: SIZE.top + part.row * SIZE.down + SIZE.height / 2,
  }));
  const shift = back ? 14 : -6;
  const [w, h] = [SIZE.width / 2 + 3, SIZE.height / 2 + 3];
  const [right, down] = [Math.sign(b.x - a.x), Math.sign(b.y - a.y)];
  let d;
  if (!down) d = `M${a.x + right * w} ${a.y + shift}H${b.x - right * w}`;
  else if (!right) d = `M${a.x + shift} ${a.y + down * h}V${b.y - down * h}`;
  else if (from.column < 2 && from.id === "weights") d = `M${a.x} ${a.y + down * h}V${b.y}H${b.x - right * w}`;
  else d = `M${a.x + right * w} ${a.y + shift}H${b.x + shift}V${b.y - down * h}`;
  if (back && down && right) d = `M${a.x + shift} ${a.y + down * h}V${b.y + shift}H${b.x - right * w}`;
  const name = back ? "back" : "forward";
  const line = draw("path", `fcpts-o-arrow fcpts-o-arrow-${name}`, svg, { d, "marker-end": `url(#fcpts-o-${name})` });
  return { line, from: from.id, to: to.id, back };
}

function play(board) {
  clearTimeout(board.timer);
  const last = board.beats.length - 1;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
    show(board, last);
    return;
  }
  const next = (at) => {
    show(board, at);
    if (at < last) board.timer = setTimeout(next, board.beats[at].phase === "forward" ? BEAT : 4 * BEAT, at + 1);
  };
  next(0);
}

function show(board, at) {
  const beat = board.beats[at];
  if (!beat) return;
  const lit = new Set(board.phases[beat.phase]);
  const learning = beat.phase === "forward";
  board.turn = !board.turn;
  board.head.textContent = beat.head;
  board.root.dataset.phase = beat.phase;
  for (const [id, { group, note, usual }] of Object.entries(board.boxes)) {
    group.classList.toggle("fcpts-o-lit", lit.has(id));
    note.textContent = beat.says[id] ?? usual;
  }
  for (const { line, from, to, back } of board.lines) {
    line.classList.toggle("fcpts-o-lit", lit.has(from) && lit.has(to) && (!learning || back === board.turn));
  }
}

function mark(board, part) {
  board.chosen = part;
  for (const [id, { group }] of Object.entries(board.boxes)) group.setAttribute("aria-pressed", String(id === part));
}

function draw(tag, className, parent, attributes) {
  const made = document.createElementNS(NAMESPACE, tag);
  if (className) made.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}
