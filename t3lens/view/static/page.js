// Draws the page's one figure, in the reader's theme and width, and follows when either changes.
(() => {
  const spec = JSON.parse(document.getElementById("spec").textContent);
  const target = document.getElementById("figure");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const swap = (value) => {
    if (typeof value === "string") return spec.toDark[value] || value;
    if (Array.isArray(value)) return value.map(swap);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, swap(part)]));
    }
    return value;
  };
  const config = { displaylogo: false, responsive: true, scrollZoom: true, plotlyServerURL: "",
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]], showTips: false };
  const draw = () => {
    const forced = document.documentElement.dataset.theme;
    const night = forced ? forced === "dark" : dark.matches;
    const shown = night ? swap({ data: spec.data, layout: spec.layout }) : spec;
    const layout = JSON.parse(JSON.stringify(shown.layout));
    if (window.innerWidth < 760) {
      layout.yaxis = { ...layout.yaxis, tickfont: { ...layout.yaxis.tickfont, size: 10 } };
      layout.title = { ...layout.title, font: { ...layout.title.font, size: 12 } };
    }
    return Plotly.react(target, shown.data, layout, config);
  };
  draw().then(() => { target.dataset.drawn = "true"; });
  dark.addEventListener("change", draw);
})();
