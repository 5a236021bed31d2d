// Making elements. Text is always set as text, so nothing that stands in a sheet is ever read as HTML.

export const $ = (id) => document.getElementById(id);

/** h("a", { href, class: "button" }, "text", child, …); properties that are null, undefined or false are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Only what leads to a web page becomes a link. */
export function webLink(url, text = url) {
  return /^https?:\/\//i.test(url) ? h("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, text) : h("span", {}, text);
}

/** Make `list` hold these items, told apart by `data-key`. Those that are there stay: they keep the focus, and do not flicker. */
export function fill(list, items) {
  const there = new Map([...list.children].map((item) => [item.dataset.key, item]));
  items.forEach((item, place) => {
    const kept = there.get(item.dataset.key) ?? item;
    if (list.children[place] !== kept) list.insertBefore(kept, list.children[place] ?? null);
  });
  while (list.children.length > items.length) list.lastElementChild.remove();
}

/** What a click begins, and another click does not begin again before it is over: many people click twice on everything. */
export function once(act) {
  let under = null;
  return () => (under ??= act().finally(() => (under = null)));
}

/** Tell those who listen to the page instead of looking at it. */
export function tell(text) {
  $("told").textContent = text;
}
