// Creates DOM elements from data. Strings always become text nodes: neither this module
// nor any other parses HTML.

const SVG = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// el('a', {href: '/', onclick: f}, 'text', element). Attributes and children that are
// false, null or undefined are left out.
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// A decorative icon of one path in a 24 by 24 view box, hidden from screen readers.
export function icon(path) {
  return svg('svg', {class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true'}, svg('path', {d: path}));
}

let lastId = 0;

// An id that is unique on the page.
export function newId(prefix) {
  lastId += 1;
  return `${prefix}-${lastId}`;
}
