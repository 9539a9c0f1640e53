// Runs Lighthouse on the website's pages and measures the cost of loading the home page.
//
//   node measure.js TASK    TASK is JSON: {address, chromium, runs, session: {id, userId}, video, videos,
//                           pages: [[name, path, needsSession], ...]}
//
// Prints JSON: {pages: [{name, runs: [{performance, accessibility, fcp, lcp, tbt, cls}]}],
// home: {bytes, requests, depth}}.

import lighthouse from 'lighthouse';
import puppeteer from 'puppeteer-core';

const CATEGORIES = ['performance', 'accessibility'];
const TIMEOUT_MS = 60000;
const TRIES_MAX = 5;

const {address, chromium, runs, session, video, videos, pages} = JSON.parse(process.argv[2]);

// Calls work with a new page of a browser context without cookies or cache, logged in if wanted.
async function withPage(browser, isLoggedIn, work) {
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

// Adds posters to the videos. The website creates the image from the video file, as for an upload.
async function addPosters(page) {
    await page.goto(`${address}/upload`);
    await page.evaluate(async (path, ids) => {
        const {captureFrame, encodeJpeg} = await import('/poster.js');
        const image = await encodeJpeg(await captureFrame(await (await fetch(path)).blob()));
        for (const id of ids) {
            const response = await fetch(`/stream/videos/${id}/poster`, {method: 'PUT', body: image});
            if (!response.ok) throw new Error(`the poster was rejected with status ${response.status}`);
        }
    }, video, videos);
}

// Runs Lighthouse on a page. On a busy machine Chromium's trace may be incomplete; then retries.
async function audit(page, path) {
    for (let tries = 1; ; tries += 1) {
        const {lhr} = await lighthouse(address + path, {onlyCategories: CATEGORIES, logLevel: 'error'}, undefined, page);
        if (!lhr.runtimeError) return lhr;
        if (tries === TRIES_MAX) throw new Error(`${path}: ${lhr.runtimeError.message}`);
    }
}

async function score(page, path) {
    const lhr = await audit(page, path);
    const number = (name) => lhr.audits[name].numericValue;
    return {
        performance: lhr.categories.performance.score * 100,
        accessibility: lhr.categories.accessibility.score * 100,
        fcp: number('first-contentful-paint'),
        lcp: number('largest-contentful-paint'),
        tbt: number('total-blocking-time'),
        cls: number('cumulative-layout-shift'),
    };
}

// Loads the home page. Returns the number of requests and the bytes on the wire, without posters, and
// the depth: the length of the longest chain of requests in which each is triggered by the response to
// the one before.
async function measureHome(page) {
    const depths = new Map();
    const urls = new Map();
    const bytes = new Map();
    const devtools = await page.createCDPSession();
    await devtools.send('Network.enable');
    devtools.on('Network.requestWillBeSent', ({requestId, request: {url}, initiator}) => {
        const from = initiator.url ?? initiator.stack?.callFrames[0]?.url;
        urls.set(requestId, url);
        if (!depths.has(url)) depths.set(url, (depths.get(from) ?? (urls.size > 1 ? 1 : 0)) + 1);
    });
    devtools.on('Network.loadingFinished', ({requestId, encodedDataLength}) => bytes.set(requestId, encodedDataLength));
    await page.goto(`${address}/`, {waitUntil: 'networkidle0'});
    await page.waitForSelector('.card', {timeout: TIMEOUT_MS});
    const needed = [...urls].filter(([, url]) => !url.endsWith('/poster'));
    return {
        bytes: needed.reduce((sum, [id]) => sum + bytes.get(id), 0),
        requests: needed.length,
        depth: Math.max(...needed.map(([, url]) => depths.get(url))),
    };
}

async function measure(browser) {
    await withPage(browser, true, addPosters);
    const scores = pages.map(([name]) => ({name, runs: []}));
    for (let run = 1; run <= runs; run += 1) {
        for (const [i, [name, path, needsSession]] of pages.entries()) {
            console.error(`round ${run} of ${runs}: ${name}`);
            scores[i].runs.push(await withPage(browser, needsSession, (page) => score(page, path)));
        }
    }
    return {pages: scores, home: await withPage(browser, false, measureHome)};
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
