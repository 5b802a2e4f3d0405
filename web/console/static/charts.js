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
const clock = (seconds, days) => {
  const at = new Date(seconds * 1000), day = days ? `${at.toLocaleDateString([], { weekday: "short" })} ` : "";
  return `${day}${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`;
};

function options(chart, width) {
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const newest = (plot) => plot.setLegend({ idx: plot.data[0].length - 1 });  // until somebody points, on a phone always
  const few = (line) => line.values.filter((value) => value != null).length < 16;
  return {
    width, height: 220,
    hooks: { ready: [newest], setCursor: [(plot) => { if (plot.cursor.idx == null) newest(plot); }] },
    cursor: { y: false, points: { size: 7 } },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most || 0) * 1.1] } },
    axes: [
      { ...axis, size: 30, space: chart.days ? 90 : 55, values: (_plot, times) => times.map((one) => clock(one, chart.days)) },
      { ...axis, size: 62, label: chart.unit, labelSize: 16, labelGap: 0, values: (_plot, values) => values.map((value) => inWords(value, chart.unit)) },
    ],
    series: [
      { label: "Your time", value: (_plot, time) => (time == null ? "–" : clock(time, chart.days)) },
      ...chart.lines.map((line, place) => ({
        label: line.name, stroke: colour(line.colour), width: 2, points: { show: few(line), size: 6 },
        dash: [undefined, undefined, [3, 3], [8, 4], [2, 6]][place % 5], fill: place === 0 && chart.unit !== "seconds" ? `${colour(line.colour)}22` : undefined,
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
