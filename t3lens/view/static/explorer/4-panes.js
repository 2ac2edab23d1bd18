// The right-hand panes: what the thread's state was at a moment, its story, one record, and what lies in a range.

const MOST_ROWS = 400;

function makePanes(root, signs, tell, to) { // `to` leads out of the panes: to what is shown, found, kept, and to a search's end
  const names = { story: "Story", record: "Record", moment: "At a time", range: "In range", table: "As table", found: "Found" };
  const tabs = el("div", { class: "t3-tabs", role: "tablist", "aria-label": "Details" });
  const panes = {};
  const heads = {};
  const told = {}; // what each pane shows, to tell it once more when times are told in another zone
  let current = "story";
  for (const [key, name] of Object.entries(names)) {
    heads[key] = el("button", { type: "button", role: "tab", id: `${root.id}-tab-${key}`, "aria-controls": `${root.id}-${key}`, onclick: () => show(key) }, name);
    panes[key] = el("div", { class: "t3-pane-body", role: "tabpanel", id: `${root.id}-${key}`, "aria-labelledby": `${root.id}-tab-${key}`, tabindex: "0" });
    tabs.append(heads[key]);
  }
  tabs.addEventListener("keydown", (event) => {
    const order = Object.keys(names).filter((key) => !heads[key].hidden);
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.stopPropagation();
    show(order[(order.indexOf(current) + by + order.length) % order.length]);
    heads[current].focus();
  });
  root.append(tabs, ...Object.values(panes));

  function show(key) {
    current = key;
    if (key === "table") table();
    for (const name of Object.keys(names)) {
      panes[name].hidden = name !== key;
      heads[name].setAttribute("aria-selected", name === key ? "true" : "false");
      heads[name].tabIndex = name === key ? 0 : -1;
    }
  }

  function link(key, when, lane, what, chosen, told, beside) {
    const made = el("button", { type: "button", class: "t3-link", disabled: !key, "aria-current": chosen ? "true" : null,
      onclick: () => tell({ do: "open", key, at: when, beside }) },
    el("span", { class: "t3-time" }, clock(when)), el("span", { class: "t3-lane", title: told }, lane), el("span", { class: "t3-what" }, what));
    return el("li", { class: chosen ? "t3-chosen" : null }, made);
  }

  function facts(pairs) {
    const made = el("dl", { class: "t3-facts" });
    for (const [name, value] of pairs) made.append(...named(name, value));
    return made;
  }

  function story(sent) {
    const parts = [];
    if (sent.findings.length) parts.push(el("h4", {}, "Findings"));
    for (const found of sent.findings) {
      const made = el("button", { type: "button", class: "t3-finding", onclick: () => tell({ do: "finding", key: found.key }) },
        el("span", { class: "t3-row-top" }, chip("severity", found.severity, signs.severity[found.severity]), el("b", {}, found.code)),
        el("span", { class: "t3-what" }, found.summary),
        el("span", { class: "t3-hint" }, `${found.confidence}${found.since ? `, since ${zoned(found.since)}` : ""}`));
      made.style.setProperty("--t3-c", roleVariable(`severity:${found.severity}`));
      parts.push(made);
    }
    if (sent.why) parts.push(el("h4", {}, "Why"), el("p", {}, sent.why));
    parts.push(el("h4", {}, sent.steps.length ? `What led here, as it should have gone (${zoneName(sent.steps[0].at)})` : "No replay of this thread"));
    parts.push(el("ol", { class: "t3-neighbours" }, ...sent.steps.map((step) => link(step.key, step.at, step.rule, step.why, false, step.of))));
    panes.story.replaceChildren(...parts);
  }

  function record(sent) {
    const parts = [el("h3", {}, sent.title), facts(sent.facts)];
    const timed = sent.neighbours.find((near) => near.at);
    if (sent.neighbours.length) {
      parts.push(el("h4", {}, `${sent.key.startsWith("finding:") ? "Evidence" : "Around it"}${timed ? ` (${zoneName(timed.at)})` : ""}`));
      parts.push(el("ol", { class: "t3-neighbours" }, ...sent.neighbours.map((near) => link(near.key, near.at, near.lane, near.title, near.chosen, null, sent.beside))));
    }
    if (sent.body) parts.push(el("details", { open: true }, el("summary", {}, "Payload"), el("pre", { class: "t3-body", tabindex: "0" }, sent.body)));
    if (sent.key.startsWith("note:")) parts.push(el("div", {}, forgetting(sent.key)));
    parts.push(el("details", {}, el("summary", {}, "As SQL"), quoted(sent.sql, "the query")));
    panes.record.replaceChildren(...parts);
  }

  // A note is gone for good: the first click asks.
  function forgetting(key) {
    const made = button("Delete note", () => {
      if (made.textContent !== "Delete note") tell({ do: "forget", key, ...to.shown() });
      else made.textContent = "Delete it for good?";
    });
    return made;
  }

  function moment(sent) {
    const rows = sent.rows.map(([lane, what, key, role]) => {
      const sign = el("span", { class: "t3-sign" }, signs[role.split(":")[0]]?.[role.split(":")[1]] || "");
      sign.style.setProperty("--t3-c", roleVariable(role));
      return el("li", {}, el("button", { type: "button", class: "t3-link", onclick: () => tell({ do: "open", key, at: null }) },
        el("span", { class: "t3-lane-wide" }, lane), sign, el("span", { class: "t3-what" }, what)));
    });
    panes.moment.replaceChildren(el("h3", {}, zone.kind === "fork" ? zoned(sent.at) : `${stamp(sent.at).slice(0, 10)} ${zoned(sent.at)}`),
      rows.length ? el("ol", { class: "t3-neighbours" }, ...rows) : el("p", { class: "t3-hint" }, "Nothing was going on."),
      el("h4", {}, "Last records before"), el("ol", { class: "t3-neighbours" }, ...sent.records.map((near) => link(near.key, near.at, near.lane, near.title))),
      el("h4", {}, "A note on this moment"), noting(sent.at));
  }

  function noting(at) {
    const text = el("textarea", { class: "t3-input t3-note-text", rows: "2", maxlength: "2000", "aria-label": "Note" });
    return el("div", {}, text, button("Keep note", () => { if (text.value.trim()) { tell({ do: "note", at, text: text.value, ...to.shown() }); text.value = ""; } }),
      el("p", { class: "t3-hint" }, `Shown in the timeline and in the report, kept ${to.kept() ? "in the store" : "until this kernel ends; t3lens.open(…, store=\"FILE\") keeps it"}.`));
  }

  const sought = (text) => `“${text.length > 80 ? `${text.slice(0, 80)}…` : text}”`;

  function looking(text) {
    heads.found.hidden = false;
    delete told.found;
    panes.found.replaceChildren(el("p", { class: "t3-hint", role: "status" }, `Looking for ${sought(text)} in contents …`));
    show("found");
  }

  function found(sent) {
    const many = sent.rows.length === 1 ? "record holds" : "records hold";
    panes.found.replaceChildren(el("h3", {}, sent.most ? `${sought(sent.text)} in records: the newest ${sent.rows.length}` : `${sent.rows.length || "No"} ${many} ${sought(sent.text)}`),
      el("div", {}, button("Close search", to.unsearch)),
      sent.hidden ? el("p", { class: "t3-hint" }, "Their texts are left out; lens.explore(content=True) shows them, secrets masked.") : "",
      el("ol", { class: "t3-neighbours" }, ...sent.rows.map((hit) => el("li", {}, el("button", { type: "button", class: "t3-link", onclick: () => to.open(hit) },
        el("b", { class: "t3-what" }, hit.title), el("span", { class: "t3-time" }, `${stamp(hit.at)} ${zone.kind === "local" ? zoneName(hit.at) : "UTC"}`), el("span", { class: "t3-lane" }, hit.type), el("span", { class: "t3-what" }, hit.text))))));
  }

  function range(sent) {
    if (!sent) { panes.range.replaceChildren(el("p", { class: "t3-hint" }, "Drag over the timeline to choose a time range.")); return; }
    panes.range.replaceChildren(el("h3", {}, `${clock(sent.low)} – ${zoned(sent.high)}`),
      el("p", { class: "t3-hint" }, `${sent.total.toLocaleString("en")} records in ${lasted(sent.high - sent.low)}`),
      !sent.rows.length ? "" : el("div", { class: "t3-scroll", tabindex: "0", role: "group", "aria-label": "Records by type" }, el("table", { class: "t3-table" },
        el("thead", {}, el("tr", {}, ...["records", "type", "first, last"].map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, ...sent.rows.map(([lane, type, n, first, last]) => el("tr", {}, el("td", { class: "t3-number" }, n.toLocaleString("en")),
          el("td", { class: "t3-wrap" }, el("div", {}, type), el("div", { class: "t3-hint" }, lane)), between(first, last, n > 1)))))),
      el("details", {}, el("summary", {}, "As SQL"), quoted(sent.sql, "the query")));
  }

  // Two times in one cell, one below the other: beside the timeline there is no room for two columns of them.
  const between = (first, last, both) => el("td", {}, el("div", {}, clock(first)), both ? el("div", { class: "t3-hint" }, last === null ? "open" : clock(last)) : "");

  let drawn = null; // what the timeline shows, in words: made when somebody looks

  function table() {
    if (!drawn) { panes.table.replaceChildren(el("p", { class: "t3-hint" }, "Nothing is drawn yet.")); return; }
    const [found, [low, high]] = drawn();
    const rows = found.map((one) => [one.at, one.until, one.lane, one.what, one.key])
      .filter(([from, until]) => from <= high && (until === null || until >= low)).sort((a, b) => a[0] - b[0]);
    const most = rows.slice(0, MOST_ROWS);
    panes.table.replaceChildren(
      el("p", { class: "t3-hint" }, `What the timeline shows from ${clock(low)} to ${zoned(high)}`
        + (rows.length > most.length ? `: the first ${most.length} of ${rows.length}; zoom in for the others.` : ".")),
      el("table", { class: "t3-table" }, el("thead", {}, el("tr", {}, ...["from, until", "what, where"].map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, ...most.map(([from, until, lane, what, key]) => el("tr", {}, between(from, until, until !== from),
          el("td", { class: "t3-wrap" }, el("button", { type: "button", class: "t3-link", onclick: () => tell({ do: "open", key, at: from }) }, what), el("div", { class: "t3-hint" }, lane)))))));
  }

  heads.found.hidden = true;
  const unchosen = () => el("p", { class: "t3-hint" }, "Choose a mark, a finding or a step to see its record.");
  panes.record.append(unchosen());
  panes.moment.append(el("p", { class: "t3-hint" }, "Click an empty place of the timeline, or move the slider."));
  const tellers = { story, record, moment, range, found };
  const teller = (key) => (sent) => { told[key] = sent; tellers[key](sent); };

  function clear(words = "Fetching …") {
    drawn = null;
    for (const key of ["story", "record", "moment", "range"]) delete told[key];
    for (const [name, pane] of Object.entries(panes)) if (name !== "found") pane.replaceChildren(el("p", { class: "t3-hint" }, words));
    panes.record.replaceChildren(unchosen()); // what it showed was of the thread before
    if (current === "record") show("story");
    range(null);
  }

  range(null);
  show("story");
  return {
    show, clear, looking, story: teller("story"), record: teller("record"), moment: teller("moment"), range: teller("range"),
    found(sent) { heads.found.hidden = false; teller("found")(sent); show("found"); },
    unfound() { heads.found.hidden = true; delete told.found; if (current === "found") show("story"); },
    unrecord() { delete told.record; panes.record.replaceChildren(unchosen()); },
    drawing(source) { drawn = source; if (current === "table") table(); },
    again() { for (const key of Object.keys(told)) tellers[key](told[key]); if (current === "table") table(); },
  };
}
