# The scheduler when things go wrong: it dies at each step of its work, the disk or the database fails, the
# clock jumps, another daemon is slow. In the end no file is left, and no row.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Errno       qw(EIO ENOSPC EROFS);
use Time::HiRes qw(time);

use Cluster;
use Deletions;
use Faults;
use Program;
use Site;
use Site::Processes;

use constant {
    BATCH    => 256,
    LEASE    => 6,      # seconds
    KILLS    => 6,
    COUNTS   => 5,
    PATIENCE => 60,     # seconds
};

my @STEPS = qw(after_claim before_unlink after_unlink after_sync before_rows after_rows);

my $faults = Faults->new;
my $cluster = Cluster->start;
my $site = Site->start(
    build                 => Faults::build(),
    cluster               => $cluster,
    VS_FAULT_DIR          => $faults->folder,
    VS_SCHEDULER_INTERVAL => '1s',
);
my $deletions = Deletions->new($site);

sub all_done ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub { $deletions->is_done }, $name, PATIENCE);
}

sub end_leases () { return $site->sql('UPDATE video_deletions SET claimed_until = now() WHERE claimed_until IS NOT NULL') }

subtest 'killed at each step' => sub {
    $site->expect_log(qr/event=worker_ended pool=scheduler worker=\d+ signal=9/, qr/FATAL:  connection to client lost/);
    for my $step (@STEPS) {
        $faults->kill_at($step);
        my $start = time;
        $deletions->queue($deletions->make_files(20));
        $site->soon(sub { !$faults->is_set($step) }, "it dies at $step");
        all_done('the next one does it, as soon as the lease is over');
        cmp_ok time - $start, '<', PATIENCE, 'which takes seconds';
    }
};

subtest 'killed many times' => sub {
    my @keys = $deletions->make_files(10 * BATCH);
    $deletions->queue(@keys);
    my $killed = 0;
    for my $time (1 .. KILLS) {
        my $step = $STEPS[rand @STEPS];
        $faults->kill_at($step, $step =~ /unlink/ ? 1 + int rand BATCH : 1);
        end_leases();
        $site->soon(sub { !$faults->is_set($step) || $deletions->is_done }, "time $time, at $step", PATIENCE);
        $killed++ if !$faults->is_set($step);
        $faults->go_on($step);
        $deletions->queue($deletions->make_files(BATCH));
    }
    cmp_ok $killed, '>', KILLS / 2, 'it died often';
    end_leases();
    all_done('nothing is left');
};

# Another daemon, on the same table and folder, without faults.
sub daemon (%settings) {
    return Program->start('scheduler',
        VS_DATABASE_URL       => $site->database_url,
        VS_MEDIA_DIR          => $site->{media},
        VS_SCHEDULER_INTERVAL => '1s',
        %settings);
}

subtest 'a slow one keeps what it has' => sub {
    my @keys = $deletions->make_files(10);
    $faults->hold_at('before_unlink');
    $deletions->queue(@keys);
    $site->soon(sub { $faults->is_held('before_unlink') }, 'a daemon has a batch and is slow');
    my $other = daemon();
    my $owner = $deletions->value('claimed_by', $keys[0]);
    my $until = time + LEASE + 3;
    my @lost;
    $site->soon(sub {
        push @lost, 'a row' if $deletions->rows("claimed_by = '$owner' AND claimed_until > now()") != @keys;
        push @lost, 'a file' if $deletions->left(@keys) != @keys;
        return time > $until;
    }, 'for longer than a lease', 3 * LEASE);
    is_deeply \@lost, [], 'it keeps its claims all the time';
    $faults->go_on('before_unlink');
    all_done('and does its tasks in the end');
    is scalar(my @done = $other->log =~ /event=tasks_done kind=file_delete/g), 0, 'not the other one';
    $other->stop;
};

subtest 'a stopped one loses what it has' => sub {
    my @keys = $deletions->make_files(10);
    $faults->hold_at('before_unlink');
    $deletions->queue(@keys);
    $site->soon(sub { $faults->is_held('before_unlink') }, 'a daemon has a batch');
    my (undef, $worker) = $site->pids('scheduler');
    $site->kill(STOP => $worker);
    my $other = daemon();
    all_done('another one does it when the lease is over');
    my @again = $deletions->make_files(3);
    $faults->go_on('before_unlink');
    $site->kill(CONT => $worker);
    $deletions->queue(@again);
    all_done('and the first one goes on');
    $other->stop;
};

subtest 'SIGTERM in mid-batch' => sub {
    my (undef, $worker) = $site->pids('scheduler');
    $site->kill(STOP => $worker);    # the test's own daemon is to be alone
    my @keys = $deletions->make_files(4 * BATCH);
    $faults->hold_at('before_unlink');
    my $daemon = do {
        local $ENV{VS_BUILD} = Faults::build();
        daemon(VS_FAULT_DIR => $faults->folder);
    };
    $deletions->queue(@keys);
    $site->soon(sub { $deletions->rows('claimed_by IS NOT NULL') > BATCH }, 'it has several batches');
    $site->soon(sub { $faults->is_held('before_unlink') }, 'and works at one');
    my $start = time;
    $daemon->kill('TERM');
    $faults->go_on('before_unlink');
    $daemon->stop;
    cmp_ok time - $start, '<', 15, 'it ends soon';
    is $deletions->rows, 3 * BATCH, 'the batch in hand is finished';
    is $deletions->left(@keys), 3 * BATCH, 'the files of the others are there';
    is $deletions->rows('claimed_by IS NOT NULL OR claimed_until IS NOT NULL'), 0, 'and nobody has them any more';
    $site->kill(CONT => $worker);
    all_done('the next one does them');
};

subtest 'SIGTERM when a batch takes too long' => sub {
    my (undef, $worker) = $site->pids('scheduler');
    $site->kill(STOP => $worker);
    my @keys = $deletions->make_files(BATCH);
    $faults->hold_at('after_unlink');
    my $daemon = do {
        local $ENV{VS_BUILD} = Faults::build();
        daemon(VS_FAULT_DIR => $faults->folder);
    };
    $deletions->queue(@keys);
    $site->soon(sub { $faults->is_held('after_unlink') }, 'a file is gone');
    $daemon->kill('TERM');
    $site->soon(sub { $daemon->log =~ /event=stopping/ }, 'it is to end');
    my $until = time + 3;
    $site->soon(sub { time > $until }, 'but that file takes its time');
    $faults->go_on('after_unlink');
    $daemon->stop;
    is $deletions->rows, BATCH - 1, 'it finishes that one and no other';
    is $deletions->rows('claimed_by IS NOT NULL'), 0, 'and gives the rest back';
    $site->kill(CONT => $worker);
    all_done('the next one does the rest');
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
            $faults->go_on($step);
            end_leases();
            all_done("SIG$signal to the server: all is done");
        }
    }
};

subtest 'the disk fails' => sub {
    for my $call (qw(unlink fsync)) {
        for my $error (EIO, EROFS, ENOSPC) {
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
            $faults->go_on($call);
            $site->sql("UPDATE video_deletions SET next_attempt_at = now()");
            all_done('and this one when the disk is well again');
        }
    }
};

subtest 'the disk fails for many at once' => sub {
    my @keys = $deletions->make_files(100);
    $faults->fail(syncfs => EIO);
    $deletions->queue(@keys);
    $site->soon(sub { $deletions->rows("last_error = 'Input/output error'") == @keys }, 'no row goes before it is durable', PATIENCE);
    $faults->go_on('syncfs');
    $site->sql("UPDATE video_deletions SET next_attempt_at = now()");
    all_done('all are done when the disk is well again');
};

# As if somebody had set the clock: what was written down by it moves the other way.
sub set_clock ($interval) {
    return $site->sql("UPDATE video_deletions SET claimed_until = claimed_until - interval '$interval',"
            . " next_attempt_at = next_attempt_at - CASE WHEN next_attempt_at > 'epoch' THEN interval '$interval' ELSE '0' END");
}

subtest 'the clock is set' => sub {
    for my $interval ('-1 day', '-400 days', '1 day', '1 hour', '-1 minute') {
        my @fresh = $deletions->make_files(5);
        my @held = $deletions->make_files(5);
        my ($worker) = ($site->pids('scheduler'))[1];
        $site->kill(STOP => $worker);
        $deletions->queue(@fresh);
        $deletions->queue_claimed('6 seconds', @held);
        set_clock($interval);
        $site->kill(CONT => $worker);
        $site->soon(sub { !$deletions->rows }, "by $interval: nothing has to wait for it", 3 * LEASE);
        is $deletions->left(@fresh, @held), 0, 'the files are gone';
    }
};

subtest 'a million rows of which one is due' => sub {
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
        $site->soon(sub { !-e $deletions->path($key) }, 'it is found', PATIENCE);
        my $after;
        $site->soon(sub { ($after) = $site->sql($stats); $after->[1] > $before->[1] }, 'the row goes', PATIENCE);
        my $read = $after->[0] - $before->[0];
        $least = $read if !defined $least || $read < $least;
        last if $least < 1000;
    }
    cmp_ok $least, '<', 1000, 'without reading the others';
    $site->sql('TRUNCATE video_deletions');
};

done_testing;
