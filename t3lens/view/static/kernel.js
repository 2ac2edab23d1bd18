// How a widget hears its kernel, for all of them: it asks until it is answered, and says so where nobody answers.
//
// anywidget 0.11 waits two seconds for a widget's script. On a busy page the script comes later; the widget is drawn
// all the same, but every message of the kernel to it is thrown away from then on. What is drawn has its script, so
// its messages need not wait for it: `hearing` gives them to the class below anywidget's, which waits for nothing.

const NO_ANSWER = "There is no answer from the kernel yet; it is being asked again. If it was restarted, run the cell again.";
const PATIENCE_S = 10; // counted one by one: what a busy page has not come to read is no silence of the kernel
const ASK_AGAIN_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000];

async function hearing(model, id) {
  let known = null;
  try {
    known = await model.widget_manager.get_model(id);
  } catch {
    return; // a front end that keeps its models elsewhere
  }
  let take = null;
  for (let kind = Object.getPrototypeOf(known); kind; kind = Object.getPrototypeOf(kind)) {
    if (Object.hasOwn(kind, "_handle_comm_msg")) take = kind._handle_comm_msg;
  }
  if (take && known.comm?.on_msg) known.comm.on_msg((message) => take.call(known, message));
}

// `fed` tells whether the widget shows something, `hello` what asks for it (null: not now), `heard` takes the answers.
function attend(model, { note, fed, hello, heard }) {
  let ended = false;
  let tries = 0;
  let asking = null;
  let patience = null;
  const silent = () => {
    patience = null;
    if (note.textContent !== NO_ANSWER) note.textContent = NO_ANSWER;
    note.hidden = false;
  };
  const send = (message) => {
    try {
      model.send(message);
    } catch {
      silent(); // a kernel that is known to be dead is not even sent to
    }
  };
  const ask = () => {
    const pause = ASK_AGAIN_MS[Math.min(tries, ASK_AGAIN_MS.length - 1)];
    tries += 1;
    asking = setTimeout(() => { send({ do: "ping" }); ask(); }, pause);
  };
  const wait = (seconds) => {
    patience = setTimeout(() => { if (seconds > 1) wait(seconds - 1); else silent(); }, 1_000);
  };
  const expect = () => {
    if (patience === null) wait(PATIENCE_S);
    if (asking === null) ask();
  };
  const rest = () => {
    clearTimeout(asking);
    asking = null;
    tries = 0;
  };
  const tell = (message) => {
    if (ended) return;
    expect();
    send(message);
  };
  const onMessage = (message) => {
    clearTimeout(patience);
    patience = null;
    note.hidden = true;
    if (message.here === undefined) heard(message);
    if (fed()) rest();
    else if (message.here === "ping") {
      const wish = hello();
      if (wish) tell(wish);
    }
  };
  model.on("msg:custom", onMessage);
  expect();
  hearing(model, model.get("own")).then(() => {
    const wish = hello();
    if (wish) tell(wish);
  });
  return {
    tell,
    end() {
      ended = true;
      rest();
      clearTimeout(patience);
      model.off("msg:custom", onMessage);
    },
  };
}
