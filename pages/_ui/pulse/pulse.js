// Asks for the next picture a while after the last one has arrived. A timer on the server's side would not wait for a slow
// browser, and pictures would pile up.

const timers = new WeakMap();

export default function mount({ data, parentElement, setTriggerValue }) {
  clearTimeout(timers.get(parentElement));
  if (data.after !== null) timers.set(parentElement, setTimeout(() => setTriggerValue("beat", data.now), data.after));
  return () => clearTimeout(timers.get(parentElement));
}
