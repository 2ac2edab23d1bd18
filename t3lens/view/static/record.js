// The record pane under a live timeline: shows one record as text, opens its neighbours, and tells the kernel
// whether the page is dark. Everything is set with textContent: nothing of a log is ever parsed as HTML.

function show(root, record, open) {
  root.replaceChildren();
  if (!record) {
    root.append(el("p", { class: "t3-hint" }, "Click a mark to open its record."));
    return;
  }
  root.append(el("h3", { class: "t3-record-title" }, record.title));
  const facts = el("dl", { class: "t3-facts" });
  for (const [name, value] of record.facts) facts.append(...named(name, value));
  root.append(facts);
  if (record.neighbours.length) {
    root.append(el("h4", {}, "Around it"));
    const list = el("ol", { class: "t3-neighbours" });
    for (const near of record.neighbours) {
      const row = el("li", { class: near.chosen ? "t3-chosen" : null });
      const button = el("button", { class: "t3-link" });
      button.type = "button";
      button.disabled = !near.key;
      if (near.chosen) button.setAttribute("aria-current", "true");
      button.append(el("span", { class: "t3-time" }, clock(near.at)), el("span", { class: "t3-lane" }, near.lane),
        el("span", { class: "t3-what" }, near.title));
      button.addEventListener("click", () => open(near.key));
      row.append(button);
      list.append(row);
    }
    root.append(list);
  }
  if (record.body) {
    const details = el("details", {});
    details.append(el("summary", {}, "Payload"), el("pre", { class: "t3-body", tabindex: "0" }, record.body));
    root.append(details);
  }
  const query = el("details", {});
  query.append(el("summary", {}, "As SQL"), quoted(record.sql, "the query"));
  root.append(query);
}

function render({ model, el: host }) {
  const root = el("section", { class: "t3 t3-record" });
  const note = el("p", { class: "t3-problem" });
  note.setAttribute("role", "status");
  note.hidden = true;
  root.setAttribute("aria-label", "Record behind the chosen mark");
  root.setAttribute("aria-live", "polite");
  host.append(root);
  const open = (key) => kernel.tell({ do: "open", key });
  const pager = el("nav", { class: "t3-tools" });
  pager.setAttribute("aria-label", "Rows of the figure");
  pager.hidden = true;
  const body = el("div", {});
  root.append(note, pager, body);
  const rows = ({ first, last, all }) => {
    pager.hidden = last - first + 1 >= all;
    const step = (by, name, sign, possible) => {
      const button = el("button", { class: "t3-button" }, sign);
      button.type = "button";
      button.disabled = !possible;
      button.setAttribute("aria-label", name);
      button.addEventListener("click", () => kernel.tell({ do: "rows", by }));
      return button;
    };
    const had = pager.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    pager.replaceChildren(step(-1, "Threads before these", "▴", first > 1), step(1, "Threads after these", "▾", last < all),
      el("span", { class: "t3-hint" }, `threads ${first.toLocaleString("en")} – ${last.toLocaleString("en")} of ${all.toLocaleString("en")}`));
    if (had) [...pager.querySelectorAll("button")].find((one) => one.getAttribute("aria-label") === had)?.focus();
  };
  // Times of the figure and of what is opened from it: in UTC, in the reader's own zone, or since the fork.
  let record = null;
  const zones = el("select", { class: "t3-input", "aria-label": "Times in" },
    el("option", { value: "utc" }, "UTC"), el("option", { value: "local" }, "local time"));
  const forked = el("option", { value: "fork" }, "since the fork");
  const showing = () => {
    zone.kind = zones.value;
    zone.zero = model.get("zero") ?? null;
    show(body, record, open);
  };
  const zoning = el("div", { class: "t3-tools", hidden: !model.get("traces") }, el("span", { class: "t3-hint" }, "Times in"), zones);
  root.insertBefore(zoning, body);
  const forking = () => {
    if ((model.get("zero") ?? null) === null) forked.remove();
    else zones.append(forked);
  };
  forking();
  model.on("change:zero", forking);
  zones.addEventListener("change", () => {
    const first = figure()?.layout?.xaxis?.range?.[0];
    const about = first ? new Date(`${String(first).replace(" ", "T")}Z`) : new Date();
    kernel.tell({ do: "zone", minutes: zones.value === "local" ? -about.getTimezoneOffset() : 0, fork: zones.value === "fork" });
    fitting();
    showing();
  });
  showing();

  // plotly draws the figure above, from what its model holds: nothing, where the kernel's messages did not reach it.
  const traces = model.get("traces");
  let drawn = false;
  let heardOf = null;
  const figure = () => root.closest(".widget-vbox, .jp-OutputArea-output, .output_area")?.querySelector(".js-plotly-plot");
  const look = () => {
    const plot = figure();
    if (!plot?.data) return;
    if (heardOf !== plot) {
      heardOf = plot;
      hearing(model, model.get("figure"));
    }
    // A figure that is told to change before it has drawn itself stays empty: wait for its drawing.
    if (drawn || plot.data.length < traces || !plot.calcdata || !plot.querySelector(".main-svg")) return;
    drawn = true;
    fit(plot);
    kernel.tell({ do: "theme", dark: isDark(), drawn: true });
    fitting();
  };
  // A figure takes its first width before it has a place, also one that the kernel has drawn anew.
  let fitted = null;
  let refitting = null;
  const fit = (plot) => {
    fitted = plot;
    window.dispatchEvent(new Event("resize"));
  };
  const fitting = () => {
    clearInterval(refitting);
    let tries = 300;
    refitting = setInterval(() => {
      const plot = figure();
      const isNew = plot && plot !== fitted && plot.calcdata && plot.querySelector(".main-svg");
      if (isNew) fit(plot);
      tries -= 1;
      if (isNew || !tries) clearInterval(refitting);
    }, 200);
  };
  const waiting = setInterval(() => {
    look();
    if (drawn) clearInterval(waiting);
  }, 200);
  const kernel = attend(model, {
    note,
    fed: () => drawn || !traces,
    hello: () => (figure()?.data?.length < traces ? { do: "blank" } : null),
    heard: (message) => {
      if (message.zone !== undefined) {
        const kind = message.fork ? "fork" : message.zone === 0 ? "utc" : "local";
        if (kind !== zones.value) { zones.value = kind; showing(); }
      }
      if (message.show !== undefined) { record = message.show; showing(); }
      if (message.rows !== undefined) rows(message.rows);
    },
  });
  const unhear = onTheme(() => { if (drawn) kernel.tell({ do: "theme", dark: isDark() }); });
  return () => {
    clearInterval(waiting);
    clearInterval(refitting);
    model.off("change:zero", forking);
    unhear();
    kernel.end();
  };
}

export default { render };
