// The form above the list, in which a person chooses what to see. It and the address say the same.

import * as tags from "./tags.js";
import * as views from "./views.js";

const TYPING_MS = 100;
const form = document.getElementById("query");
const { q, tag, sort, reverse } = form.elements;

const orderButton = document.getElementById("order-button"); // where the screen is narrow

export class Query {
  #look;
  #view = views.FIRST;
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
    tags.forget();
    this.#show();
    this.keep();
  }

  focus() {
    q.focus();
  }

  /** Offer the tags of these rows too. */
  offer(rows) {
    if (tags.learn(rows)) this.#list(tag.value);
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
    tag.replaceChildren(tag.options[0], ...tags.all(selected).map((each) => new Option(each, each)));
    tag.value = selected;
  }
}

function unfold() {
  orderButton.setAttribute("aria-expanded", form.classList.toggle("unfolded"));
}
