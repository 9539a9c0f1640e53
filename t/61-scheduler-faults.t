# The scheduler when things go wrong: it dies at each step of its work, the disk or the database fails, the table is
# large. In the end no file is left, and no row.

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
    FEW      => 12,     # after five, PostgreSQL thinks of keeping a plan; there are two executors
    SILENCE  => 30,     # seconds, after which a listener that hears nothing looks
    TIMEOUT => 60,     # seconds
};

my @STEPS = qw(after_claim before_unlink after_unlink after_sync before_rows after_rows);

my ($site, $deletions, $faults, $cluster) = Deletions->with_faults;

subtest 'killed at each step' => sub {
    $site->expect_log(qr/event=worker_ended pool=scheduler worker=\d+ signal=9/, qr/FATAL:  connection to client lost/);
    for my $step (@STEPS) {
        $faults->kill_at($step);
        my $start = time;
        $deletions->queue($deletions->make_files(20));
        $site->soon(sub { !$faults->is_set($step) }, "it dies at $step");
        $deletions->all_done('the next one does it, as soon as the lease is over');
        cmp_ok time - $start, '<', TIMEOUT, 'which takes seconds';
    }
};

subtest 'killed many times' => sub {
    my @keys = $deletions->make_files(4 * BATCH);
    $deletions->queue(@keys);
    my $killed = 0;
    for my $time (1 .. KILLS) {
        my $step = $STEPS[rand @STEPS];
        $faults->kill_at($step, $step =~ /unlink/ ? 1 + int rand BATCH : 1);
        $deletions->end_leases;
        $site->soon(sub { !$faults->is_set($step) || $deletions->is_done }, "time $time, at $step", TIMEOUT);
        $killed++ if !$faults->is_set($step);
        $faults->clear($step);
        $deletions->queue($deletions->make_files(BATCH));
    }
    cmp_ok $killed, '>', KILLS / 2, 'it died often';
    $deletions->end_leases;
    $deletions->all_done('nothing is left');
};

subtest 'PostgreSQL is restarted in mid-batch' => sub {
    $site->expect_log(qr/FATAL:  the database system is /,
        qr/FATAL:  terminating connection due to administrator command/);
    for my $step (@STEPS) {
        for my $signal (qw(INT QUIT)) {
            $site->expect_log(qr/WARNING:  terminating connection because of crash/, qr/FATAL:  .*immediate shutdown/);
            $faults->hold_at($step);
            $deletions->queue($deletions->make_files(5));
            $site->soon(sub { $faults->is_held($step) }, "a daemon is at $step");
            $cluster->down($signal);
            $cluster->up;
            $faults->clear($step);
            $deletions->end_leases;
            $deletions->all_done("SIG$signal to the server: all is done");
        }
    }
};

subtest 'a notification is lost' => sub {
    # Of the daemon that is stopped, should it just be connecting, the server waits for no more than a minute.
    $site->expect_log(qr/FATAL:  terminating connection due to administrator command/,
        qr/FATAL:  canceling authentication due to timeout/);
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder, VS_SCHEDULER_INTERVAL => '1d');
    my ($held, $lost) = $deletions->make_files(2);
    $faults->hold_at($_) for qw(before_unlink before_renew);
    $deletions->queue($held);
    $site->soon(sub { $faults->is_held('before_unlink') && $faults->is_held('before_renew') },
        'a dispatcher is about to renew a claim');
    $cluster->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'video_scheduler'});
    $deletions->queue($lost);
    $faults->clear('before_renew');
    $site->soon(sub { $deletions->value('leased_by', $lost) }, 'with another connection it looks what it has not heard of',
        SILENCE / 2);
    $faults->clear('before_unlink');
    $deletions->all_done('and all is done');
    $daemon->stop;
    $site->kill(CONT => $worker);
};

subtest 'the disk fails' => sub {
    for my $call (qw(unlink fsync)) {
        for my $error (EIO, EACCES, EROFS, ENOSPC) {
            my $text = do { local $! = $error; "$!" };
            my ($bad) = $deletions->make_files(1, 'ba');
            my @good = $deletions->make_files(20, '00');
            $faults->fail($call, $error, '/ba');
            $deletions->queue($bad, @good);
            $site->soon(sub { $deletions->value('attempts', $bad) }, "$call: $text");
            is $deletions->value('last_error', $bad), $text, 'is written down';
            is $deletions->value('dead_at', $bad), undef, 'and tried again';
            $site->soon(sub { $deletions->rows == 1 }, 'others are done');
            is $deletions->left(@good), 0, 'for good';
            $faults->clear($call);
            $site->sql("UPDATE video_deletions SET next_attempt_at = now()");
            $deletions->all_done('and this one when the disk is well again');
        }
    }
};

subtest 'the disk fails for many at once' => sub {
    my @keys = $deletions->make_files(100);
    $faults->fail(syncfs => EIO);
    $deletions->queue(@keys);
    $site->soon(sub { $deletions->rows("last_error = 'Input/output error'") == @keys }, 'no row goes before it is durable', TIMEOUT);
    $faults->clear('syncfs');
    $site->sql("UPDATE video_deletions SET next_attempt_at = now()");
    $deletions->all_done('all are done when the disk is well again');
};

subtest 'a million rows of which one is due' => sub {
    $site->sql('VACUUM ANALYZE video_deletions');
    for (1 .. FEW) {    # for which plans are made
        $deletions->queue($deletions->make_files(1));
        $deletions->all_done('one that is alone is done');
    }
    $site->sql(<<~SQL);
        INSERT INTO video_deletions (video_id, media_key, next_attempt_at)
            SELECT n, gen_random_uuid(), now() + interval '1 day' FROM generate_series(1, 500000) n;
        INSERT INTO video_deletions (video_id, media_key, dead_at)
            SELECT n, gen_random_uuid(), now() FROM generate_series(1, 500000) n;
        SQL
    my $stats = q{SELECT seq_tup_read + idx_tup_fetch, n_tup_del FROM pg_stat_user_tables WHERE relname = 'video_deletions'};
    my $least;
    for (1 .. COUNTS) {    # meanwhile all of them may be counted for the metrics, once in a while
        my ($key) = $deletions->make_files(1);
        my ($before) = $site->sql($stats);
        $deletions->queue($key);
        $site->soon(sub { !-e $deletions->path($key) }, 'it is found', TIMEOUT);
        my $after;
        $site->soon(sub { ($after) = $site->sql($stats); $after->[1] > $before->[1] }, 'the row goes', TIMEOUT);
        my $read = $after->[0] - $before->[0];
        $least = $read if !defined $least || $read < $least;
        last if $least < 1000;
    }
    cmp_ok $least, '<', 1000, 'without reading the others';
    $site->sql('TRUNCATE video_deletions');
};

done_testing;
