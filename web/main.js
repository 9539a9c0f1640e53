// Entry point: renders the header and footer, and the page of each URL.

import './theme.js';
import {Problem} from './api.js';
import {el} from './dom.js';
import {problemText, t} from './language.js';
import {go, reload, start} from './router.js';
import {onSessionChange, onSessionExpired} from './session.js';
import {renderFooter} from './parts/footer.js';
import {renderHeader} from './parts/header.js';
import {notice, runAction} from './parts/notice.js';

const main = document.getElementById('page');

function render(title, content) {
  document.title = title ? `${title} · ${t('name')}` : t('name');
  main.replaceChildren(...[content].flat());
  // Screen readers announce the label when main receives the focus.
  main.setAttribute('aria-label', title || t('name'));
  main.removeAttribute('aria-busy');
}

function errorView(problem) {
  const isMissing = problem.status === 404;
  return el('div', {class: 'empty'},
    el('h1', {}, t(isMissing ? 'not_found' : 'failed')),
    el('p', {}, isMissing ? t('not_found_text') : problemText(problem)),
    isMissing
      ? el('p', {}, el('a', {class: 'button', href: '/'}, t('to_home')))
      : el('p', {}, el('button', {
        class: 'button', type: 'button', onclick: (event) => runAction(event.currentTarget, () => retry(problem)),
      }, t('try_again'))));
}

// A browser remembers that a module failed to load and doesn't fetch it again, so
// retrying takes a reload of the document. The current one stays until the server
// responds.
async function retry(problem) {
  if (problem.status !== 0) return reload();
  if (!(await fetch(location.href, {cache: 'no-store'}).catch(() => null))) throw problem;
  return location.reload();
}

async function loadModule(name) {
  try {
    return await import(`./pages/${name}.js`);
  } catch (error) {
    throw error instanceof TypeError ? new Problem(0) : error;
  }
}

// Each module in pages/ exports page({id, query}), which returns {title, content}, or a
// promise of it when the page needs data from the server.
async function showPage({name, id, query, isCurrent, isFirst}) {
  main.setAttribute('aria-busy', 'true');
  renderHeader();
  try {
    const {page} = await loadModule(name);
    const {title, content} = await page({id, query});
    if (isCurrent()) render(title, content);
  } catch (problem) {
    if (isCurrent()) render(t('failed'), errorView(problem));
    if (problem.status === undefined) throw problem;
  }
  if (isCurrent() && !isFirst && document.activeElement === document.body) main.focus({preventScroll: true});
}

// The skip link moves the focus past the header without adding a history entry.
function setUpSkipLink() {
  const skip = document.getElementById('skip');
  skip.textContent = t('skip');
  skip.addEventListener('click', (event) => {
    event.preventDefault();
    main.focus();
  });
}

onSessionChange(renderHeader);
onSessionExpired(() => {
  notice(t('session_ended'));
  go(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
});
setUpSkipLink();
renderFooter();
start(showPage);
