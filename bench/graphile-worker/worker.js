// graphile-worker with one task, which unlinks a file: what the scheduler is compared with. It fetches
// and completes jobs in batches, as far as its version supports that.
//
//   node worker.js URL install    creates its tables and exits
//   node worker.js URL            prints "ready" and runs until SIGTERM

const fs = require('fs/promises');
const {run, runMigrations, Logger} = require('graphile-worker');

const JOBS_AT_ONCE = 24;

async function unlink({path}) {
    try {
        await fs.unlink(path);
    } catch (error) {
        if (error.code !== 'ENOENT') throw error;
    }
}

async function main(connectionString, command) {
    const logger = new Logger(() => (level, message) => {
        if (level === 'error') console.error(message);
    });
    if (command === 'install') {
        await runMigrations({connectionString, logger});
        return;
    }
    const preset = {
        worker: {
            concurrentJobs: JOBS_AT_ONCE,
            maxPoolSize: JOBS_AT_ONCE + 2,
            pollInterval: 2000,
            localQueue: {size: 500},
            completeJobBatchDelay: 0,
            failJobBatchDelay: 0,
        },
    };
    const runner = await run({connectionString, logger, preset, concurrency: JOBS_AT_ONCE, taskList: {unlink}});
    console.log('ready');
    await runner.promise;
}

main(...process.argv.slice(2)).catch(error => {
    console.error(error);
    process.exit(1);
});
