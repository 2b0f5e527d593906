// The list that a person looks at: which view of it, read anew when something may have changed, and more of it.

import * as connection from "./connection.js";
import { Live } from "./live.js";
import { Query } from "./query.js";
import * as span from "./span.js";
import * as views from "./views.js";
import { plural, t } from "./words.js";

const REFRESH_MS = 30_000;
const AHEAD = "1500px"; // more of the list is fetched before one gets to its end
const NOTHING_YET = `${t("Nothing here yet.")}\n${t("Write what you have to do above, and press Enter.")}`;
const NOTHING_HERE = t("No task here.");
const $ = (id) => document.getElementById(id);

export class Screen {
  #list;
  #query = new Query((view) => this.#look(view));
  #live;
  #shown;
  #loaded;
  #asked = { loading: null, again: false };
  #isLoadingMore = false;
  #end = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && this.#more(), { rootMargin: AHEAD });
  isOpen = false;

  /** `shown(rows)` is called with the rows whenever they are shown, and `loaded()` is awaited when they were read. */
  constructor(session, list, { shown, loaded }) {
    this.#list = list;
    this.#live = new Live(session, () => list.revision, () => this.refresh());
    this.#shown = shown;
    this.#loaded = loaded;
    this.#listen();
  }

  open() {
    this.isOpen = true;
    this.#look(this.#query.follow());
  }

  close() {
    this.isOpen = false;
    this.#live.close();
    this.#list.ask(views.FIRST);
    this.#query.close();
    span.restart();
    span.show([], 0);
    text("count", "");
  }

  /** The address has another view now. */
  follow() {
    if (this.isOpen) this.#look(this.#query.follow());
  }

  /** The address had a link that others have taken out of it: put the view there again. */
  keep() {
    if (this.isOpen) this.#query.keep();
  }

  search() {
    this.#query.focus();
  }

  show() {
    const { rows: shown, isLoaded, view, hasMore } = this.#list;
    const count = this.#list.countWith(shown);
    span.show(shown, count);
    this.#query.offer(shown);
    this.#shown(shown);
    text("count", isLoaded ? plural(count, "{count} task", "{count} tasks") : "");
    text("empty", view.view === "all" && !view.tag && !view.q ? NOTHING_YET : NOTHING_HERE);
    $("empty").hidden = !isLoaded || count > 0;
    $("more").hidden = !hasMore;
  }

  /** Read the list again; a second wish meanwhile is one more round afterwards. */
  async refresh() {
    if (!this.isOpen) return;
    if (this.#asked.loading) {
      this.#asked.again = true;
      return;
    }
    connection.stopRetrying();
    this.#asked = { loading: this.#list.refresh(), again: false };
    const isThere = await this.#tried(async () => {
      await this.#asked.loading;
      this.show();
      await this.#loaded();
      connection.reachable();
      if (this.isOpen) this.#live.open();
    });
    const { again } = this.#asked;
    this.#asked = { loading: null, again: false };
    if (isThere) this.#lookForTheEnd();
    else this.show();
    if (again) this.refresh();
  }

  async #more() {
    if (this.#isLoadingMore || !this.#list.hasMore) return;
    this.#isLoadingMore = true;
    const isThere = await this.#tried(() => this.#list.more());
    this.#isLoadingMore = false;
    this.show();
    if (isThere) this.#lookForTheEnd();
  }

  /** Have it told where the end is, also when it has not moved. */
  #lookForTheEnd() {
    this.#end.unobserve($("more"));
    this.#end.observe($("more"));
  }

  /** Return whether it worked; where it did not, the person is told. */
  async #tried(work) {
    try {
      await work();
      return true;
    } catch (error) {
      connection.failed(error, () => this.refresh());
      return false;
    }
  }

  #look(view) {
    const goesOn = this.#list.isReading; // and will read this view
    span.restart();
    this.#list.ask(view);
    if (!goesOn) this.refresh();
  }

  #listen() {
    $("more").addEventListener("click", () => this.#more());
    const look = () => document.visibilityState === "visible" && this.refresh();
    setInterval(look, REFRESH_MS);
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", () => this.refresh());
  }
}

function text(id, content) {
  if ($(id).textContent !== content) $(id).textContent = content; // live regions speak when they are written to
}
