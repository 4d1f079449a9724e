// Undo and redo changes of the view. Each action of the user is one step: all changes between pressing a
// key or a button and pressing the next, such as those while a slider moves.

const MAX_STEPS = 100; // steps that can be undone

const past = []; // views before the current one, the oldest first
let future = []; // views that redo() can restore; the next one is the last
let present = null; // the current view as text, and the action that led to it
let actionNumber = 0; // the number of the current action

function startHistory() {
  present = { text: JSON.stringify(saveView()), action: null };
  for (const type of ["pointerdown", "keydown", "change"]) {
    document.addEventListener(type, (event) => { if (!event.repeat) beginAction(); }, { capture: true });
  }
  byId("undo").onclick = undo;
  byId("redo").onclick = redo;
  listeners.add(recordView);
  showHistory();
}

/** Begin a step that can be undone by itself. */
function beginAction() {
  actionNumber += 1;
}

/** Record the view after a change. */
function recordView() {
  if (nodes.length && renderer.isUntangling()) return; // until the nodes have their new places
  const text = JSON.stringify(saveView());
  if (text === present.text) return;
  if (present.action === actionNumber && past.at(-1)?.text === text) { // for example, a slider moved back
    present = past.pop();
    showHistory();
    return;
  }
  if (present.action !== actionNumber) {
    past.push(present);
    if (past.length > MAX_STEPS) past.shift();
  }
  present = { text, action: actionNumber };
  future = [];
  showHistory();
}

function undo() {
  endUntangling();
  if (past.length) leaveFor(past.pop(), future);
}

function redo() {
  endUntangling();
  if (future.length) leaveFor(future.pop(), past);
}

function endUntangling() {
  if (nodes.length && renderer.isUntangling()) renderer.untangle();
}

/** Restore another view, and keep the current one in `kept`. */
function leaveFor(other, kept) {
  kept.push(present);
  listeners.delete(recordView);
  try {
    restoreView(JSON.parse(other.text));
  } finally {
    listeners.add(recordView);
  }
  present = { text: JSON.stringify(saveView()), action: actionNumber };
  showHistory();
}

function showHistory() {
  byId("undo").disabled = past.length === 0;
  byId("redo").disabled = future.length === 0;
}
