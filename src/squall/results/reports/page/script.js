"use strict";
// One cursor for all charts of a group; values come from the data beside each chart.
(() => {
  const charts = [...document.querySelectorAll(".chart")].map((chart) => ({
    plot: chart.querySelector(".plot"),
    cursor: chart.querySelector(".cursor"),
    tip: chart.querySelector(".tip"),
    data: JSON.parse(chart.querySelector("script").textContent),
    at: -1,
  }));
  const figure = (value) =>
    value === null ? "–" : value.toLocaleString("en", { maximumSignificantDigits: Math.abs(value) < 1000 ? 4 : 6 });

  const nearest = (positions, percent) => {
    let low = 0, high = positions.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (positions[middle] < percent) low = middle; else high = middle;
    }
    return percent - positions[low] < positions[high] - percent ? low : high;
  };

  const show = (chart, index, withTip) => {
    const { data, cursor, tip, plot } = chart;
    chart.at = index;
    const left = data.positions[index];
    cursor.style.left = left + "%";
    plot.classList.add("on");
    tip.style.visibility = withTip ? "visible" : "hidden";
    if (!withTip) return;
    tip.replaceChildren();
    const head = document.createElement("b");
    head.textContent = figure(data.x[index]) + " " + data.x_unit;
    tip.append(head);
    for (const line of data.lines) {
      const row = document.createElement("span"), name = document.createElement("i"), value = document.createElement("em");
      name.textContent = line.name;
      value.textContent = figure(line.values[index]) + " " + data.unit;
      name.style.fontStyle = value.style.fontStyle = "normal";
      row.append(name, value);
      tip.append(row);
    }
    const right = left > 55;
    tip.style.left = right ? "auto" : `calc(${left}% + .8rem)`;
    tip.style.right = right ? `calc(${100 - left}% + .8rem)` : "auto";
  };

  const hide = () => charts.forEach(({ plot }) => plot.classList.remove("on"));

  const move = (source, percent) => {
    for (const chart of charts) {
      const same = chart === source;
      if (same || (chart.data.group && chart.data.group === source.data.group)) {
        show(chart, nearest(chart.data.positions, percent), same);
      }
    }
  };

  for (const chart of charts) {
    const { plot, data } = chart;
    plot.addEventListener("pointermove", (event) => {
      const box = plot.getBoundingClientRect();
      move(chart, (100 * (event.clientX - box.left)) / box.width);
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const last = data.positions.length - 1;
      move(chart, data.positions[Math.min(last, Math.max(0, chart.at + step))]);
    });
  }
  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const light = root.dataset.theme ? root.dataset.theme === "light" : matchMedia("(prefers-color-scheme: light)").matches;
    root.dataset.theme = light ? "dark" : "light";
  });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
})();
