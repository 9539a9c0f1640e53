// What the scheduler is compared with: graphile-worker, whose one task unlinks a file. It is told to take
// many jobs at a time and to finish them together, as far as its version can.
//
//   node worker.js URL install    makes its tables, and ends
//   node worker.js URL            runs until SIGTERM; says "ready" first

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
