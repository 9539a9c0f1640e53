// Client-side routing with real URLs: intercepts clicks on links, and restores scroll
// positions on back and forward.

const routes = [
  [/^\/$/, 'home'],
  [/^\/videos\/(\d+)\/?$/, 'video'],
  [/^\/users\/(\d+)\/?$/, 'user'],
  [/^\/upload\/?$/, 'upload'],
  [/^\/login\/?$/, 'login'],
  [/^\/register\/?$/, 'register'],
  [/^\/settings\/?$/, 'settings'],
];

const SCROLL_SAVE_DELAY_MS = 150;

let show = () => {};
let visits = 0;
let isShown = false; // false while the previous page is still displayed
let scrollTimer = null;

function find(path) {
  for (const [pattern, name] of routes) {
    const match = pattern.exec(path);
    if (match) return {name, id: match[1] ? Number(match[1]) : null};
  }
  return {name: 'missing', id: null};
}

async function load({scroll}) {
  visits += 1;
  const visit = visits;
  isShown = false;
  clearTimeout(scrollTimer);
  const {name, id} = find(location.pathname);
  await show({name, id, query: new URLSearchParams(location.search), isFirst: visit === 1, isCurrent: () => visits === visit});
  if (visits !== visit) return;
  scrollTo(0, scroll);
  isShown = true;
}

// Saves a value in the current history entry.
export function saveState(name, value) {
  history.replaceState({...history.state, [name]: value}, '');
}

// A value of the current history entry; undefined when there is none.
export function savedState(name) {
  return history.state?.[name];
}

function saveScroll() {
  if (isShown) saveState('scroll', scrollY);
}

// popstate fires after the history entry has changed, too late to save the scroll
// position of the entry left behind. So it is saved shortly after each scroll.
function saveScrollSoon() {
  clearTimeout(scrollTimer);
  scrollTimer = setTimeout(saveScroll, SCROLL_SAVE_DELAY_MS);
}

// Navigates to a path of this site.
export function go(path) {
  saveScroll();
  history.pushState({}, '', path);
  return load({scroll: 0});
}

// Navigates to a path and replaces the current history entry.
export function replace(path) {
  history.replaceState({}, '', path);
  return load({scroll: 0});
}

// Renders the current page again.
export function reload() {
  return load({scroll: scrollY});
}

function isPlainClick(event) {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

function followLink(event) {
  const link = event.target.closest('a');
  if (event.defaultPrevented || !link || !isPlainClick(event) || link.hasAttribute('download') || link.target) return;
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || url.hash || find(url.pathname).name === 'missing') return;
  event.preventDefault();
  go(url.pathname + url.search);
}

// Starts routing: shows the current page, then calls showPage({name, id, query, isFirst,
// isCurrent}) on every navigation. isCurrent() is false once the visitor has moved on.
export function start(showPage) {
  show = showPage;
  history.scrollRestoration = 'manual';
  document.addEventListener('click', followLink);
  addEventListener('popstate', (event) => load({scroll: event.state?.scroll ?? 0}));
  addEventListener('pagehide', saveScroll);
  addEventListener('scroll', saveScrollSoon, {passive: true});
  return load({scroll: savedState('scroll') ?? 0});
}
