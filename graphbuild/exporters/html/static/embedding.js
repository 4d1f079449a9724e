// Share the selection with the notebook widget (exporters/widget.js) whose frame contains this page.
//
// The page sends its selection only if it has no URL: the surrounding document then supplied the page, and
// knows its content. Any document could put the URL of a page into a frame.

function startEmbedding() {
  if (location.protocol !== "about:" || parent === window) return;
  addEventListener("message", (event) => { if (event.source === parent) onWidgetMessage(event.data); });
  listeners.add(sendSelection);
  sendToWidget({ graphbuild: "ready" });
}

function sendToWidget(message) {
  parent.postMessage(message, "*"); // the page cannot know the origin of the notebook
}

let sentSelection = ""; // ids of the selection that was sent last; the widget starts with none

function sendSelection() {
  const ids = selectedIds();
  if (String(ids) === sentSelection) return;
  sentSelection = String(ids);
  sendToWidget({ graphbuild: "selection", keys: ids.map((id) => nodes[id].key) });
}

/** Select nodes, or show a node, as the widget requests. Keys that are not those of nodes are ignored. */
function onWidgetMessage(message) {
  beginAction();
  if (message?.graphbuild === "select" && Array.isArray(message.keys)) {
    selectNodes(message.keys.filter((key) => byKey.has(key)).map((key) => byKey.get(key).id));
  } else if (message?.graphbuild === "focus" && byKey.has(message.key)) {
    pathStart = null;
    selectNode(byKey.get(message.key));
  }
}
