# The scheduler under faults: it is killed at each step of its work, the disk or the
# database fails, the table is large. In the end all files and all rows are deleted.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Errno       qw(EACCES EIO ENOSPC EROFS);
use Time::HiRes qw(time);

use Deletions;
use Site;

use constant {
    BATCH    => 512,
    KILLS    => $ENV{VS_SOAK} ? 30 : 6,
    COUNTS   => 5,
    # After five executions PostgreSQL considers a cached plan; there are two executors.
    FEW      => 12,
    # Seconds without a notification after which the dispatcher runs a query.
    IDLE     => 30,
    TIMEOUT  => 60,     # seconds
};

my @STEPS = qw(after_claim before_unlink after_unlink after_sync before_rows after_rows);

my ($site, $deletions, $faults, $cluster) = Deletions->with_faults;

subtest 'tasks are done although the scheduler is killed at any step' => sub {
    $site->expect_log(qr/event=worker_ended pool=scheduler worker=\d+ signal=9/, qr/FATAL:  connection to client lost/);
    for my $step (@STEPS) {
        $faults->kill_at($step);
        my $start = time;
        $deletions->queue($deletions->make_files(20));
        $site->soon(sub { !$faults->is_set($step) }, "the scheduler is killed at $step");
        $deletions->all_done('the next scheduler deletes the files once the leases have expired');
        cmp_ok time - $start, '<', TIMEOUT, 'it takes less than a minute';
    }
};

subtest 'tasks are done although the scheduler is killed many times' => sub {
    my @keys = $deletions->make_files(4 * BATCH);
    $deletions->queue(@keys);
    my $killed = 0;
    for my $time (1 .. KILLS) {
        my $step = $STEPS[rand @STEPS];
        $faults->kill_at($step, $step =~ /unlink/ ? 1 + int rand BATCH : 1);
        $deletions->expire_leases;
        $site->soon(sub { !$faults->is_set($step) || $deletions->is_done }, "kill $time at $step takes effect, or all is done", TIMEOUT);
        $killed++ if !$faults->is_set($step);
        $faults->clear($step);
        $deletions->queue($deletions->make_files(BATCH));
    }
    cmp_ok $killed, '>', KILLS / 2, 'it was killed more than half the times';
    $deletions->expire_leases;
    $deletions->all_done('all files and rows are deleted');
};

subtest 'tasks are done although PostgreSQL is restarted in the middle of a batch' => sub {
    $site->expect_log(qr/FATAL:  the database system is /,
        qr/FATAL:  terminating connection due to administrator command/);
    for my $step (@STEPS) {
        for my $signal (qw(INT QUIT)) {
            $site->expect_log(qr/WARNING:  terminating connection because of crash/, qr/FATAL:  .*immediate shutdown/);
            $faults->hold_at($step);
            $deletions->queue($deletions->make_files(5));
            $site->soon(sub { $faults->is_held($step) }, "the scheduler is at $step");
            $cluster->down($signal);
            $cluster->up;
            $faults->clear($step);
            $deletions->expire_leases;
            $deletions->all_done("after SIG$signal to the server all files are deleted");
        }
    }
};

subtest 'a notification lost with the connection delays nothing' => sub {
    # Should the stopped daemon be connecting just now, the server gives up after a
    # minute.
    $site->expect_log(qr/FATAL:  terminating connection due to administrator command/,
        qr/FATAL:  canceling authentication due to timeout/);
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder, VS_SCHEDULER_INTERVAL => '1d');
    my ($held, $lost) = $deletions->make_files(2);
    $faults->hold_at($_) for qw(before_unlink before_renew);
    $deletions->queue($held);
    $site->soon(sub { $faults->is_held('before_unlink') && $faults->is_held('before_renew') },
        'a dispatcher is about to renew a lease');
    $cluster->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'video_scheduler'});
    $deletions->queue($lost);
    $faults->clear('before_renew');
    $site->soon(sub { $deletions->value('leased_by', $lost) }, 'after the reconnection it leases the task without a notification',
        IDLE / 2);
    $faults->clear('before_unlink');
    $deletions->all_done('all files are deleted');
    $daemon->stop;
    $site->kill(CONT => $worker);
};

subtest 'a failed system call fails its task, which is retried' => sub {
    for my $call (qw(unlink fsync)) {
        for my $error (EIO, EACCES, EROFS, ENOSPC) {
            my $text = do { local $! = $error; "$!" };
            my ($bad) = $deletions->make_files(1, 'ba');
            my @good = $deletions->make_files(20, '00');
            $faults->fail($call, $error, '/ba');
            $deletions->queue($bad, @good);
            $site->soon(sub { $deletions->value('attempts', $bad) }, "$call: $text: the attempt fails");
            is $deletions->value('last_error', $bad), $text, 'the row has the error';
            is $deletions->value('dead_at', $bad), undef, 'the task is not dead';
            $site->soon(sub { $deletions->rows == 1 }, 'other tasks are done');
            is $deletions->left(@good), 0, 'their files are deleted';
            $faults->clear($call);
            $site->sql("UPDATE video_deletions SET next_attempt_at = now()");
            $deletions->all_done('the task is done once the disk works again');
        }
    }
};

subtest 'a failed sync of the file system fails the whole batch' => sub {
    my @keys = $deletions->make_files(100);
    $faults->fail(syncfs => EIO);
    $deletions->queue(@keys);
    $site->soon(sub { $deletions->rows("last_error = 'Input/output error'") == @keys }, 'no row is deleted before its deletion is durable', TIMEOUT);
    $faults->clear('syncfs');
    $site->sql("UPDATE video_deletions SET next_attempt_at = now()");
    $deletions->all_done('all tasks are done once the disk works again');
};

subtest 'one due row among a million is found without reading the others' => sub {
    $site->sql('VACUUM ANALYZE video_deletions');
    for (1 .. FEW) {    # lets PostgreSQL choose its plans
        $deletions->queue($deletions->make_files(1));
        $deletions->all_done('a single task is done');
    }
    $site->sql(<<~SQL);
        INSERT INTO video_deletions (video_id, media_key, next_attempt_at)
            SELECT n, gen_random_uuid(), now() + interval '1 day' FROM generate_series(1, 500000) n;
        INSERT INTO video_deletions (video_id, media_key, dead_at)
            SELECT n, gen_random_uuid(), now() FROM generate_series(1, 500000) n;
        SQL
    my $stats = q{SELECT seq_tup_read + idx_tup_fetch, n_tup_del FROM pg_stat_user_tables WHERE relname = 'video_deletions'};
    my $least;
    for (1 .. COUNTS) {    # the counts for /metrics read all rows now and then
        my ($key) = $deletions->make_files(1);
        my ($before) = $site->sql($stats);
        $deletions->queue($key);
        $site->soon(sub { !-e $deletions->path($key) }, 'the file is deleted', TIMEOUT);
        my $after;
        $site->soon(sub { ($after) = $site->sql($stats); $after->[1] > $before->[1] }, 'the row is deleted', TIMEOUT);
        my $read = $after->[0] - $before->[0];
        $least = $read if !defined $least || $read < $least;
        last if $least < 1000;
    }
    cmp_ok $least, '<', 1000, 'fewer than 1000 rows are read for it';
    $site->sql('TRUNCATE video_deletions');
};

done_testing;
