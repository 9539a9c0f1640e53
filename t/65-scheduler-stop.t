# How a scheduler stops: it finishes running batches, releases all other leases, and takes
# only seconds, whatever the disk or the database does. And that it runs two batches at a
# time.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Time::HiRes qw(time);

use Deletions;
use Site;

use constant {
    BACKLOG   => 40,     # batches
    BATCH     => 512,
    EXECUTORS => 2,
    # Seconds that running batches have. A busy machine may need longer.
    FINISH    => 2,
    # The most batches that a daemon leases: those in the work queue and of the executors.
    ROOM      => 6,
    # Seconds within which a daemon stops.
    STOP      => 5,
};

my ($site, $deletions, $faults, $cluster) = Deletions->with_faults;

subtest 'two batches run at a time' => sub {
    my @keys = $deletions->make_files(2 * BATCH);
    $faults->hold_at('after_sync');
    $deletions->queue(@keys);
    $site->soon(sub { !$deletions->left(@keys) }, 'while one batch is held after its sync, the files of the other are deleted');
    is $deletions->rows, 2 * BATCH, 'the rows of both batches are still there';
    $faults->clear('after_sync');
    $deletions->all_done('the rows are deleted when the batches continue');
};

# Sends SIGTERM to a daemon and waits until it is stopping.
sub ends ($daemon) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $daemon->kill('TERM');
    return $site->soon(sub { $daemon->log =~ /event=runner_ending/ }, 'the daemon is stopping');
}

subtest 'SIGTERM: running batches are finished' => sub {
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);    # the test's own daemon runs alone
    my @keys = $deletions->make_files(4 * BATCH);
    $faults->hold_at('before_unlink');
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder);
    $deletions->queue(@keys);
    $site->soon(sub { $deletions->rows('leased_by IS NOT NULL') > BATCH }, 'the daemon has leased several batches');
    $site->soon(sub { $faults->times('before_unlink') == EXECUTORS }, 'it runs two of them');
    my $start = time;
    ends($daemon);
    $faults->clear('before_unlink');
    $daemon->stop;
    my $seconds = time - $start;
    cmp_ok $seconds, '<', 15, 'it ends within 15 seconds';
    my $left = $deletions->left(@keys);
    cmp_ok $left, '>=', 2 * BATCH, 'it has started no other batch';
    is $left, 2 * BATCH, 'it has finished both running batches' if $seconds < FINISH;
    is $deletions->rows, $left, 'exactly the files that are left still have rows';
    is $deletions->rows('leased_by IS NOT NULL OR leased_until IS NOT NULL'), 0, 'all leases are released';
    $site->kill(CONT => $worker);
    $deletions->all_done('the next scheduler deletes the rest');
};

subtest 'SIGTERM: the rest of a batch that takes too long is released' => sub {
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my @keys = $deletions->make_files(BATCH);
    $faults->hold_at('after_unlink');
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder);
    $deletions->queue(@keys);
    $site->soon(sub { $faults->is_held('after_unlink') }, 'the first file is deleted');
    ends($daemon);
    my $until = time + 3;
    $site->soon(sub { time > $until }, 'its task takes longer than it may');
    $faults->clear('after_unlink');
    $daemon->stop;
    is $deletions->rows, BATCH - 1, 'it finishes that task and no other';
    is $deletions->rows('leased_by IS NOT NULL'), 0, 'the other tasks are released';
    $site->kill(CONT => $worker);
    $deletions->all_done('the next scheduler deletes the rest');
};

subtest 'SIGTERM: no more of a large backlog is leased' => sub {
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    $site->sql('INSERT INTO video_deletions (video_id, media_key) SELECT 1, gen_random_uuid() FROM generate_series(1, '
            . BACKLOG * BATCH . ')');
    $faults->hold_at('after_claim');
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder);
    $site->soon(sub { $deletions->rows('leased_by IS NOT NULL') == BATCH && $faults->is_held('after_claim') }, 'the daemon has leased its first batch');
    ends($daemon);
    $faults->clear('after_claim');
    is $daemon->await_end, 0, 'it exits with 0';
    my $released = () = $daemon->log =~ /event=tasks_released/g;
    is $released, 1, 'it has leased no other batch';
    is $deletions->rows('leased_by IS NULL'), BACKLOG * BATCH, 'all tasks are free for other daemons';
    $site->kill(CONT => $worker);
    $deletions->all_done('the next scheduler deletes the rest');
};

subtest 'SIGTERM: the daemon stops although the database hangs' => sub {
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my @keys = $deletions->make_files(4 * BATCH);
    $faults->hold_at('after_sync');
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder, VS_DATABASE_TIMEOUT_MS => 60_000);
    $deletions->queue(@keys);
    $site->soon(sub { $faults->times('after_sync') == EXECUTORS }, 'the files of two batches are deleted, their rows are not');
    $cluster->freeze($site);
    my $start = time;
    $daemon->kill('TERM');
    $faults->clear('after_sync');
    is $daemon->await_end, 0, 'it exits with 0';
    cmp_ok time - $start, '<', STOP, 'it stops within five seconds';
    $cluster->thaw;
    $site->kill(CONT => $worker);
    $deletions->expire_leases;
    $deletions->all_done('the next scheduler deletes the rest');
};

subtest 'SIGTERM: the daemon stops although the rows are locked' => sub {
    $site->expect_log(qr/ERROR:  canceling statement due to statement timeout/);
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my @keys = $deletions->make_files(ROOM * BATCH);
    $faults->hold_at('after_sync');
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder, VS_DATABASE_TIMEOUT_MS => 60_000);
    $deletions->queue(@keys);
    $site->soon(sub { $faults->times('after_sync') == EXECUTORS && $deletions->rows('leased_by IS NOT NULL') == @keys },
        'the daemon runs two batches and has leased more');
    my $lock = $site->transaction('SELECT count(*) FROM (SELECT 1 FROM video_deletions FOR UPDATE) locked');
    my $start = time;
    ends($daemon);
    $faults->clear('after_sync');
    is $daemon->await_end, 0, 'it exits with 0';
    cmp_ok time - $start, '<', STOP, 'it stops within five seconds';
    $lock->commit;
    $site->kill(CONT => $worker);
    $deletions->expire_leases;
    $deletions->all_done('the next scheduler deletes the rest');
};

done_testing;
