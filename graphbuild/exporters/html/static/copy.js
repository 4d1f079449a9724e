// To the clipboard.

function copyButton(text) {
  return copying("Copy", () => text);
}

/** A button that copies what `textOf` gives when pressed, and says how that went. */
function copying(word, textOf) {
  const one = button(word, async () => {
    one.textContent = (await copied(textOf())) ? "Copied" : "Not allowed";
  });
  return one;
}

/** The clipboard, or, in a frame of a notebook where there is none, the old way round it. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = make("textarea", { value: text, className: "unseen" });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
