// The action pane: plan, read it, arm, confirm. An armed plan disarms itself; what happens is streamed step by step.

const ARMED_S = 15;

function makeActions(root, tell) {
  const out = el("div", { class: "t3-plan", "aria-live": "polite" });
  const buttons = el("div", { class: "t3-tools" });
  let countdown = null;
  let of = null; // the thread that plans are of
  const plan = (kind, label) => button(label, () => { out.replaceChildren(el("p", { class: "t3-hint" }, "Planning…")); tell({ do: "plan", kind, ...of }); seen(); });
  root.append(buttons, out);

  const seen = () => out.scrollIntoView({ block: "nearest" });

  function disarm() {
    clearInterval(countdown);
    countdown = null;
  }

  function lines(title, texts) {
    return texts && texts.length ? [el("h4", {}, title), el("ul", {}, ...texts.map((text) => el("li", {}, text)))] : [];
  }

  function armed(box, sent) {
    let left = ARMED_S;
    const confirm = button(`Confirm: ${sent.kind} (${left} s)`, () => { disarm(); box.replaceChildren(); out.querySelector(".t3-planned").open = false; tell({ do: "confirm", plan: sent.id, ...of }); }, { class: "t3-button t3-danger" });
    const cancel = button("Cancel", () => { disarm(); tell({ do: "disarm", ...of }); idle(box, sent); });
    box.replaceChildren(confirm, cancel);
    confirm.focus();
    countdown = setInterval(() => {
      left -= 1;
      confirm.textContent = `Confirm: ${sent.kind} (${left} s)`;
      if (left <= 0) { disarm(); tell({ do: "disarm", ...of }); idle(box, sent); }
    }, 1000);
  }

  function idle(box, sent) {
    box.replaceChildren(button(`Arm: ${sent.kind}`, () => { tell({ do: "arm", plan: sent.id, ...of }); armed(box, sent); }));
  }

  return {
    close: disarm,
    set(kinds, note, thread) {
      of = thread;
      buttons.replaceChildren(...kinds.map(([kind, label]) => plan(kind, label)), el("span", { class: "t3-hint" }, note || ""));
    },
    clear() { disarm(); out.replaceChildren(); },
    off() { disarm(); of = null; out.replaceChildren(); buttons.replaceChildren(); },
    plan(sent) {
      disarm();
      if (!of) return; // another thread is being fetched
      const box = el("div", { class: "t3-tools" });
      // Once it is confirmed the plan folds: what comes of it stands where the eye is.
      out.replaceChildren(el("h3", {}, sent.title), el("details", { class: "t3-planned", open: true }, el("summary", {}, "the plan"), ...lines("Why", sent.because), ...lines("Steps", sent.steps), ...lines("What to know", sent.risks),
        ...lines("Not touched", sent.untouched), ...lines("Instead, or next", sent.advice), sent.command ? quoted(sent.command, "this line of Python") : ""), box,
        el("ol", { class: "t3-progress" }));
      if (sent.acts) idle(box, sent);
      seen();
    },
    step(text, phase) { out.querySelector(".t3-progress")?.append(el("li", {}, el("span", { class: "t3-lane" }, phase), ` ${text}`)); },
    outcome(sent) {
      const made = el("p", { class: `t3-outcome ${sent.good ? "t3-good" : "t3-bad"}` }, el("b", {}, sent.outcome), ` ${sent.detail}`);
      out.querySelector(".t3-progress")?.after(made);
      if (!made.isConnected) out.append(made);
      for (const text of sent.advice || []) made.after(el("p", { class: "t3-hint" }, text));
      seen();
    },
    fail(text) { disarm(); out.replaceChildren(el("p", { class: "t3-outcome t3-bad" }, text)); seen(); },
  };
}
