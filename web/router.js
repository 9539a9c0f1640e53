// Real addresses for pages that scripts make: links are followed here, and the back button works.

const routes = [
  [/^\/$/, 'home'],
  [/^\/videos\/(\d+)\/?$/, 'video'],
  [/^\/users\/(\d+)\/?$/, 'user'],
  [/^\/upload\/?$/, 'upload'],
  [/^\/login\/?$/, 'login'],
  [/^\/register\/?$/, 'register'],
  [/^\/settings\/?$/, 'settings'],
];

const SETTLE_MS = 150;

let show = () => {};
let visit = 0;
let isShown = false; // the page of this address; else there may still be the one before
let settling = null;

function find(path) {
  for (const [pattern, name] of routes) {
    const match = pattern.exec(path);
    if (match) return {name, id: match[1] ? Number(match[1]) : null};
  }
  return {name: 'missing', id: null};
}

async function load({scroll}) {
  visit += 1;
  const mine = visit;
  isShown = false;
  clearTimeout(settling);
  const {name, id} = find(location.pathname);
  await show({name, id, query: new URLSearchParams(location.search), isFirst: mine === 1, isCurrent: () => visit === mine});
  if (visit !== mine) return;
  scrollTo(0, scroll);
  isShown = true;
}

// Keeps a value with this visit of the page, for when one comes back to it.
export function keep(name, value) {
  history.replaceState({...history.state, [name]: value}, '');
}

// What was kept, undefined when nothing was.
export function kept(name) {
  return history.state?.[name];
}

function remember() {
  if (isShown) keep('scroll', scrollY);
}

// The back button tells only when it is too late to look where one was.
function rememberSoon() {
  clearTimeout(settling);
  settling = setTimeout(remember, SETTLE_MS);
}

// Goes to an address of this site.
export function go(path) {
  remember();
  history.pushState({}, '', path);
  return load({scroll: 0});
}

// The same, but the back button won't come to the present address again.
export function replace(path) {
  history.replaceState({}, '', path);
  return load({scroll: 0});
}

// Shows the page of this address once more.
export function reload() {
  return load({scroll: scrollY});
}

function isPlainClick(event) {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

function follow(event) {
  const link = event.target.closest('a');
  if (event.defaultPrevented || !link || !isPlainClick(event) || link.hasAttribute('download') || link.target) return;
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || url.hash || find(url.pathname).name === 'missing') return;
  event.preventDefault();
  go(url.pathname + url.search);
}

// From now on showPage({name, id, query, isFirst, isCurrent}) is called for every address.
export function start(showPage) {
  show = showPage;
  history.scrollRestoration = 'manual';
  document.addEventListener('click', follow);
  addEventListener('popstate', (event) => load({scroll: event.state?.scroll ?? 0}));
  addEventListener('pagehide', remember);
  addEventListener('scroll', rememberSoon, {passive: true});
  return load({scroll: kept('scroll') ?? 0});
}
