// A list in the account's screen: of log-ins, of tokens. Each entry can be ended.

import { Refused, Unreachable } from "./api.js";
import { say } from "./forms.js";

const template = document.getElementById("account-item");

export class AccountList {
  #section;
  #items;
  #read;
  #described;
  #end;

  /**
   * `read()` asks for the entries, `described(entry)` returns `{name, facts, ends, label}`, where `ends` is the text of
   * its button, or null, and `end(entry)` ends one.
   */
  constructor(section, { read, described, end }) {
    this.#section = section;
    this.#items = section.querySelector("ul");
    this.#read = read;
    this.#described = described;
    this.#end = end;
  }

  /** Show what there is now. */
  async load() {
    await this.#tried(() => this.#showWhatIsThere());
  }

  /** Do something, and show what there is then. */
  async change(work) {
    await this.#tried(async () => {
      await notFoundIsGone(work);
      await this.#showWhatIsThere();
    });
  }

  clear() {
    this.#show([]);
    this.#tell(null);
  }

  async #showWhatIsThere() {
    const entries = await this.#read();
    if (this.#section.checkVisibility()) this.#show(entries); // else the screen was closed meanwhile
  }

  #show(entries) {
    const hadFocus = this.#items.contains(document.activeElement);
    this.#items.replaceChildren(...entries.map((entry) => this.#item(entry)));
    this.#items.hidden = !entries.length;
    if (hadFocus) this.#focus(); // whose own button is gone
  }

  /** On a button of this part, or of the screen where none is left. */
  #focus() {
    (this.#section.querySelector("button:not([hidden])") ?? this.#section.closest("dialog").querySelector("button")).focus();
  }

  #item(entry) {
    const item = template.content.firstElementChild.cloneNode(true);
    const { name, facts, ends, label } = this.#described(entry);
    item.querySelector(".name").textContent = name;
    item.querySelector(".facts").textContent = facts.filter(Boolean).join(" · ");
    const button = item.querySelector("button");
    button.hidden = !ends;
    button.textContent = ends;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => this.change(() => this.#end(entry)));
    return item;
  }

  /** Do something, and tell above the list what hinders it. Who has signed out meanwhile sees no list any more. */
  async #tried(work) {
    try {
      await work();
      this.#tell(null);
    } catch (error) {
      if (error instanceof Refused || error instanceof Unreachable) this.#tell(error);
    }
  }

  #tell(error) {
    say(this.#section.querySelector(".problem"), error);
  }
}

/** What has ended already is as it should be. */
async function notFoundIsGone(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refused && error.status === 404)) throw error;
  }
}
