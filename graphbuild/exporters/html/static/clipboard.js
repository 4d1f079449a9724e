// Copy text to the clipboard.

function copyButton(text) {
  return copyButtonFor("Copy", () => text);
}

/** Return a button that copies the result of `textOf`, and then shows whether copying succeeded. */
function copyButtonFor(label, textOf) {
  const copy = button(label, async () => {
    copy.textContent = (await copyText(textOf())) ? "Copied" : "Not allowed";
  });
  return copy;
}

/** Copy text and return whether copying succeeded. If the clipboard API fails, copy from a text area. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = createElement("textarea", { value: text, className: "unseen" });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
