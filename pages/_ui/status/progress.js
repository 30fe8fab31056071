// A progress bar that is also one for those who do not see it. `null` hides it.

export function bar(track) {
  const fill = document.createElement("div");
  fill.className = "fcpts-progress-fill";
  track.append(fill);
  track.setAttribute("role", "progressbar");
  track.setAttribute("aria-label", "Progress of the run");
  track.setAttribute("aria-valuemin", "0");
  track.setAttribute("aria-valuemax", "100");
  return (share, text) => {
    track.dataset.idle = String(share === null);
    const percent = Math.round(100 * (share ?? 0));
    fill.style.transform = `scaleX(${share ?? 0})`;
    track.setAttribute("aria-valuenow", String(percent));
    track.setAttribute("aria-valuetext", text || `${percent} %`);
  };
}
