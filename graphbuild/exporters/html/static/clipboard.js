// Copy text to the clipboard.

function copyButton(text) {
  return copyButtonFor("Copy", () => text);
}

/** Return a button that copies the result of `textOf` and shows whether that worked. */
function copyButtonFor(word, textOf) {
  const one = button(word, async () => {
    one.textContent = (await copyText(textOf())) ? "Copied" : "Not allowed";
  });
  return one;
}

/** Copy text; without the clipboard API, as in the frame of a notebook, through a text area. */
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
