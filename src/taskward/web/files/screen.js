// The list that a person looks at: which view of it, read anew when something may have changed, and more of it.

import * as connection from "./connection.js";
import { Live } from "./live.js";
import { Query } from "./query.js";
import * as rows from "./rows.js";
import * as views from "./views.js";

const REFRESH_MS = 30_000;
const NOTHING_YET = "Nothing here yet.\nWrite what you have to do above, and press Enter.";
const NOTHING_HERE = "No task here.";
const $ = (id) => document.getElementById(id);
const counted = (count) => (count === 1 ? "1 task" : `${count} tasks`);

export class Screen {
  #list;
  #query = new Query((view) => this.#look(view));
  #live;
  #shown;
  #loaded;
  #asked = { loading: null, again: false };
  #isLoadingMore = false;
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
    rows.show([]);
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
    const { rows: shown, count, isLoaded, view, hasMore } = this.#list;
    rows.show(shown);
    this.#query.offer(shown);
    this.#shown(shown);
    text("count", isLoaded ? counted(count) : "");
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
    await this.#tried(async () => {
      await this.#asked.loading;
      await this.#loaded();
      connection.reachable();
      if (this.isOpen) this.#live.open();
    });
    const { again } = this.#asked;
    this.#asked = { loading: null, again: false };
    this.show();
    if (again) this.refresh();
  }

  async #more() {
    if (this.#isLoadingMore) return;
    this.#isLoadingMore = true;
    await this.#tried(() => this.#list.more());
    this.#isLoadingMore = false;
    this.show();
  }

  async #tried(work) {
    try {
      await work();
    } catch (error) {
      connection.failed(error, () => this.refresh());
    }
  }

  #look(view) {
    this.#list.ask(view);
    this.refresh();
  }

  #listen() {
    $("more").addEventListener("click", () => this.#more());
    new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && this.#more()).observe($("more"));
    const look = () => document.visibilityState === "visible" && this.refresh();
    setInterval(look, REFRESH_MS);
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", () => this.refresh());
  }
}

function text(id, content) {
  if ($(id).textContent !== content) $(id).textContent = content; // live regions speak when they are written to
}
