// Addresses in a text become links. Everything else stays text; nothing becomes HTML.

// What ends a sentence ends no address, nor does a bracket, unless it was opened in it.
const ADDRESS = /\bhttps?:\/\/(?:[^\s<>"()]|\([^\s<>"()]*\))*(?:[^\s<>".,;:!?'()[\]{}]|\([^\s<>"()]+\))/giu;

/** Return texts and anchors that together read as the text does. */
export function linked(text) {
  const found = [];
  let end = 0;
  for (const { 0: address, index } of text.matchAll(ADDRESS)) {
    if (!URL.canParse(address)) continue;
    found.push(text.slice(end, index), anchor(address));
    end = index + address.length;
  }
  return [...found, text.slice(end)];
}

function anchor(address) {
  const link = document.createElement("a");
  Object.assign(link, { href: address, textContent: address, rel: "noopener noreferrer", target: "_blank" });
  return link;
}
