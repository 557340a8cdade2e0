// Builds the page out of text nodes only: labels, file names and answers are strangers' and never become HTML.

export const find = (id) => document.getElementById(id);

/** Returns a new element. `properties` are set as they are, `class`, `lang` and aria-* as attributes. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class" || name === "lang" || name === "role" || name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Lets the arrow keys, Home and End walk through the buttons of a strip. */
export function walkWithArrows(strip) {
  strip.addEventListener("keydown", (event) => {
    const buttons = [...strip.querySelectorAll("button")];
    const here = buttons.indexOf(document.activeElement);
    const next = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: -1 };
    if (here < 0 || !(event.key in next)) return;
    event.preventDefault();
    buttons.at(next[event.key] % buttons.length).focus();
  });
}

/** Returns a button that copies what `text()` returns, and says so for a moment. */
export function copyButton(words, text) {
  const button = element("button", { type: "button", class: "copy", textContent: words.copy });
  button.addEventListener("click", async () => {
    const done = await copy(text());
    button.textContent = done ? words.copied : words.not_copied;
    setTimeout(() => (button.textContent = words.copy), 1600);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // no clipboard for a page that came over plain HTTP from another computer: the old way
    const area = element("textarea", { value: text, class: "hidden" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** Bytes for people: 512 B, 6.3 kB, 8 MB. The platform's MB are 1024 × 1024 bytes, so these are too. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const [value, unit] = bytes < 1024 * 1024 ? [bytes / 1024, "kB"] : [bytes / 1024 / 1024, "MB"];
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)} ${unit}`;
}
