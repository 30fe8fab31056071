// Colours by role. A figure names a colour "@kept" or "@text/0.4" (role and opacity); the values come from the palette of
// the theme that is on the screen now, so a switch of theme repaints without a word to the server.

import { PALETTE } from "./settings.js";

export function colours(element) {
  return PALETTE[getComputedStyle(element).colorScheme.includes("dark") ? "dark" : "light"];
}

export function paint(value, scheme) {
  if (typeof value === "string") return value.startsWith("@") ? resolve(value, scheme) : value;
  if (Array.isArray(value)) return value.every((item) => typeof item === "number") ? value : value.map((item) => paint(item, scheme));
  if (value === null || typeof value !== "object" || value.bdata) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, paint(item, scheme)]));
}

function resolve(role, scheme) {
  const [name, opacity] = role.slice(1).split("/");
  const value = scheme[name] ?? scheme.text;
  if (opacity === undefined) return value;
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(value.slice(start, start + 2), 16));
  return `rgba(${red},${green},${blue},${opacity})`;
}

export function template(scheme, family) {
  const axis = {
    gridcolor: scheme.grid,
    linecolor: scheme.axis,
    tickcolor: scheme.axis,
    zeroline: false,
    ticks: "",
    automargin: false,
    title: { font: { size: 12, color: scheme.muted }, standoff: 6 },
    tickfont: { size: 11, color: scheme.muted },
  };
  return {
    layout: {
      font: { family, size: 12, color: scheme.text },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      showlegend: false,
      hoverlabel: {
        bgcolor: scheme.panel,
        bordercolor: scheme.axis,
        align: "left",
        font: { family, size: 12, color: scheme.text },
      },
      xaxis: axis,
      yaxis: axis,
    },
  };
}
