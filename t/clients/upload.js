// Uploads a file with tus-js-client and prints the number of retries.
//
// usage: node upload.js NODE_MODULES URL FILE SESSION

'use strict';

const fs = require('fs');
const [modules, endpoint, path, session] = process.argv.slice(2);
const tus = require(`${modules}/tus-js-client`);

let retries = 0;
const upload = new tus.Upload(fs.createReadStream(path), {
    endpoint,
    uploadSize: fs.statSync(path).size,
    retryDelays: Array(20).fill(200),
    headers: {'X-Session-Id': session},
    metadata: {filename: 'video.mp4', filetype: 'video/mp4'},
    onShouldRetry: () => ++retries < 50,
    onError: (error) => {
        console.error(String(error));
        process.exitCode = 1;
    },
    onSuccess: () => console.log(`retries=${retries}`),
});
upload.start();
