// What the scripts of all components share: elements, texts, and being taken down. Published beside each of them.

const LINGER = 1000;

// The clean-up of a component. Streamlit also calls that of a call which newer data has overtaken, while the component goes
// on: so `act` is for when its parent has really left the page.
export function whenGone(parent, act) {
  return () => setTimeout(() => !parent.isConnected && act(), LINGER);
}

export function make(tag, className, parent) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  parent.append(element);
  return element;
}

// Text that is there already is left alone, so nothing flickers and nothing is read out again.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
