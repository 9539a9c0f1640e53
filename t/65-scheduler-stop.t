# The end of a scheduler: it finishes what it has begun, gives all else back, and takes no longer than seconds, whatever
# the disk or the database does. And what is done at the same time until then.

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
    FINISH    => 2,      # seconds; a busy machine may not have finished by then
    ROOM      => 6,      # batches that a daemon has at most, with those of the executors
    STOP      => 5,      # seconds
};

my ($site, $deletions, $faults, $cluster) = Deletions->with_faults;

subtest 'two batches at a time' => sub {
    my @keys = $deletions->make_files(2 * BATCH);
    $faults->hold_at('after_sync');
    $deletions->queue(@keys);
    $site->soon(sub { !$deletions->left(@keys) }, 'while one is made durable the files of the next go');
    is $deletions->rows, 2 * BATCH, 'the rows do not';
    $faults->clear('after_sync');
    $deletions->all_done('before that is done');
};

# Tells a daemon to end, and waits until it has understood.
sub ends ($daemon) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $daemon->kill('TERM');
    return $site->soon(sub { $daemon->log =~ /event=runner_ending/ }, 'it is to end');
}

subtest 'SIGTERM in mid-batch' => sub {
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);    # the test's own daemon is to be alone
    my @keys = $deletions->make_files(4 * BATCH);
    $faults->hold_at('before_unlink');
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder);
    $deletions->queue(@keys);
    $site->soon(sub { $deletions->rows('leased_by IS NOT NULL') > BATCH }, 'it has several batches');
    $site->soon(sub { $faults->times('before_unlink') == EXECUTORS }, 'and works at two');
    my $start = time;
    ends($daemon);
    $faults->clear('before_unlink');
    $daemon->stop;
    my $seconds = time - $start;
    cmp_ok $seconds, '<', 15, 'it ends soon';
    my $left = $deletions->left(@keys);
    cmp_ok $left, '>=', 2 * BATCH, 'it has begun no other batch';
    is $left, 2 * BATCH, 'and finished those in hand' if $seconds < FINISH;
    is $deletions->rows, $left, 'the rows of what is there are there';
    is $deletions->rows('leased_by IS NOT NULL OR leased_until IS NOT NULL'), 0, 'and nobody has them any more';
    $site->kill(CONT => $worker);
    $deletions->all_done('the next one does the rest');
};

subtest 'SIGTERM when a batch takes too long' => sub {
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my @keys = $deletions->make_files(BATCH);
    $faults->hold_at('after_unlink');
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder);
    $deletions->queue(@keys);
    $site->soon(sub { $faults->is_held('after_unlink') }, 'a file is gone');
    ends($daemon);
    my $until = time + 3;
    $site->soon(sub { time > $until }, 'but that file takes its time');
    $faults->clear('after_unlink');
    $daemon->stop;
    is $deletions->rows, BATCH - 1, 'it finishes that one and no other';
    is $deletions->rows('leased_by IS NOT NULL'), 0, 'and gives the rest back';
    $site->kill(CONT => $worker);
    $deletions->all_done('the next one does the rest');
};

subtest 'SIGTERM with a large backlog' => sub {
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    $site->sql('INSERT INTO video_deletions (video_id, media_key) SELECT 1, gen_random_uuid() FROM generate_series(1, '
            . BACKLOG * BATCH . ')');
    $faults->hold_at('after_claim');
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder);
    $site->soon(sub { $deletions->rows('leased_by IS NOT NULL') == BATCH && $faults->is_held('after_claim') }, 'it has begun to claim');
    ends($daemon);
    $faults->clear('after_claim');
    is $daemon->await_end, 0, 'it ends as it should';
    my $given_back = () = $daemon->log =~ /event=tasks_released/g;
    is $given_back, 1, 'and has claimed no more of it';
    is $deletions->rows('leased_by IS NULL'), BACKLOG * BATCH, 'all is left to others';
    $site->kill(CONT => $worker);
    $deletions->all_done('the next one does the rest');
};

subtest 'SIGTERM while the database hangs' => sub {
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my @keys = $deletions->make_files(4 * BATCH);
    $faults->hold_at('after_sync');
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder, VS_DATABASE_TIMEOUT_MS => 60_000);
    $deletions->queue(@keys);
    $site->soon(sub { $faults->times('after_sync') == EXECUTORS }, 'the files of two batches are gone, their rows are not');
    $cluster->freeze($site);
    my $start = time;
    $daemon->kill('TERM');
    $faults->clear('after_sync');
    is $daemon->await_end, 0, 'it ends as it should';
    cmp_ok time - $start, '<', STOP, 'within seconds';
    $cluster->thaw;
    $site->kill(CONT => $worker);
    $deletions->end_leases;
    $deletions->all_done('the next one does the rest');
};

subtest 'SIGTERM while somebody has locked the rows' => sub {
    $site->expect_log(qr/ERROR:  canceling statement due to statement timeout/);
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my @keys = $deletions->make_files(ROOM * BATCH);
    $faults->hold_at('after_sync');
    my $daemon = $deletions->daemon(FAULT_DIR => $faults->folder, VS_DATABASE_TIMEOUT_MS => 60_000);
    $deletions->queue(@keys);
    $site->soon(sub { $faults->times('after_sync') == EXECUTORS && $deletions->rows('leased_by IS NOT NULL') == @keys },
        'it works at two batches, and has more');
    my $lock = $site->transaction('SELECT count(*) FROM (SELECT 1 FROM video_deletions FOR UPDATE) locked');
    my $start = time;
    ends($daemon);
    $faults->clear('after_sync');
    is $daemon->await_end, 0, 'it ends as it should';
    cmp_ok time - $start, '<', STOP, 'within seconds';
    $lock->commit;
    $site->kill(CONT => $worker);
    $deletions->end_leases;
    $deletions->all_done('the next one does the rest');
};

done_testing;
