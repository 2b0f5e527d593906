// The form above the list, in which a person chooses what to see. It and the address say the same.

import * as views from "./views.js";

const TYPING_MS = 250;
const form = document.getElementById("query");
const { q, tag, sort, reverse } = form.elements;

const orderButton = document.getElementById("order-button"); // where the screen is narrow

export class Query {
  #look;
  #view = views.FIRST;
  #tags = new Map(); // those seen, by what they are regardless of case
  #timer = null;

  /** `look(view)` is called when the person has chosen another view. */
  constructor(look) {
    this.#look = look;
    form.addEventListener("submit", (event) => event.preventDefault());
    orderButton.addEventListener("click", unfold);
    form.addEventListener("input", ({ target }) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#choose(target), target === q ? TYPING_MS : 0);
    });
  }

  /** Take the view from the address, and return it. */
  follow() {
    clearTimeout(this.#timer);
    this.#view = views.read();
    this.#show();
    return this.#view;
  }

  /** Put the view into the address again, from where somebody has taken it. */
  keep() {
    views.write(this.#view, true);
  }

  /** Forget what the person looked for, also in the address. */
  close() {
    clearTimeout(this.#timer);
    this.#view = views.FIRST;
    this.#tags.clear();
    this.#show();
    this.keep();
  }

  focus() {
    q.focus();
  }

  /** Offer the tags of these rows too. */
  offer(rows) {
    const before = this.#tags.size;
    for (const each of rows.flatMap(({ tags }) => tags ?? [])) {
      if (!this.#tags.has(each.toLowerCase())) this.#tags.set(each.toLowerCase(), each);
    }
    if (this.#tags.size !== before) this.#list(tag.value);
  }

  #choose(input) {
    const said = { view: form.elements.view.value, tag: tag.value, q: q.value, sort: sort.value, reverse: reverse.checked };
    this.#view = views.chosen(this.#view, said);
    sort.value = this.#view.sort;
    views.write(this.#view, input === q); // not a step back for each letter
    this.#look(this.#view);
  }

  #show() {
    this.#list(this.#view.tag);
    form.elements.view.value = this.#view.view;
    q.value = this.#view.q;
    sort.value = this.#view.sort;
    reverse.checked = this.#view.reverse;
  }

  #list(selected) {
    const known = new Map(this.#tags);
    if (selected) known.set(selected.toLowerCase(), selected);
    const sorted = [...known.values()].toSorted((one, other) => one.localeCompare(other));
    tag.replaceChildren(tag.options[0], ...sorted.map((each) => new Option(each, each)));
    tag.value = selected;
  }
}

function unfold() {
  orderButton.setAttribute("aria-expanded", form.classList.toggle("unfolded"));
}
