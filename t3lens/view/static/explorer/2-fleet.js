// The fleet list: verdict chips, search, sort, and rows of which only the visible ones exist.

const ROW = 50;

function makeFleet(root, signs, tell, { fetching, searching, searched }) {
  let rows = [];
  let shown = [];
  let newest = 0;
  let chosen = null;
  let awaited = null; // chosen here; what the kernel still says of threads chosen before moves nothing
  let inContents = { text: "", threads: new Map() }; // what was looked for in contents, and how many records of which threads hold it
  const off = new Set();
  const chips = el("div", { class: "t3-chips", role: "group", "aria-label": "Show verdicts" });
  const search = el("input", { type: "search", placeholder: "Title, id, provider, project", "aria-label": "Search threads", maxlength: "200", class: "t3-input" });
  const sort = el("select", { "aria-label": "Sort by", class: "t3-input" },
    el("option", { value: "worst" }, "worst first"), el("option", { value: "longest" }, "longest first"),
    el("option", { value: "latest" }, "latest first"));
  const space = el("div", { class: "t3-space" });
  const list = el("div", { class: "t3-list", role: "listbox", tabindex: "0", "aria-label": "Threads" }, space);
  const count = el("p", { class: "t3-hint", "aria-live": "polite" });
  root.append(chips, el("div", { class: "t3-filters" }, search, button("in contents", look,
    { title: "Look for these words in what records hold" })), el("div", { class: "t3-filters" }, count, sort), list);

  function look() {
    if (!search.value.trim()) return;
    searching(search.value.trim());
    tell({ do: "search", text: search.value });
  }

  const same = (a, b) => a && b && a.home === b.home && a.thread === b.thread;
  const name = (row) => `${row.home}\n${row.thread}`;
  const holding = (row) => (inContents.text && inContents.text === search.value.trim() ? inContents.threads.get(name(row)) || 0 : 0);
  const words = (row) => `${row.title} ${row.thread} ${row.provider} ${row.project} ${row.verdict} ${row.why}`.toLowerCase();

  function sorted(found) {
    if (sort.value === "latest") return [...found].sort((a, b) => (b.last || 0) - (a.last || 0));
    if (sort.value === "longest") return [...found].sort((a, b) => (a.since || Infinity) - (b.since || Infinity));
    return found;
  }

  function filter(quiet) {
    const wanted = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    shown = sorted(rows.filter((row) => !off.has(row.verdict) && (holding(row) || wanted.every((word) => row.words.includes(word)))));
    const held = shown.filter(holding).length;
    count.textContent = (shown.length === rows.length ? `${rows.length}` : `${shown.length} of ${rows.length}`) + (rows.length === 1 ? " thread" : " threads") + (held ? `, ${held} by contents` : "");
    draw();
    if (!quiet) tell({ do: "filter", text: search.value, hidden: [...off], sort: sort.value });
  }

  function spark(values) {
    const made = shape("svg", { class: "t3-spark", viewBox: "0 0 72 14", "aria-hidden": "true" });
    for (let n = 0; n < values.length; n += 1) {
      const high = +values[n];
      if (high) made.append(shape("rect", { x: n * 3, y: 14 - high * 1.5, width: 2, height: high * 1.5 }));
    }
    return made;
  }

  // Day and time are two words: beside a long code the second of them goes, and neither is cut.
  function since(at) {
    const made = el("span", { class: "t3-row-since", title: at ? `since ${stamp(at)}, ${zoneName(at)}` : null });
    if (at) {
      const [day, time] = [stamp(at).slice(5, 10), stamp(at).slice(11, 16)];
      const recent = newest - at < 8.64e10; // then the time of day tells more
      made.classList.toggle("t3-recent", recent);
      made.append(...(recent ? [time, day] : [day, time]).map((word) => el("span", {}, word)));
    }
    return made;
  }

  // In place of the time: beside a long code there is not room for both.
  const held = (row) => el("span", { class: "t3-row-held", title: `Records that hold “${inContents.text}”` }, `${holding(row)} in contents`);

  function line(row, place) {
    const made = el("div", { class: "t3-row", role: "option", id: `${root.id}-row-${place}`, "aria-selected": same(row, chosen) ? "true" : "false",
      "aria-posinset": place + 1, "aria-setsize": shown.length, onclick: () => choose(row) });
    made.style.top = `${place * ROW}px`;
    made.style.setProperty("--t3-c", roleVariable(`verdict:${row.verdict}`));
    made.append(
      el("div", { class: "t3-row-top" }, el("span", { class: "t3-sign", "aria-hidden": "true" }, signs.verdict[row.verdict] || ""),
        el("span", { class: "t3-row-title", title: row.title }, row.title)),
      el("div", { class: "t3-row-sub" }, el("span", { class: "t3-row-why", title: `${row.why || row.verdict}, ${row.provider}` }, row.why || row.verdict),
        ...(holding(row) ? [held(row)] : [/[1-9]/.test(row.spark) ? spark(row.spark) : el("span", {}, row.provider), since(row.since)])));
    return made;
  }

  function draw() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4);
    const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 4);
    space.style.height = `${shown.length * ROW}px`;
    space.replaceChildren(...shown.slice(first, last).map((row, n) => line(row, first + n)));
    const place = shown.findIndex((row) => same(row, chosen));
    if (place >= first && place < last) list.setAttribute("aria-activedescendant", `${root.id}-row-${place}`);
    else list.removeAttribute("aria-activedescendant");
  }

  function reveal() {
    const place = shown.findIndex((row) => same(row, chosen));
    if (place < 0) return;
    if (place * ROW < list.scrollTop) list.scrollTop = place * ROW;
    else if ((place + 1) * ROW > list.scrollTop + list.clientHeight) list.scrollTop = (place + 1) * ROW - list.clientHeight;
    draw();
  }

  function choose(row) {
    chosen = awaited = { home: row.home, thread: row.thread };
    reveal();
    fetching(row);
    tell({ do: "thread", home: row.home, thread: row.thread });
  }

  search.addEventListener("input", () => { if (!search.value.trim()) searched(false); filter(); });
  sort.addEventListener("change", () => filter());
  list.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(draw).observe(list);

  return {
    list,
    again: draw,
    unsearch() { search.value = ""; inContents = { text: "", threads: new Map() }; searched(false); filter(); },
    set(found, counts) {
      rows = found.map((row) => ({ ...row, words: words(row) }));
      newest = rows.reduce((most, row) => Math.max(most, row.last || 0), 0);
      chips.replaceChildren(...counts.map(([name, n]) => {
        const made = el("button", { type: "button", class: "t3-toggle", "aria-pressed": off.has(name) ? "false" : "true",
          title: `Show or hide ${name}` }, chip("verdict", name, signs.verdict[name], n));
        made.addEventListener("click", () => {
          if (off.has(name)) off.delete(name); else off.add(name);
          made.setAttribute("aria-pressed", off.has(name) ? "false" : "true");
          filter();
        });
        return made;
      }));
      filter(true);
    },
    found(sent) {
      inContents = { text: sent.text, threads: new Map(sent.threads.map(([home, thread, n]) => [name({ home, thread }), n])) };
      filter(true);
    },
    select(home, thread) {
      if (awaited && !same(awaited, { home, thread })) return false;
      awaited = null;
      chosen = { home, thread };
      reveal();
      return true;
    },
    pick(home, thread) {
      const found = rows.find((row) => same(row, { home, thread }));
      if (found && !same(found, chosen)) choose(found);
      return Boolean(found);
    },
    move(step) {
      const place = shown.findIndex((row) => same(row, chosen));
      const next = shown[Math.min(Math.max(place + step, 0), shown.length - 1)];
      if (next && !same(next, chosen)) choose(next);
    },
  };
}
