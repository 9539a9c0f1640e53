# The claims of schedulers that share a table: a slow one keeps what it has, one that is stuck loses it and is not listened
# to any more, none does what another one has; and what the clock does to that.

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
    MANY    => 7000,   # more than all but one of them claim at once
    LATE    => 3,      # seconds, longer than what is being done has at the end
};

my ($site, $deletions, $faults) = Deletions->with_faults;

subtest 'a slow one keeps what it has' => sub {
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
    }, 'for longer than a lease', 3 * LEASE);
    is_deeply \@lost, [], 'it keeps its claims all the time';
    $faults->clear('before_unlink');
    $deletions->all_done('and does its tasks in the end');
    is scalar(my @done = $other->log =~ /event=tasks_done kind=file_delete/g), 0, 'not the other one';
    $other->stop;
};

subtest 'a stopped one loses what it has' => sub {
    my @keys = $deletions->make_files(10);
    $faults->hold_at('before_unlink');
    $deletions->queue(@keys);
    $site->soon(sub { $faults->is_held('before_unlink') }, 'a daemon has a batch');
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my $other = $deletions->daemon;
    $deletions->all_done('another one does it when the lease is over');
    my @again = $deletions->make_files(3);
    $faults->clear('before_unlink');
    $site->kill(CONT => $worker);
    $deletions->queue(@again);
    $deletions->all_done('and the first one goes on');
    $other->stop;
};

# Another daemon with faults of its own. Its dispatcher renews nothing until it is let go on.
sub without_renewal () {
    my $own = Faults->new;
    $own->hold_at('before_renew');
    return ($own, $deletions->daemon(FAULT_DIR => $own->folder));
}

# Makes a daemon that renews nothing come to the step with the files, and has the site's take these over there and then,
# which it stays at.
sub take_over ($step, @keys) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my ($own, $slow) = without_renewal();
    $own->hold_at($step);
    $faults->hold_at('before_unlink');
    $deletions->queue(@keys);
    $site->soon(sub { $own->is_held($step) }, "a daemon that renews nothing is at $step");
    my $owner = $deletions->value('leased_by', $keys[0]);
    $site->kill(CONT => $worker);
    $site->soon(sub { $deletions->rows("leased_by <> '$owner' AND leased_until > now()") == @keys },
        'another one takes over when the lease is over', 4 * LEASE);
    $site->soon(sub { $faults->is_held('before_unlink') }, 'and has not begun');
    return ($own, $slow);
}

# What a daemon said at the end of its batch.
sub has_ended ($slow) { return $slow->log =~ /event=tasks_done kind=file_delete/ }

subtest 'a claim is foreign by then' => sub {
    my @keys = $deletions->make_files(5);
    my $foreign = q{leased_by IS NOT NULL AND leased_until > now() AND attempts = 0};
    my ($own, $slow) = take_over(after_sync => @keys);
    $own->clear('after_sync');
    $site->soon(sub { has_ended($slow) }, 'the slow one says that they are done');
    is $deletions->rows($foreign), @keys, 'which is not listened to';
    $own->clear('before_renew');
    $faults->clear('before_unlink');
    $deletions->all_done('before the other one says so');
    $slow->stop;

    @keys = $deletions->make_files(5);
    ($own, $slow) = take_over(before_unlink => @keys);
    $own->fail(unlink => EIO);
    $own->clear('before_unlink');
    $site->soon(sub { has_ended($slow) }, 'the slow one says that they have failed');
    is $deletions->rows($foreign), @keys, 'which is not listened to either';
    $own->clear('before_renew');
    $faults->clear('before_unlink');
    $deletions->all_done('and the other one does them');
    $slow->stop;

    @keys = $deletions->make_files(5);
    ($own, $slow) = take_over(before_unlink => @keys);
    $slow->kill('TERM');
    $site->soon(sub { $slow->log =~ /event=runner_ending/ }, 'the slow one is to end');
    my $until = time + LATE;
    $site->soon(sub { time > $until }, 'and late', 2 * LATE);
    $own->clear($_) for 'before_unlink', 'before_renew';
    $slow->stop;
    like $slow->log, qr/event=tasks_released .*count=4/, 'it gives back what it has not begun';
    is $deletions->rows($foreign), @keys, 'which is not its own any more';
    $faults->clear('before_unlink');
    $deletions->all_done('and the other one does them');
};

subtest 'renewed in vain' => sub {
    my @keys = $deletions->make_files(5);
    my ($own, $slow) = take_over(before_unlink => @keys);
    my $owners = 'SELECT leased_by FROM video_deletions ORDER BY id';
    my @owners = $site->sql($owners);
    $own->clear('before_renew');
    my $until = time + LEASE;
    $site->soon(sub { time > $until }, 'the slow one renews again', 2 * LEASE);
    is_deeply [$site->sql($owners)], \@owners, 'what is not its own any more stays the other one\'s';
    $own->clear('before_unlink');
    $faults->clear('before_unlink');
    $deletions->all_done('and is done');
    $slow->stop;
};

# How many deletions a log tells of.
sub done ($log) {
    my $sum = 0;
    $sum += $_ for $log =~ /event=tasks_done kind=file_delete count=(\d+)/g;
    return $sum;
}

subtest 'several daemons on one table' => sub {
    my $before = done($site->log('scheduler'));
    my @others = map { $deletions->daemon(FAULT_DIR => $faults->folder) } 2 .. DAEMONS;
    my @keys = $deletions->make_files(MANY);
    $faults->hold_at('before_unlink');
    $deletions->queue(@keys[$_ * 100 .. $_ * 100 + 99]) for 0 .. MANY / 100 - 1;
    $site->soon(sub { $site->sql('SELECT count(DISTINCT leased_by) FROM video_deletions') == DAEMONS }, 'each claims a part');
    $faults->clear('before_unlink');
    $deletions->all_done('do all of it');
    my @done = (done($site->log('scheduler')) - $before, map { done($_->log) } @others);
    my $sum = 0;
    $sum += $_ for @done;
    is $sum, @keys, 'and nothing twice';
    is scalar(grep { $_ > 0 } @done), DAEMONS, 'each has done its part';
    $_->stop for @others;
};

# As if somebody had set the clock: what was written down by it moves the other way.
sub set_clock ($interval) {
    return $site->sql("UPDATE video_deletions SET leased_until = leased_until - interval '$interval',"
            . " next_attempt_at = next_attempt_at - CASE WHEN next_attempt_at > 'epoch' THEN interval '$interval' ELSE '0' END");
}

subtest 'the clock is set' => sub {
    for my $interval ('-1 day', '-400 days', '1 day', '1 hour', '-1 minute') {
        my @fresh = $deletions->make_files(5);
        my @held = $deletions->make_files(5);
        my $worker = $deletions->worker;
        $site->kill(STOP => $worker);
        $deletions->queue(@fresh);
        $deletions->queue_claimed('6 seconds', @held);
        set_clock($interval);
        $site->kill(CONT => $worker);
        $site->soon(sub { !$deletions->rows }, "by $interval: nothing has to wait for it", 3 * LEASE);
        is $deletions->left(@fresh, @held), 0, 'the files are gone';
    }
};

done_testing;
