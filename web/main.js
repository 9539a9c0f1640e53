// Puts the frame around the pages, and shows the page of each address.

import './theme.js';
import {Problem} from './api.js';
import {el} from './dom.js';
import {problemText, t} from './language.js';
import {go, reload, start} from './router.js';
import {onExpired, onSession} from './session.js';
import {drawFooter} from './parts/footer.js';
import {drawHeader} from './parts/header.js';
import {act, notice} from './parts/notice.js';

const main = document.getElementById('page');

function put(title, content) {
  document.title = title ? `${title} · ${t('name')}` : t('name');
  main.replaceChildren(...[content].flat());
  main.setAttribute('aria-label', title || t('name')); // read out when it gets the focus
  main.removeAttribute('aria-busy');
}

function failure(problem) {
  const missing = problem.status === 404;
  return el('div', {class: 'empty'},
    el('h1', {}, t(missing ? 'not_found' : 'failed')),
    el('p', {}, missing ? t('not_found_text') : problemText(problem)),
    missing
      ? el('p', {}, el('a', {class: 'button', href: '/'}, t('to_home')))
      : el('p', {}, el('button', {
        class: 'button', type: 'button', onclick: (event) => act(event.currentTarget, () => again(problem)),
      }, t('try_again'))));
}

// What a browser could not fetch of the scripts, it asks for again only with the whole page. This one stays until there
// can be another.
async function again(problem) {
  if (problem.status !== 0) return reload();
  if (!(await fetch(location.href, {cache: 'no-store'}).catch(() => null))) throw problem;
  return location.reload();
}

async function moduleOf(name) {
  try {
    return await import(`./pages/${name}.js`);
  } catch (error) {
    throw error instanceof TypeError ? new Problem(0) : error;
  }
}

// A page's module has one function, page({id, query}), that gives {title, content}. Where it reads from the server
// it is asynchronous.
async function showPage({name, id, query, isCurrent, isFirst}) {
  main.setAttribute('aria-busy', 'true');
  drawHeader();
  try {
    const {page} = await moduleOf(name);
    const {title, content} = await page({id, query});
    if (isCurrent()) put(title, content);
  } catch (problem) {
    if (isCurrent()) put(t('failed'), failure(problem));
    if (problem.status === undefined) throw problem;
  }
  if (isCurrent() && !isFirst && document.activeElement === document.body) main.focus({preventScroll: true});
}

// The way past the head, for who goes by keyboard. It is no visit of another address.
function drawSkip() {
  const skip = document.getElementById('skip');
  skip.textContent = t('skip');
  skip.addEventListener('click', (event) => {
    event.preventDefault();
    main.focus();
  });
}

onSession(drawHeader);
onExpired(() => {
  notice(t('session_ended'));
  go(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
});
drawSkip();
drawFooter();
start(showPage);
