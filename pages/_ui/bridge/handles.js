// Dragging by mouse, pen and finger, and the keys of a slider.

const BIG = 10;

// `move(x, y)` gets places in the coordinates of `surface`; the newest one of a frame is enough, so the caller draws by frames.
export function draggable(target, move, end, surface = target) {
  let dragging = null;
  const place = (event) => {
    const box = surface.getBoundingClientRect();
    move(event.clientX - box.left, event.clientY - box.top);
  };
  target.onpointerdown = (event) => {
    if (event.button !== 0 || dragging !== null) return;
    event.stopPropagation();
    dragging = event.pointerId;
    target.setPointerCapture(dragging);
    const handle = event.target.closest?.("[role=slider]") ?? target.querySelector?.("[role=slider]");
    handle?.focus({ preventScroll: true });
    event.preventDefault();
    place(event);
  };
  target.onpointermove = (event) => {
    if (event.pointerId === dragging) place(event);
  };
  target.onpointerup = target.onpointercancel = (event) => {
    if (event.pointerId !== dragging) return;
    dragging = null;
    end();
  };
}

// `move(steps, whole)`: by so many small steps, or to a share of the whole range where a key says so.
export function keyed(target, move) {
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: BIG, PageDown: -BIG };
  target.onkeydown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in steps) move(steps[event.key] * (event.shiftKey ? BIG : 1));
    else if (event.key === "Home") move(0, 0);
    else if (event.key === "End") move(0, 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
}
