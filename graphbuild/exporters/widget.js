// The front end of GraphWidget (widget.py): show the page in a sandboxed frame, and keep the selections
// of the page and of the Python object equal.
//
// The frame has no origin, so its scripts cannot access the notebook. A message is accepted only if it
// comes from this frame. Python accepts only the keys of nodes.

// As in page_frame.py: the page may run scripts, save files, and open links in new tabs.
const SANDBOX = "allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox";

function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.title = model.get("summary");
  frame.setAttribute("sandbox", SANDBOX);
  frame.allow = "clipboard-write";
  Object.assign(frame.style, { width: "100%", height: `${model.get("height")}px`, border: "1px solid #d5dae1" });
  frame.srcdoc = model.get("page");

  let pageSelection = ""; // the selection of the page as JSON

  function sendToPage(message) {
    frame.contentWindow?.postMessage(message, "*"); // a frame without an origin has no other address
  }

  function sendSelection() {
    const keys = model.get("selection");
    if (JSON.stringify(keys) !== pageSelection) sendToPage({ graphbuild: "select", keys });
  }

  function onPageMessage({ source, data }) {
    if (source === null || source !== frame.contentWindow) return;
    if (data?.graphbuild === "ready") { // also when the notebook loads the frame again
      pageSelection = "[]";
      sendSelection();
    } else if (data?.graphbuild === "selection" && isListOfTexts(data.keys)) {
      pageSelection = JSON.stringify(data.keys);
      model.set("selection", data.keys);
      model.save_changes();
    }
  }

  function onPythonMessage(message) {
    if (typeof message?.focus === "string") sendToPage({ graphbuild: "focus", key: message.focus });
  }

  window.addEventListener("message", onPageMessage);
  model.on("change:selection", sendSelection);
  model.on("msg:custom", onPythonMessage);
  el.append(frame);
  return () => {
    window.removeEventListener("message", onPageMessage);
    model.off("change:selection", sendSelection);
    model.off("msg:custom", onPythonMessage);
  };
}

function isListOfTexts(value) {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

export default { render };
