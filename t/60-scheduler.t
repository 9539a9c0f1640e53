# The scheduler: what wakes it, which tasks it leases, and that it deletes files and rows
# whatever happens.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Time::HiRes qw(time);

use Deletions;
use Site;
use Site::Processes;

use constant {
    MANY     => 600,
    ATTEMPTS => 3,
    TIMEOUT  => 60,    # seconds
};

my $site = Site->start(VS_SCHEDULER_INTERVAL => '1s', VS_SCHEDULER_ATTEMPTS => ATTEMPTS);
my $deletions = Deletions->new($site);
my $ann = $site->user('ann');

# Creates a video with a file. Returns its id.
sub make_video ($where = $ann) {
    my $video = $where->post('/api/videos', {title => 'A video'})->json->{id};
    $where->upload($video, 'bunny.mp4')->is(201, 'the video file is uploaded');
    return $video;
}

subtest 'NOTIFY alone wakes the scheduler' => sub {
    my $quiet = Site->start(VS_SCHEDULER_INTERVAL => '1d');
    my $eve = $quiet->user('eve');
    for (1 .. 5) {
        my $video = make_video($eve);
        $eve->delete("/api/videos/$video")->is(204);
        $quiet->soon(sub { !$quiet->media_files }, 'the file is deleted');
        $quiet->soon(sub { !$quiet->sql('SELECT count(*) FROM video_deletions') }, 'its row is deleted');
    }
    my $all = Deletions->new($quiet);
    $all->queue($all->make_files(MANY));
    $quiet->soon(sub { $all->is_done }, 'one notification suffices for more than a batch', TIMEOUT);
    for my $key ($all->make_files(50)) {
        $all->queue($key);
    }
    $quiet->soon(sub { $all->is_done }, 'many notifications in a row are handled', TIMEOUT);
    $quiet->stop;
};

subtest 'the timer alone wakes the scheduler' => sub {
    $site->sql('ALTER TABLE video_deletions DISABLE TRIGGER USER');
    my $video = make_video();
    $ann->delete("/api/videos/$video")->is(204);
    $deletions->all_done('the file is deleted without a notification');
    $deletions->queue($deletions->make_files(MANY));
    $deletions->all_done('many files are deleted without a notification');
    $site->sql('ALTER TABLE video_deletions ENABLE TRIGGER USER');
};

subtest 'tasks that another daemon has leased are left alone' => sub {
    my ($held, $free) = $deletions->make_files(2);
    # A lease may end a little later than a new one would: its transaction may have begun
    # after that of the daemon that finds it.
    $deletions->queue_leased('8 seconds', $held);
    $deletions->queue($free);
    $site->soon(sub { !$deletions->value('id', $free) }, 'a task without a lease is done');
    ok -e $deletions->path($held), 'a leased file is still there';
    is $deletions->value('attempts', $held), 0, 'a leased task was not attempted';
    $deletions->all_done('it is done once the lease has expired');
};

subtest 'a file that is gone already counts as deleted' => sub {
    my ($missing, $there) = $deletions->make_files(2);
    unlink $deletions->path($missing) or die "cannot unlink: $!\n";
    my $nowhere = 'ff' . substr $missing, 2;
    rmdir $deletions->folder($nowhere);
    $deletions->queue($missing, $there, $nowhere);
    $deletions->all_done('such tasks are done, whether or not their folder exists');
};

subtest 'a file that cannot be deleted is retried, then dead' => sub {
    $site->expect_log(qr/event=task_dead/);
    my ($poison) = $deletions->make_files(1);
    my @good = $deletions->make_files(MANY);
    unlink $deletions->path($poison) or die "cannot unlink: $!\n";
    mkdir $deletions->path($poison) or die "cannot mkdir: $!\n";
    $deletions->queue(@good[0 .. 9], $poison, @good[10 .. $#good]);
    $site->soon(sub { !$deletions->left(@good) && $deletions->rows == 1 }, 'the other files of the batch are deleted', TIMEOUT);
    $site->soon(sub { $deletions->value('dead_at', $poison) }, 'the task ends up dead', TIMEOUT);
    is $deletions->value('attempts', $poison), ATTEMPTS, 'it was attempted VS_SCHEDULER_ATTEMPTS times';
    is $deletions->value('last_error', $poison), 'Is a directory', 'the row has the error';
    my @tried = $site->log_lines(qr/event=task_failed .*subject=$poison reason="Is a directory"/);
    is scalar @tried, ATTEMPTS - 1, 'each earlier attempt is logged as failed';
    is scalar(my @dead = $site->log_lines(qr/level=error .*event=task_dead .*subject=$poison/)), 1, 'the last attempt is logged as dead';
    my ($later) = $deletions->make_files(1);
    $deletions->queue($later);
    $site->soon(sub { !-e $deletions->path($later) }, 'other files are still deleted');
    is $deletions->value('attempts', $poison), ATTEMPTS, 'the dead task is not retried';
    rmdir $deletions->path($poison);
    $site->sql('UPDATE video_deletions SET dead_at = NULL, next_attempt_at = now(), attempts = 0');
    $deletions->all_done('it is done after it was revived');
};

# The seconds between the attempts to delete a file, according to the log.
sub pauses ($key) {
    my @times = map { /T\d\d:(\d\d):(\d\d\.\d+)Z .*event=task_(?:failed|dead) .*subject=$key/ ? 60 * $1 + $2 : () }
        $site->log_lines(qr/subject=$key/);
    return map { $times[$_] - $times[$_ - 1] + ($times[$_] < $times[$_ - 1] ? 3600 : 0) } 1 .. $#times;
}

subtest 'the pause between attempts grows' => sub {
    $site->expect_log(qr/event=task_dead/);
    my ($poison) = $deletions->make_files(1);
    unlink $deletions->path($poison);
    mkdir $deletions->path($poison);
    $deletions->queue($poison);
    $site->soon(sub { $deletions->value('attempts', $poison) }, 'the first attempt fails', TIMEOUT);
    is $site->sql('SELECT next_attempt_at - now() < attempts * 1.5 * interval \'1 second\' FROM video_deletions'), 't',
        'the first pause is short';
    $site->soon(sub { pauses($poison) == ATTEMPTS - 1 }, 'the other attempts fail, too', TIMEOUT);
    my @pauses = pauses($poison);
    cmp_ok $pauses[$_], '>=', 0.5 * 2**$_, 'a pause is at least half its nominal length' for 0 .. $#pauses;
    rmdir $deletions->path($poison);
    $site->sql("UPDATE video_deletions SET dead_at = NULL, next_attempt_at = 'epoch'");
    $deletions->all_done('the task is done once the file can be deleted');
};

subtest 'a folder that cannot be written to fails only its own tasks' => sub {
    my ($key, @others) = ($deletions->make_files(1, 'aa'), $deletions->make_files(5, 'bb'));
    chmod 0500, $deletions->folder($key);
    $deletions->queue($key, @others);
    $site->soon(sub { $deletions->value('attempts', $key) }, 'the attempt fails', TIMEOUT);
    is $deletions->value('last_error', $key), 'Permission denied', 'the row has the error';
    is $deletions->left(@others), 0, 'files in other folders are deleted';
    chmod 0750, $deletions->folder($key);
    $deletions->all_done('the file is deleted once its folder can be written to');
};

subtest 'a missing media folder fails the tasks' => sub {
    my @keys = $deletions->make_files(5);
    rename $site->{media}, "$site->{media}-away" or die "cannot rename: $!\n";
    $deletions->queue(@keys);
    $site->soon(sub { $deletions->rows('attempts > 0') == @keys }, 'no file counts as deleted', TIMEOUT);
    is $deletions->value('last_error', $keys[0]), 'No such file or directory', 'the row has the error';
    rename "$site->{media}-away", $site->{media} or die "cannot rename: $!\n";
    $deletions->all_done('the files are deleted once the folder is back');
};

subtest 'DELETE /scheduler/videos/:vid' => sub {
    my $video = make_video();
    my $empty = $ann->post('/api/videos', {title => 'No file'})->json->{id};
    for my $id ($video, $video, $empty, $empty, 999_999, '9223372036854775807', 1) {
        $site->delete("/scheduler/videos/$id")->is(200, "$id: 200")
            ->header_is('Content-Type', 'application/json')
            ->body_is(qq({"video_id":$id,"status":"scheduled"}));
    }
    $site->get("/api/videos/$_")->is(404, 'the video is deleted') for $video, $empty;
    $deletions->all_done('its file is deleted');
    for my $id (qw(0 -1 01 +1 1.0 1e3 0x1 abc 9223372036854775808 99999999999999999999 1x %201 1%00 1;2)) {
        $site->delete("/scheduler/videos/$id")->is(400, "$id: 400")->problem('001');
    }
    my $kept = make_video();
    for my $method (qw(GET POST PUT PATCH)) {
        $site->request($method, "/scheduler/videos/$kept", body => $method eq 'GET' ? undef : '{}')
            ->is(405, "$method: 405")->header_is('Allow', 'OPTIONS, DELETE');
    }
    $site->get("/api/videos/$kept")->is(200, 'the video is still there after the refused methods');
    $ann->delete("/api/videos/$kept")->is(204);
    $deletions->all_done('its author can delete it');
};

# An address of this machine that other machines can reach, or nothing. No packet is sent.
sub outer_address () {
    my $socket = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '192.0.2.1', PeerPort => 9) or return;
    return $socket->sockhost;
}

subtest 'the route is open to the loopback address only' => sub {
    my $outer = outer_address();
    plan skip_all => 'this machine has no other address' if !defined $outer || $outer =~ /^127\./;
    $site->expect_log(qr/access forbidden by rule, client: \Q$outer\E/);
    my $video = make_video();
    for my $spelling ('/scheduler', '//scheduler', '/%73cheduler', '/x/../scheduler', '/api/../scheduler') {
        $site->delete("$spelling/videos/$video", to => $outer)->is(403, "$spelling from $outer: 403")->problem('006');
    }
    my %forwarded = map { $_ => '127.0.0.1' } qw(X-Forwarded-For X-Real-IP Forwarded);
    $site->delete("/scheduler/videos/$video", to => $outer, headers => \%forwarded)->is(403, 'forwarding headers that name the loopback address do not help');
    $site->get("/api/videos/$video", to => $outer)->is(200, 'the video is still there after the refused requests');
    $site->delete("/scheduler/videos/$video", to => '127.0.0.1')->is(200, 'from 127.0.0.1 it is deleted');
    $deletions->all_done('its file is deleted');
};

subtest 'after SIGKILL in the middle of its work the tasks are still done' => sub {
    $site->expect_log(qr/event=worker_ended pool=scheduler worker=\d+ signal=9/, qr/FATAL:  connection to client lost/);
    my @keys = $deletions->make_files(10 * MANY);
    my $killed = 0;
    for my $time (1 .. 3) {
        my $before = $deletions->left(@keys);
        $deletions->queue(@keys) if $time == 1;
        my $worker = $deletions->worker;
        $site->soon(sub { $deletions->left(@keys) < $before }, 'it has started on the files', TIMEOUT);
        $killed++ if $deletions->left(@keys) && $site->kill(KILL => $worker);
        $site->soon(sub { my (undef, $next) = $site->pids('scheduler'); $next && $next != $worker }, 'its worker is started again')
            if $killed == $time;
        $deletions->expire_leases;
    }
    cmp_ok $killed, '>=', 1, 'it was killed before it had finished';
    $deletions->all_done('all files and rows are deleted');
};

subtest 'after SIGTERM the next scheduler does the rest' => sub {
    $site->expect_log(qr/scheduler died \(exit status 0\)/, qr/connect\(\) to \S+ failed/);
    my @keys = $deletions->make_files(10 * MANY);
    my ($supervisor) = $site->pids('scheduler');
    $deletions->queue(@keys);
    $site->soon(sub { $deletions->left(@keys) < @keys }, 'it has started on the files', TIMEOUT);
    my $start = time;
    $site->kill(TERM => $supervisor);
    $site->soon(sub { !Site::Processes::is_alive($supervisor) }, 'the supervisor ends', TIMEOUT);
    cmp_ok time - $start, '<', 20, 'it ends within 20 seconds';
    $deletions->expire_leases;
    $deletions->all_done('the next scheduler deletes the rest');
};

subtest 'two schedulers share one table' => sub {
    my $second = $deletions->daemon;
    $deletions->queue($deletions->make_files(10 * MANY));
    $deletions->all_done('all files are deleted');
    my $second_count = _done($second->log);
    cmp_ok $second_count, '>', 0, 'the second scheduler has done some of the tasks';
    $second->stop;
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my $heir = $deletions->daemon;
    my @keys = $deletions->make_files(MANY);
    $deletions->queue(@keys);
    $deletions->all_done('one scheduler does all tasks while the other is stopped');
    $site->kill(CONT => $worker);
    $heir->stop;
};

# How many deletions are logged as done.
sub _done ($log) {
    my $sum = 0;
    $sum += $_ for $log =~ /event=tasks_done kind=file_delete count=(\d+)/g;
    return $sum;
}

done_testing;
