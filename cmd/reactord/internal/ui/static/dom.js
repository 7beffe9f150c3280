// Elements of the page. Text from outside gets into it as text nodes and attributes alone, never as markup.

// el makes an element. Properties that begin with "on" are listeners, "class" is the class, and the others are attributes; of those
// that are false or absent there are none. Children are elements and texts.
export function el(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

// svg is el for elements of SVG.
export function svg(name, properties = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);
}

function fill(element, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (value === true) {
      element.setAttribute(key, "");
    } else if (value !== false && value !== undefined && value !== null) {
      element.setAttribute(key, String(value));
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// setText sets an element's text if it is another one: what has not changed keeps its selection, and is not announced.
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

// pairs makes a list of terms, and what they are. Those without a value are left out.
export function pairs(list) {
  const items = list.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return el("dl", { class: "pairs" }, items.flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]));
}
