// One request: how far it is, what it saved, what failed, and what can be done with it.

import { ask, passing } from "./api.js";
import { $, fill, h, once, tell } from "./dom.js";
import { failures, firstPictures, PICTURES } from "./pictures.js";
import { refusal, table } from "./refusal.js";
import { ago, counted, lasted, lighter, number, weight } from "./text.js";
import { watch } from "./watch.js";

const LOOK_AGAIN = 1500;
const DONE = { completed: "Done", failed: "No picture could be made", cancelled: "Cancelled" };

/** The view of a request in `root`, kept up to date until `signal` aborts. */
export class RequestView {
  constructor(root, id, signal, noKey) {
    Object.assign(this, { root, id, signal, noKey, status: null, told: -1, picturesAt: 0, pictured: -1 });
    this.build();
  }

  build() {
    this.title = h("h1", { id: "request-title", tabindex: "-1", dir: "auto" }, "…");
    this.pill = h("span", { class: "pill" });
    this.when = h("p", { class: "when" });
    this.bar = h("div", { class: "bar", role: "progressbar", "aria-label": "Pictures tried", "aria-valuemin": "0", "aria-valuemax": "100" }, h("i"), h("i"));
    this.count = h("p", { class: "count" });
    this.saved = h("p", { class: "saved", hidden: true });
    this.before = h("dd", {}, h("i"), h("span", { class: "number" }));
    this.after = h("dd", { class: "after" }, h("i"), h("span", { class: "number" }));
    this.weights = h("dl", { class: "weights", hidden: true }, h("dt", {}, "Before"), this.before, h("dt", {}, "After"), this.after);
    this.away = h("p", { class: "away", role: "status" });
    this.actions = h("div", { class: "actions" });
    this.trouble = h("div", { role: "alert" });
    this.card = h("div", { class: "card" }, this.bar, this.count, this.away, this.saved, this.weights, this.actions, this.trouble);
    this.parts = { repairs: h("section", { class: "part" }), failed: h("section", { class: "part" }), pictures: h("section", { class: "part" }), told: h("section", { class: "part" }) };
    for (const part of Object.values(this.parts)) part.hidden = true;
    this.picturesTold = h("p");
    this.pictures = h("ul", { class: "pictures" });
    this.parts.pictures.append(h("h2", {}, "Pictures"), this.picturesTold, this.pictures);
    const head = h("div", {}, h("a", { class: "back", href: "#" }, "← Another sheet"), h("div", { class: "headline" }, this.title, this.pill), this.when);
    this.root.replaceChildren(head, this.card, this.parts.failed, this.parts.pictures, this.parts.repairs, this.parts.told);
  }

  async follow() {
    try {
      await watch(this.id, { onStatus: (status) => this.show(status), onAway: (problem) => this.showAway(problem), signal: this.signal });
      if (!this.signal.aborted && this.status?.completed_at) await this.followDeliveries();
    } catch (problem) {
      if (this.signal.aborted) return;
      if (problem.code === "unauthorized") return this.noKey("This key is not known here.");
      for (const part of [this.card, this.pill, ...Object.values(this.parts)]) part.hidden = true;
      this.title.textContent = "Not here";
      this.when.textContent = problem.message;
    }
  }

  show(status) {
    if (this.signal.aborted) return;
    const first = this.status === null;
    const wasRunning = !first && this.status.completed_at === null;
    this.status = status;
    this.away.textContent = "";
    const { progress } = status;
    document.title = status.completed_at ? `${status.filename} · halve` : `${progress.percent} % · ${status.filename}`;
    this.title.textContent = status.filename;
    this.pill.className = `pill ${status.status}`;
    this.pill.textContent = status.status;
    this.card.className = `card ${status.status}`;
    this.when.textContent = status.completed_at
      ? `Handed in ${ago(status.created_at)}, took ${lasted(status.created_at, status.completed_at)}`
      : `Handed in ${ago(status.created_at)}`;
    this.showProgress(progress);
    this.showWeights(status);
    this.showActions(status);
    this.showRepairs(status);
    this.showDeliveries(status);
    this.lookAtPictures();
    this.speak(status, first, wasRunning);
    if (status.completed_at && status.failed_images + status.failed_rows > 0) this.showFailures();
    else this.parts.failed.hidden = true;
  }

  /** What is shown stays; it may be out of date. */
  showAway(problem) {
    this.away.textContent = `${problem.message} This page goes on as soon as it answers.`;
  }

  showProgress({ total, done, failed, percent }) {
    const [good, bad] = this.bar.children;
    good.style.width = `${total ? (100 * done) / total : 0}%`;
    bad.style.width = `${total ? (100 * failed) / total : 0}%`;
    this.bar.setAttribute("aria-valuenow", percent);
    const left = [`${number(done)} of ${counted(total, "picture", "pictures")} done`];
    if (failed) left.push(h("span", { class: "error" }, ` · ${number(failed)} failed`));
    this.count.replaceChildren(h("strong", {}, ...left), h("span", { class: "muted number" }, `${percent} %`));
  }

  showWeights({ bytes_in: before, bytes_out: after }) {
    const some = before > 0;
    this.weights.hidden = this.saved.hidden = !some;
    if (!some) return;
    const gain = lighter(before, after);
    this.saved.replaceChildren(`${gain}\u00a0% lighter `, h("small", {}, `${weight(Math.max(0, before - after))} saved`));
    const longest = 78; // per cent; the rest is for the number
    this.before.firstChild.style.width = `${longest}%`;
    this.after.firstChild.style.width = `${(longest * after) / before}%`;
    this.before.lastChild.textContent = weight(before);
    this.after.lastChild.textContent = weight(after);
  }

  showActions(status) {
    const over = status.completed_at !== null;
    const shown = JSON.stringify([over, status.status, status.output_csv_url, status.failed_csv_url, status.failed_images]);
    if (shown === this.actionsShown) return;
    this.actionsShown = shown;
    const link = (url, text, kind = "button") => url && h("a", { class: kind, href: url, download: "" }, text);
    const button = (text, kind, act) => h("button", { type: "button", class: kind, onclick: act }, text);
    this.actions.replaceChildren(
      ...[
        link(status.output_csv_url, "Download sheet", "button primary"),
        status.no_img_compressed > 0 && link(status.archive_url, "ZIP with pictures"),
        link(status.failed_csv_url, "Failed rows"),
        over && (status.failed_images > 0 || status.status === "cancelled") && button("Retry failed", "", once(() => this.act("retry"))),
        !over && status.status !== "cancelled" && button("Cancel", "", once(() => this.act("cancel"))),
        over && button("Erase", "quiet danger apart", () => this.erase()),
      ].filter(Boolean),
    );
  }

  showRepairs({ repairs }) {
    this.parts.repairs.hidden = repairs.length === 0;
    if (!repairs.length || this.parts.repairs.childElementCount) return;
    this.parts.repairs.append(
      h("h2", {}, "Mended on the way in"),
      h("p", {}, `${counted(repairs.length, "place", "places")} in the sheet. Have a look whether it was meant so.`),
      table(repairs.slice(0, 200)),
    );
  }

  showDeliveries({ deliveries }) {
    this.parts.told.hidden = deliveries.length === 0;
    const lines = deliveries.map((delivery) => {
      const state = { due: "waiting", leased: "being sent", delivered: "delivered", failed: "given up" }[delivery.state];
      const answer = delivery.last_answer ? `, last answer: ${delivery.last_answer}` : "";
      const again = delivery.next_attempt_at && delivery.attempts ? `, next attempt ${new Date(delivery.next_attempt_at).toLocaleTimeString()}` : "";
      const what = delivery.kind === "email" ? "E-mail" : "Webhook";
      return h("li", {}, h("strong", {}, `${what} to ${delivery.target}`), ` ${state} (${counted(delivery.attempts, "attempt", "attempts")}${answer}${again})`);
    });
    this.parts.told.replaceChildren(h("h2", {}, "Notifications"), h("ul", { class: "told" }, lines));
  }

  /** Notifications go out after the end; look a few times more. */
  async followDeliveries() {
    for (let wait = 1000; wait < 20000 && !this.signal.aborted; wait *= 2) {
      if (!this.status.deliveries.some((one) => one.state === "due" || one.state === "leased") && wait > 1000) return;
      await new Promise((resolve) => setTimeout(resolve, wait));
      if (this.signal.aborted) return;
      try {
        this.showDeliveries((this.status = await ask(`status/${this.id}`, { signal: this.signal })));
      } catch (problem) {
        if (!passing(problem)) throw problem; // a server that is away for a moment takes nothing from what is shown
      }
    }
  }

  async lookAtPictures() {
    clearTimeout(this.later);
    const { done } = this.status.progress;
    const over = this.status.completed_at !== null;
    const shown = this.pictures.childElementCount;
    if (this.signal.aborted || done === 0 || done === this.pictured || (shown >= PICTURES && !over)) return;
    const wait = over ? 0 : this.picturesAt + LOOK_AGAIN - Date.now();
    if (wait > 0) {
      this.later = setTimeout(() => this.lookAtPictures(), wait);
      return;
    }
    this.picturesAt = Date.now();
    this.pictured = done;
    try {
      const pictures = await firstPictures(this.id, done, this.signal);
      if (this.signal.aborted) return;
      this.parts.pictures.hidden = pictures.length === 0;
      const more = done > pictures.length ? `The first ${pictures.length} of ${number(done)}. ` : "";
      this.picturesTold.textContent = `${more}Choose one to see it beside the original.`;
      fill(this.pictures, pictures);
    } catch (problem) {
      this.pictured = -1; // the next status looks again; after the last one there is none
      if (over && passing(problem)) this.later = setTimeout(() => this.lookAtPictures(), LOOK_AGAIN);
    }
  }

  async showFailures() {
    const round = this.status.completed_at;
    if (this.failuresOf === round) return;
    this.failuresOf = round;
    const body = h("tbody");
    const head = h("tr", {}, h("th", { scope: "col" }, "Product"), h("th", { class: "number", scope: "col" }, "Picture"), h("th", { scope: "col" }, "What happened"), h("th", { scope: "col" }, "Link"));
    const more = h("button", { type: "button", class: "quiet", hidden: true, onclick: once(() => load().catch(() => {})) }, "Show more");
    let cursor = null;
    const load = async () => {
      const page = await failures(this.id, cursor, this.signal);
      body.append(...page.rows);
      cursor = page.next;
      more.hidden = cursor === null;
    };
    try {
      if (this.status.failed_images) await load();
    } catch (problem) {
      this.failuresOf = null;
      if (passing(problem)) setTimeout(() => !this.signal.aborted && this.status.completed_at === round && this.showFailures(), LOOK_AGAIN);
      return;
    }
    const rows = this.status.failed_rows;
    const left = rows ? h("p", {}, `${counted(rows, "row was", "rows were")} left out of the work for mistakes in the sheet; “Failed rows” has them.`) : null;
    const listed = body.childElementCount
      ? h("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "failed-title" }, h("table", { class: "sentences" }, h("thead", {}, head), body))
      : null;
    this.parts.failed.replaceChildren(...[h("h2", { id: "failed-title" }, "What failed"), left, listed, more].filter(Boolean));
    this.parts.failed.hidden = false;
  }

  speak(status, first, wasRunning) {
    const { percent, done, failed } = status.progress;
    if (status.completed_at) {
      if (first || wasRunning) tell(`${DONE[status.status] ?? status.status}: ${number(done)} done, ${number(failed)} failed.`);
    } else if (percent - this.told >= 10 || first) {
      this.told = percent;
      tell(`${percent} per cent`);
    }
  }

  async act(what) {
    try {
      const status = await ask(`${what}/${this.id}`, { method: "POST" });
      this.trouble.replaceChildren();
      this.told = this.pictured = -1;
      this.failuresOf = null;
      // The stream may have told the end of a cancelled request before this answer, which is older, came in.
      if (what === "retry" || !this.status.completed_at) this.show(status);
      if (what === "retry") this.follow();
    } catch (problem) {
      this.trouble.replaceChildren(...refusal(problem));
    }
  }

  async erase() {
    if (!confirm(`Erase “${this.status.filename}” with all its pictures? Links to them will be dead.`)) return;
    try {
      await ask(`requests/${this.id}`, { method: "DELETE" });
    } catch (problem) {
      if (problem.status !== 404) return this.trouble.replaceChildren(...refusal(problem)); // else another was quicker
    }
    location.hash = "";
    tell("Erased");
  }
}
