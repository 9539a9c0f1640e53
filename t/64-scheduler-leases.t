# The leases of schedulers that share a table: a slow daemon keeps its leases, a stopped
# one loses them and its results are ignored, no daemon works on another's tasks, and
# clock changes do no harm.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Errno       qw(EIO);
use Time::HiRes qw(time);

use Deletions;
use Faults;
use Site;

use constant {
    LEASE   => 6,      # seconds
    DAEMONS => 3,
    # More tasks than all daemons but one lease at once.
    MANY    => 7000,
    # Seconds: longer than running tasks have at the end.
    LATE    => 3,
};

my ($site, $deletions, $faults) = Deletions->with_faults;

subtest 'a slow daemon keeps its leases' => sub {
    my @keys = $deletions->make_files(10);
    $faults->hold_at('before_unlink');
    $deletions->queue(@keys);
    $site->soon(sub { $faults->is_held('before_unlink') }, 'a daemon has a batch and is slow');
    my $other = $deletions->daemon;
    my $owner = $deletions->value('leased_by', $keys[0]);
    my $until = time + LEASE + 3;
    my @lost;
    $site->soon(sub {
        push @lost, 'a row' if $deletions->rows("leased_by = '$owner' AND leased_until > now()") != @keys;
        push @lost, 'a file' if $deletions->left(@keys) != @keys;
        return time > $until;
    }, 'more time than a lease lasts goes by', 3 * LEASE);
    is_deeply \@lost, [], 'it keeps its leases and the files all the time';
    $faults->clear('before_unlink');
    $deletions->all_done('the files are deleted in the end');
    is scalar(my @done = $other->log =~ /event=tasks_done kind=file_delete/g), 0, 'the other daemon has deleted none';
    $other->stop;
};

subtest 'a stopped daemon loses its leases' => sub {
    my @keys = $deletions->make_files(10);
    $faults->hold_at('before_unlink');
    $deletions->queue(@keys);
    $site->soon(sub { $faults->is_held('before_unlink') }, 'a daemon has a batch');
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my $other = $deletions->daemon;
    $deletions->all_done('another daemon deletes the files once the leases have expired');
    my @again = $deletions->make_files(3);
    $faults->clear('before_unlink');
    $site->kill(CONT => $worker);
    $deletions->queue(@again);
    $deletions->all_done('with the first daemon running again, later files are deleted');
    $other->stop;
};

# Starts another daemon with its own Faults, whose dispatcher is held before it renews
# leases.
sub without_renewal () {
    my $own = Faults->new;
    $own->hold_at('before_renew');
    return ($own, $deletions->daemon(FAULT_DIR => $own->folder));
}

# Holds a daemon that renews no leases at the step, until the site's scheduler has taken
# over its files. That one is held before it unlinks the first. Returns the daemon's
# Faults and the daemon.
sub take_over ($step, @keys) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my ($own, $slow) = without_renewal();
    $own->hold_at($step);
    $faults->hold_at('before_unlink');
    $deletions->queue(@keys);
    $site->soon(sub { $own->is_held($step) }, "a daemon that renews no leases is at $step");
    my $owner = $deletions->value('leased_by', $keys[0]);
    $site->kill(CONT => $worker);
    $site->soon(sub { $deletions->rows("leased_by <> '$owner' AND leased_until > now()") == @keys },
        'another daemon takes over once the leases have expired', 4 * LEASE);
    $site->soon(sub { $faults->is_held('before_unlink') }, 'the other daemon has deleted nothing yet');
    return ($own, $slow);
}

# Whether a daemon has logged the end of its batch.
sub has_ended ($slow) { return $slow->log =~ /event=tasks_done kind=file_delete/ }

subtest 'results for tasks that another daemon has taken over are ignored' => sub {
    my @keys = $deletions->make_files(5);
    my $foreign = q{leased_by IS NOT NULL AND leased_until > now() AND attempts = 0};
    my ($own, $slow) = take_over(after_sync => @keys);
    $own->clear('after_sync');
    $site->soon(sub { has_ended($slow) }, 'the slow daemon reports the tasks as done');
    is $deletions->rows($foreign), @keys, 'its report is ignored';
    $own->clear('before_renew');
    $faults->clear('before_unlink');
    $deletions->all_done('the other daemon finishes the tasks');
    $slow->stop;

    @keys = $deletions->make_files(5);
    ($own, $slow) = take_over(before_unlink => @keys);
    $own->fail(unlink => EIO);
    $own->clear('before_unlink');
    $site->soon(sub { has_ended($slow) }, 'the slow daemon reports the tasks as failed');
    is $deletions->rows($foreign), @keys, 'that report is ignored, too';
    $own->clear('before_renew');
    $faults->clear('before_unlink');
    $deletions->all_done('the other daemon deletes the files');
    $slow->stop;

    @keys = $deletions->make_files(5);
    ($own, $slow) = take_over(before_unlink => @keys);
    $slow->kill('TERM');
    $site->soon(sub { $slow->log =~ /event=runner_ending/ }, 'the slow daemon is stopping');
    my $until = time + LATE;
    $site->soon(sub { time > $until }, 'its deadline has passed', 2 * LATE);
    $own->clear($_) for 'before_unlink', 'before_renew';
    $slow->stop;
    like $slow->log, qr/event=tasks_released .*count=4/, 'it releases the tasks that it has not started';
    is $deletions->rows($foreign), @keys, 'the leases of the other daemon remain';
    $faults->clear('before_unlink');
    $deletions->all_done('the other daemon deletes the files');
};

subtest 'a late renewal does not take leases back' => sub {
    my @keys = $deletions->make_files(5);
    my ($own, $slow) = take_over(before_unlink => @keys);
    my $owners = 'SELECT leased_by FROM video_deletions ORDER BY id';
    my @owners = $site->sql($owners);
    $own->clear('before_renew');
    my $until = time + LEASE;
    $site->soon(sub { time > $until }, 'the slow daemon has renewed again', 2 * LEASE);
    is_deeply [$site->sql($owners)], \@owners, 'the leases still belong to the other daemon';
    $own->clear('before_unlink');
    $faults->clear('before_unlink');
    $deletions->all_done('the files are deleted');
    $slow->stop;
};

# How many deletions are logged as done.
sub done ($log) {
    my $sum = 0;
    $sum += $_ for $log =~ /event=tasks_done kind=file_delete count=(\d+)/g;
    return $sum;
}

subtest 'several daemons share one table' => sub {
    my $before = done($site->log('scheduler'));
    my @others = map { $deletions->daemon(FAULT_DIR => $faults->folder) } 2 .. DAEMONS;
    my @keys = $deletions->make_files(MANY);
    $faults->hold_at('before_unlink');
    $deletions->queue(@keys[$_ * 100 .. $_ * 100 + 99]) for 0 .. MANY / 100 - 1;
    $site->soon(sub { $site->sql('SELECT count(DISTINCT leased_by) FROM video_deletions') == DAEMONS }, 'each daemon leases some of the tasks');
    $faults->clear('before_unlink');
    $deletions->all_done('all files are deleted');
    my @done = (done($site->log('scheduler')) - $before, map { done($_->log) } @others);
    my $sum = 0;
    $sum += $_ for @done;
    is $sum, @keys, 'no task is done twice';
    is scalar(grep { $_ > 0 } @done), DAEMONS, 'each daemon has done some of the tasks';
    $_->stop for @others;
};

# Simulates a clock change by moving the stored times the other way.
sub set_clock ($interval) {
    return $site->sql("UPDATE video_deletions SET leased_until = leased_until - interval '$interval',"
            . " next_attempt_at = next_attempt_at - CASE WHEN next_attempt_at > 'epoch' THEN interval '$interval' ELSE '0' END");
}

subtest 'tasks do not wait for a clock that was changed' => sub {
    for my $interval ('-1 day', '-400 days', '1 day', '1 hour', '-1 minute') {
        my @fresh = $deletions->make_files(5);
        my @held = $deletions->make_files(5);
        my $worker = $deletions->worker;
        $site->kill(STOP => $worker);
        $deletions->queue(@fresh);
        $deletions->queue_leased('6 seconds', @held);
        set_clock($interval);
        $site->kill(CONT => $worker);
        $site->soon(sub { !$deletions->rows }, "clock changed by $interval: all tasks are done soon", 3 * LEASE);
        is $deletions->left(@fresh, @held), 0, 'the files are deleted';
    }
};

done_testing;
