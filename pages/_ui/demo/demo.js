// Slides for a projector. Arrow keys, space and the buttons turn them, F fills the screen; Python hears which one is shown.

import { make, whenGone, write } from "./dom.js";

const SECONDS = 12;
const decks = new WeakMap();
const NEXT = ["ArrowRight", "PageDown", " ", "Enter"];
const BACK = ["ArrowLeft", "PageUp", "Backspace"];

export default function mount({ data, parentElement, setStateValue }) {
  let deck = decks.get(parentElement);
  if (!deck) {
    deck = build(parentElement);
    deck.at = data.first;
    decks.set(parentElement, deck);
  }
  deck.tell = (at) => setStateValue("slide", at);
  const fresh = JSON.stringify(data);
  if (deck.drawn !== fresh) {
    deck.drawn = fresh;
    deck.data = data;
    show(deck, Math.min(deck.at, data.slides.length - 1));
  }
  return whenGone(parentElement, () => document.removeEventListener("keydown", deck.listen));
}

function build(parent) {
  const root = make("section", "fcpts-demo", parent);
  root.setAttribute("aria-roledescription", "slides");
  const deck = { root, at: 0 };
  const stage = make("div", "fcpts-demo-stage", root);
  stage.setAttribute("aria-live", "polite");
  for (const name of ["over", "big", "under"]) deck[name] = make("p", `fcpts-demo-${name}`, stage);
  deck.figure = make("div", "fcpts-demo-figure", stage);
  deck.bars = make("div", "fcpts-demo-bars", stage);
  const foot = make("footer", "fcpts-demo-foot", root);
  deck.source = make("p", "fcpts-demo-source", foot);
  deck.place = make("span", "fcpts-demo-place", foot);
  deck.back = button(foot, "Back", () => turn(deck, -1));
  deck.next = button(foot, "Next", () => turn(deck, 1));
  button(foot, "Full screen", () => fill(root));
  deck.listen = (event) => listen(deck, event);
  document.addEventListener("keydown", deck.listen);
  return deck;
}

function listen(deck, event) {
  if (!deck.root.isConnected || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.target.closest?.("input, select, textarea, [role=combobox], [role=slider]")) return;
  const pressed = event.target.closest?.("button, a");
  if (pressed && [" ", "Enter"].includes(event.key)) return;
  if (NEXT.includes(event.key)) turn(deck, 1);
  else if (BACK.includes(event.key)) turn(deck, -1);
  else if (event.key === "Home") turn(deck, -Infinity);
  else if (event.key === "End") turn(deck, Infinity);
  else if (event.key === "f") fill(deck.root);
  else return;
  event.preventDefault();
}

function turn(deck, by) {
  const to = Math.min(Math.max(deck.at + by, 0), deck.data.slides.length - 1);
  if (to === deck.at) return;
  show(deck, to);
  deck.tell(to);
}

function show(deck, at) {
  const again = deck.shown === at;
  Object.assign(deck, { at, shown: at });
  const { slides, source } = deck.data;
  const slide = slides[at];
  deck.root.dataset.slide = slide.name;
  for (const name of ["over", "big", "under"]) write(deck[name], slide[name]);
  write(deck.source, source);
  write(deck.place, `${at + 1} of ${slides.length}`);
  deck.back.disabled = at === 0;
  deck.next.disabled = at === slides.length - 1;
  drawBars(deck, slide.bars);
  deck.figure.hidden = slide.figure !== "run";
  if (slide.figure === "run") play(deck, again);
  else cancelAnimationFrame(deck.frame);
}

function drawBars(deck, bars) {
  deck.bars.replaceChildren();
  deck.bars.hidden = bars.length === 0;
  for (const bar of bars) {
    const row = make("div", "fcpts-demo-bar", deck.bars);
    write(make("span", "", row), bar.label);
    const track = make("span", "fcpts-demo-track", row);
    const length = make("span", `fcpts-demo-length fcpts-demo-${bar.kind}`, track);
    length.style.width = `${100 * bar.share}%`;
    write(make("b", "", row), bar.value);
  }
}

// A recorded run is played once, in some seconds; of a live one the newest moment is shown.
function play(deck, again) {
  const { run } = deck.data;
  cancelAnimationFrame(deck.frame);
  const columns = buildColumns(deck, run);
  if (!run.frames) return;
  const shares = Uint8Array.from(atob(run.shares), (letter) => letter.charCodeAt(0));
  const last = run.frames - 1;
  const draw = (frame) => {
    columns.forEach((column, layer) => {
      column.style.transform = `scaleY(${shares[frame * run.layers + layer] / 255})`;
    });
    write(deck.big, run.kept[frame].toLocaleString("en-US"));
  };
  if (run.live || (again && deck.played) || matchMedia("(prefers-reduced-motion: reduce)").matches) {
    draw(last);
    return;
  }
  const began = performance.now();
  const tick = (now) => {
    const frame = Math.min(last, Math.floor(((now - began) / 1000 / SECONDS) * last));
    draw(Math.max(frame, 0));
    deck.played = frame === last;
    if (frame < last) deck.frame = requestAnimationFrame(tick);
  };
  deck.frame = requestAnimationFrame(tick);
}

function buildColumns(deck, run) {
  if (deck.figure.children.length !== run.layers) {
    deck.figure.replaceChildren();
    for (let i = 0; i < run.layers; i += 1) make("span", "fcpts-demo-pruned", make("span", "fcpts-demo-column", deck.figure));
  }
  deck.figure.setAttribute("role", "img");
  deck.figure.setAttribute("aria-label", `Share of zeros in each of ${run.layers} layers`);
  return [...deck.figure.children].map((column) => column.firstChild);
}

function fill(root) {
  if (document.fullscreenElement) document.exitFullscreen();
  else root.requestFullscreen?.();
}

function button(parent, words, act) {
  const element = make("button", "fcpts-demo-button", parent);
  element.type = "button";
  element.textContent = words;
  element.onclick = act;
  return element;
}
