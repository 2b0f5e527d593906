// The words of the page in the language of the browser, where it is one of ours. English stands where it is shown, and
// is the name of a sentence in the files of the other languages, of which one is loaded where it is wanted.

const OTHERS = {
  de: () => import("./words-de.js"),
  es: () => import("./words-es.js"),
  fr: () => import("./words-fr.js"),
};
const KEPT_AS_IT_IS = "title, script, [translate=no]";
const ATTRIBUTES = ["placeholder", "aria-label"];

const wanted = navigator.languages.find((tag) => languageOf(tag) === "en" || Object.hasOwn(OTHERS, languageOf(tag)));
const words = await load(languageOf(wanted ?? "en"));
const language = words ? languageOf(wanted) : "en";
const rules = new Intl.PluralRules(language);

/** How dates are written: as in the language of the page, or else as the browser does. */
export const locale = wanted && language === languageOf(wanted) ? understood(wanted) : undefined;

/** An English sentence in the language of the page, with values in its {places}. */
export function t(english, values = {}) {
  const sentence = words?.[english] ?? english;
  return sentence.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

/** What the service says, in the language of the page where it is known there, by its words: numbers are {0}, {1} … */
export function told(sentence) {
  const numbers = [];
  return t(sentence.replace(/\d+/g, (number) => `{${numbers.push(number) - 1}}`), numbers);
}

/** The one or the other of two sentences, each with a {count}. */
export function plural(count, one, more) {
  return t(rules.select(count) === "one" ? one : more, { count });
}

async function load(named) {
  if (!Object.hasOwn(OTHERS, named)) return null;
  try {
    return (await OTHERS[named]()).default;
  } catch {
    return null; // a page in English is better than none
  }
}

/** A tag that dates can be written by; some systems have others, such as "en-US@posix". */
function understood(tag) {
  try {
    return Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}

function languageOf(tag) {
  return tag.split("-")[0].toLowerCase();
}

/** Put the document, and what its templates have, into the language. */
function translate(root) {
  for (const element of root.querySelectorAll("*")) {
    if (element.closest(KEPT_AS_IT_IS)) continue;
    if (element.matches("template")) translate(element.content);
    for (const name of ATTRIBUTES) if (element.getAttribute(name)) element.setAttribute(name, t(element.getAttribute(name)));
    for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) translateText(node);
  }
}

function translateText(node) {
  const english = node.data.trim();
  if (english) node.data = node.data.replace(english, () => t(english));
}

if (words) {
  document.documentElement.lang = language;
  translate(document);
}
