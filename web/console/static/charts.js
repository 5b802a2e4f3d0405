// Draws what stands in data-chart; the table beside each chart says the same without this file.
"use strict";

const drawn = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const inWords = (value, unit) => {
  if (value == null) return "–";
  if (unit !== "seconds") return value.toLocaleString("en");
  if (value < 120) return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return `${Math.round(value / 3600)} h`;
};

const twoDigits = (number) => String(number).padStart(2, "0");
const clock = (seconds) => {
  const at = new Date(seconds * 1000);
  return `${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`;
};

function options(chart, width) {
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  return {
    width, height: 200,
    cursor: { y: false, points: { size: 7 } },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most || 0) * 1.1] } },
    axes: [
      { ...axis, size: 30, values: (_plot, times) => times.map(clock) },
      { ...axis, size: 62, values: (_plot, values) => values.map((value) => inWords(value, chart.unit)) },
    ],
    series: [
      { label: "Your time", value: (_plot, time) => (time == null ? "–" : clock(time)) },
      ...chart.lines.map((line, place) => ({
        label: line.name, stroke: colour(line.colour), width: 2, points: { show: false },
        dash: place > 1 ? [3, 3] : undefined, fill: place === 0 && chart.unit === "count" ? `${colour(line.colour)}22` : undefined,
        value: (_plot, value) => inWords(value, chart.unit),
      })),
    ],
  };
}

function draw(place) {
  drawn.get(place)?.destroy();
  const chart = JSON.parse(place.dataset.chart);
  const data = [chart.times, ...chart.lines.map((line) => line.values)];
  drawn.set(place, new uPlot(options(chart, place.clientWidth), data, place));
}

function drawAll() {
  for (const place of drawn.keys()) if (!place.isConnected) { drawn.get(place).destroy(); drawn.delete(place); }
  for (const place of document.querySelectorAll("[data-chart]")) draw(place);
}

drawAll();
document.addEventListener("htmx:afterSettle", (event) => { if (document.querySelector("[data-chart]:empty")) drawAll(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
addEventListener("resize", () => {
  for (const [place, plot] of drawn) if (place.isConnected) plot.setSize({ width: place.clientWidth, height: 200 });
});
