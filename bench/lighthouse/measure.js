// What Lighthouse has to say of the pages of the website, and what its home page takes until it shows videos.
//
//   node measure.js TASK    TASK is JSON: {address, chromium, runs, session: {id, userId}, film, videos,
//                           pages: [[name, path, needs a session], ...]}
//
// Prints JSON: {pages: [{name, runs: [{performance, accessibility, fcp, lcp, tbt, cls}]}], home: {bytes, requests, inARow}}.

import lighthouse from 'lighthouse';
import puppeteer from 'puppeteer-core';

const CATEGORIES = ['performance', 'accessibility'];
const TIMEOUT_MS = 60000;
const MOST_TRIES = 5;

const {address, chromium, runs, session, film, videos, pages} = JSON.parse(process.argv[2]);

// A page of a browser that has never been here.
async function visit(browser, isLoggedIn, work) {
    const context = await browser.createBrowserContext();
    try {
        if (isLoggedIn) {
            const {hostname: domain} = new URL(address);
            await context.setCookie(
                {name: 'X-Session-Id', value: session.id, domain, path: '/', httpOnly: true, sameSite: 'Lax'},
                {name: 'X-User-Id', value: String(session.userId), domain, path: '/', sameSite: 'Lax'},
            );
        }
        return await work(await context.newPage());
    } finally {
        await context.close();
    }
}

// Gives the videos the picture that the website takes out of a film when one uploads it.
async function addPosters(page) {
    await page.goto(`${address}/upload`);
    await page.evaluate(async (path, ids) => {
        const {frameOf, pictureOf} = await import('/poster.js');
        const picture = await pictureOf(await frameOf(await (await fetch(path)).blob()));
        for (const id of ids) {
            const answer = await fetch(`/stream/videos/${id}/poster`, {method: 'PUT', body: picture});
            if (!answer.ok) throw new Error(`the picture is not taken: ${answer.status}`);
        }
    }, film, videos);
}

// On a busy machine Chromium's trace may miss something; then Lighthouse wants to be run again.
async function lookAt(page, path) {
    for (let tries = 1; ; tries += 1) {
        const {lhr} = await lighthouse(address + path, {onlyCategories: CATEGORIES, logLevel: 'error'}, undefined, page);
        if (!lhr.runtimeError) return lhr;
        if (tries === MOST_TRIES) throw new Error(`${path}: ${lhr.runtimeError.message}`);
    }
}

async function score(page, path) {
    const lhr = await lookAt(page, path);
    const number = (audit) => lhr.audits[audit].numericValue;
    return {
        performance: lhr.categories.performance.score * 100,
        accessibility: lhr.categories.accessibility.score * 100,
        fcp: number('first-contentful-paint'),
        lcp: number('largest-contentful-paint'),
        tbt: number('total-blocking-time'),
        cls: number('cumulative-layout-shift'),
    };
}

// How many requests come one after the other until the videos are there, each known only by the answer to the one before;
// and what all that are no pictures take on the wire.
async function costOfHome(page) {
    const places = new Map();
    const urls = new Map();
    const bytes = new Map();
    const devtools = await page.createCDPSession();
    await devtools.send('Network.enable');
    devtools.on('Network.requestWillBeSent', ({requestId, request: {url}, initiator}) => {
        const from = initiator.url ?? initiator.stack?.callFrames[0]?.url;
        urls.set(requestId, url);
        if (!places.has(url)) places.set(url, (places.get(from) ?? (urls.size > 1 ? 1 : 0)) + 1);
    });
    devtools.on('Network.loadingFinished', ({requestId, encodedDataLength}) => bytes.set(requestId, encodedDataLength));
    await page.goto(`${address}/`, {waitUntil: 'networkidle0'});
    await page.waitForSelector('.card', {timeout: TIMEOUT_MS});
    const needed = [...urls].filter(([, url]) => !url.endsWith('/poster'));
    return {
        bytes: needed.reduce((sum, [id]) => sum + bytes.get(id), 0),
        requests: needed.length,
        inARow: Math.max(...needed.map(([, url]) => places.get(url))),
    };
}

async function measure(browser) {
    await visit(browser, true, addPosters);
    const scores = pages.map(([name]) => ({name, runs: []}));
    for (let run = 1; run <= runs; run += 1) {
        for (const [i, [name, path, isPrivate]] of pages.entries()) {
            console.error(`round ${run} of ${runs}: ${name}`);
            scores[i].runs.push(await visit(browser, isPrivate, (page) => score(page, path)));
        }
    }
    return {pages: scores, home: await visit(browser, false, costOfHome)};
}

const browser = await puppeteer.launch({
    executablePath: chromium,
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
    protocolTimeout: 10 * TIMEOUT_MS,
});
try {
    console.log(JSON.stringify(await measure(browser)));
} finally {
    await browser.close();
}
