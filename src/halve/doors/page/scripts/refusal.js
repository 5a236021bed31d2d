// What is wrong with a sheet, or with anything else.

import { h } from "./dom.js";
import { counted } from "./text.js";

const SHOWN = 200;

/** `without`, where given, hands the sheet in again and leaves out the rows with mistakes. */
export function refusal(problem, without = null) {
  const findings = problem.findings ?? [];
  if (!findings.length) return [h("p", { class: "notice bad" }, problem.message)];
  const lead = `Nothing was started: ${counted(findings.length, "thing needs", "things need")} mending in the sheet.`;
  const more = findings.length > SHOWN ? h("p", { class: "hint" }, `These are the first ${SHOWN}. Mend them, and the rest follow.`) : null;
  const rows = findings.every((finding) => finding.line > 1);
  const leave = without && rows ? h("button", { type: "button", onclick: without }, "Leave out these rows and go on") : null;
  const notice = h("div", { class: "notice bad" }, h("p", {}, h("strong", {}, lead)));
  if (leave) notice.append(leave);
  return [notice, table(findings.slice(0, SHOWN)), more].filter(Boolean);
}

export function table(findings) {
  const rows = findings.map((finding) =>
    h(
      "tr",
      {},
      h("td", { class: "number", "data-label": "Line" }, finding.line ? String(finding.line) : ""),
      h("td", { dir: "auto" }, finding.column),
      h("td", {}, finding.message),
    ),
  );
  const head = h("tr", {}, h("th", { class: "number", scope: "col" }, "Line"), h("th", { scope: "col" }, "Column"), h("th", { scope: "col" }, "What to do"));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Findings" }, h("table", { class: "sentences" }, h("thead", {}, head), h("tbody", {}, rows)));
}
