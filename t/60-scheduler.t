# The scheduler: what wakes it, what it claims, and that files go and rows with them, whatever happens.

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
    TIMEOUT => 60,    # seconds
};

my $site = Site->start(VS_SCHEDULER_INTERVAL => '1s', VS_SCHEDULER_ATTEMPTS => ATTEMPTS);
my $deletions = Deletions->new($site);
my $ann = $site->user('ann');

# A video with a film, by its id.
sub film ($where = $ann) {
    my $video = $where->post('/api/videos', {title => 'A film'})->json->{id};
    $where->upload($video, 'bunny.mp4')->is(201, 'a film is there');
    return $video;
}

subtest 'woken by NOTIFY alone' => sub {
    my $quiet = Site->start(VS_SCHEDULER_INTERVAL => '1d');
    my $eve = $quiet->user('eve');
    for (1 .. 5) {
        my $video = film($eve);
        $eve->delete("/api/videos/$video")->is(204);
        $quiet->soon(sub { !$quiet->media_files }, 'the file goes');
        $quiet->soon(sub { !$quiet->sql('SELECT count(*) FROM video_deletions') }, 'and its row');
    }
    my $all = Deletions->new($quiet);
    $all->queue($all->make_files(MANY));
    $quiet->soon(sub { $all->is_done }, 'more than a batch for one notification', TIMEOUT);
    for my $key ($all->make_files(50)) {
        $all->queue($key);
    }
    $quiet->soon(sub { $all->is_done }, 'many notifications in a row', TIMEOUT);
    $quiet->stop;
};

subtest 'woken by the timer alone' => sub {
    $site->sql('ALTER TABLE video_deletions DISABLE TRIGGER USER');
    my $video = film();
    $ann->delete("/api/videos/$video")->is(204);
    $deletions->all_done('the file goes without a notification');
    $deletions->queue($deletions->make_files(MANY));
    $deletions->all_done('and so do many');
    $site->sql('ALTER TABLE video_deletions ENABLE TRIGGER USER');
};

subtest 'claims are leases' => sub {
    my ($held, $free) = $deletions->make_files(2);
    # Another daemon's transaction may have begun after the one that finds its claim: then that ends later than any
    # that the finder could make.
    $deletions->queue_leased('8 seconds', $held);
    $deletions->queue($free);
    $site->soon(sub { !$deletions->value('id', $free) }, 'what nobody has is done');
    ok -e $deletions->path($held), 'what another daemon has is left to it';
    is $deletions->value('attempts', $held), 0, 'untried';
    $deletions->all_done('until its lease is over');
};

subtest 'what is gone already' => sub {
    my ($missing, $there) = $deletions->make_files(2);
    unlink $deletions->path($missing) or die "cannot unlink: $!\n";
    my $nowhere = 'ff' . substr $missing, 2;
    rmdir $deletions->folder($nowhere);
    $deletions->queue($missing, $there, $nowhere);
    $deletions->all_done('is done, with a folder or without');
};

subtest 'a file that cannot be removed' => sub {
    $site->expect_log(qr/event=task_dead/);
    my ($poison) = $deletions->make_files(1);
    my @good = $deletions->make_files(MANY);
    unlink $deletions->path($poison) or die "cannot unlink: $!\n";
    mkdir $deletions->path($poison) or die "cannot mkdir: $!\n";
    $deletions->queue(@good[0 .. 9], $poison, @good[10 .. $#good]);
    $site->soon(sub { !$deletions->left(@good) && $deletions->rows == 1 }, 'the good ones around it go', TIMEOUT);
    $site->soon(sub { $deletions->value('dead_at', $poison) }, 'it is given up in the end', TIMEOUT);
    is $deletions->value('attempts', $poison), ATTEMPTS, 'after so many attempts';
    is $deletions->value('last_error', $poison), 'Is a directory', 'with its error';
    my @tried = $site->log_lines(qr/event=task_failed .*subject=$poison reason="Is a directory"/);
    is scalar @tried, ATTEMPTS - 1, 'the log tells of the attempts before';
    is scalar(my @told = $site->log_lines(qr/level=error .*event=task_dead .*subject=$poison/)), 1, 'and of the end';
    my ($later) = $deletions->make_files(1);
    $deletions->queue($later);
    $site->soon(sub { !-e $deletions->path($later) }, 'others still go');
    is $deletions->value('attempts', $poison), ATTEMPTS, 'while it is not tried again';
    rmdir $deletions->path($poison);
    $site->sql('UPDATE video_deletions SET dead_at = NULL, next_attempt_at = now(), attempts = 0');
    $deletions->all_done('until somebody says so');
};

# The seconds between the attempts at a file, by the log.
sub pauses ($key) {
    my @times = map { /T\d\d:(\d\d):(\d\d\.\d+)Z .*event=task_(?:failed|dead) .*subject=$key/ ? 60 * $1 + $2 : () }
        $site->log_lines(qr/subject=$key/);
    return map { $times[$_] - $times[$_ - 1] + ($times[$_] < $times[$_ - 1] ? 3600 : 0) } 1 .. $#times;
}

subtest 'the pause between attempts' => sub {
    $site->expect_log(qr/event=task_dead/);
    my ($poison) = $deletions->make_files(1);
    unlink $deletions->path($poison);
    mkdir $deletions->path($poison);
    $deletions->queue($poison);
    $site->soon(sub { $deletions->value('attempts', $poison) }, 'the first attempt fails', TIMEOUT);
    is $site->sql('SELECT next_attempt_at - now() < attempts * 1.5 * interval \'1 second\' FROM video_deletions'), 't',
        'the next one is not far';
    $site->soon(sub { pauses($poison) == ATTEMPTS - 1 }, 'so do the others', TIMEOUT);
    my @pauses = pauses($poison);
    cmp_ok $pauses[$_], '>=', 0.5 * 2**$_, 'after a pause that grows' for 0 .. $#pauses;
    rmdir $deletions->path($poison);
    $site->sql("UPDATE video_deletions SET dead_at = NULL, next_attempt_at = 'epoch'");
    $deletions->all_done('it is done when it can be');
};

subtest 'a folder that cannot be written' => sub {
    my ($key, @others) = ($deletions->make_files(1, 'aa'), $deletions->make_files(5, 'bb'));
    chmod 0500, $deletions->folder($key);
    $deletions->queue($key, @others);
    $site->soon(sub { $deletions->value('attempts', $key) }, 'is an error of the task', TIMEOUT);
    is $deletions->value('last_error', $key), 'Permission denied', 'which it names';
    is $deletions->left(@others), 0, 'files in other folders go';
    chmod 0750, $deletions->folder($key);
    $deletions->all_done('and its own does when it can be written');
};

subtest 'the media folder is gone' => sub {
    my @keys = $deletions->make_files(5);
    rename $site->{media}, "$site->{media}-away" or die "cannot rename: $!\n";
    $deletions->queue(@keys);
    $site->soon(sub { $deletions->rows('attempts > 0') == @keys }, 'nothing is taken for done', TIMEOUT);
    is $deletions->value('last_error', $keys[0]), 'No such file or directory', 'the error is named';
    rename "$site->{media}-away", $site->{media} or die "cannot rename: $!\n";
    $deletions->all_done('with the folder back, the files go');
};

subtest 'the route' => sub {
    my $video = film();
    my $empty = $ann->post('/api/videos', {title => 'No film'})->json->{id};
    for my $id ($video, $video, $empty, $empty, 999_999, '9223372036854775807', 1) {
        $site->delete("/scheduler/videos/$id")->is(200, "$id: 200")
            ->header_is('Content-Type', 'application/json')
            ->body_is(qq({"video_id":$id,"status":"scheduled"}));
    }
    $site->get("/api/videos/$_")->is(404, 'the row is gone') for $video, $empty;
    $deletions->all_done('and the file');
    for my $id (qw(0 -1 01 +1 1.0 1e3 0x1 abc 9223372036854775808 99999999999999999999 1x %201 1%00 1;2)) {
        $site->delete("/scheduler/videos/$id")->is(400, "$id: 400")->problem('001');
    }
    my $kept = film();
    for my $method (qw(GET POST PUT PATCH)) {
        $site->request($method, "/scheduler/videos/$kept", body => $method eq 'GET' ? undef : '{}')
            ->is(405, "$method: 405")->header_is('Allow', 'OPTIONS, DELETE');
    }
    $site->get("/api/videos/$kept")->is(200, 'and nothing has happened');
    $ann->delete("/api/videos/$kept")->is(204);
    $deletions->all_done('which is left to its author');
};

# An address of this machine that others can reach, if it has one. Nothing is sent.
sub outer_address () {
    my $socket = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '192.0.2.1', PeerPort => 9) or return;
    return $socket->sockhost;
}

subtest 'loopback only' => sub {
    my $outer = outer_address();
    plan skip_all => 'this machine has no other address' if !defined $outer || $outer =~ /^127\./;
    $site->expect_log(qr/access forbidden by rule, client: \Q$outer\E/);
    my $video = film();
    for my $spelling ('/scheduler', '//scheduler', '/%73cheduler', '/x/../scheduler', '/api/../scheduler') {
        $site->delete("$spelling/videos/$video", to => $outer)->is(403, "$spelling from $outer: 403")->problem('006');
    }
    my %claims = map { $_ => '127.0.0.1' } qw(X-Forwarded-For X-Real-IP Forwarded);
    $site->delete("/scheduler/videos/$video", to => $outer, headers => \%claims)->is(403, 'whatever it claims');
    $site->get("/api/videos/$video", to => $outer)->is(200, 'the video is still there');
    $site->delete("/scheduler/videos/$video", to => '127.0.0.1')->is(200, 'from loopback it goes');
    $deletions->all_done('and its file');
};

subtest 'SIGKILL in the middle' => sub {
    $site->expect_log(qr/event=worker_ended pool=scheduler worker=\d+ signal=9/, qr/FATAL:  connection to client lost/);
    my @keys = $deletions->make_files(10 * MANY);
    my $killed = 0;
    for my $time (1 .. 3) {
        my $before = $deletions->left(@keys);
        $deletions->queue(@keys) if $time == 1;
        my $worker = $deletions->worker;
        $site->soon(sub { $deletions->left(@keys) < $before }, 'it has begun', TIMEOUT);
        $killed++ if $deletions->left(@keys) && $site->kill(KILL => $worker);
        $site->soon(sub { my (undef, $next) = $site->pids('scheduler'); $next && $next != $worker }, 'it is started again')
            if $killed == $time;
        $deletions->expire_leases;
    }
    cmp_ok $killed, '>=', 1, 'it was killed in the middle';
    $deletions->all_done('nothing is left, neither file nor row');
};

subtest 'SIGTERM' => sub {
    $site->expect_log(qr/scheduler died \(exit status 0\)/, qr/connect\(\) to \S+ failed/);
    my @keys = $deletions->make_files(10 * MANY);
    my ($supervisor) = $site->pids('scheduler');
    $deletions->queue(@keys);
    $site->soon(sub { $deletions->left(@keys) < @keys }, 'it has begun', TIMEOUT);
    my $start = time;
    $site->kill(TERM => $supervisor);
    $site->soon(sub { !Site::Processes::is_alive($supervisor) }, 'it ends in an orderly way', TIMEOUT);
    cmp_ok time - $start, '<', 20, 'soon';
    $deletions->expire_leases;
    $deletions->all_done('the next one does the rest');
};

subtest 'two daemons on one table' => sub {
    my $second = $deletions->daemon;
    $deletions->queue($deletions->make_files(10 * MANY));
    $deletions->all_done('all is done');
    my ($first_count, $second_count) = map { _done($_) } $site->log('scheduler'), $second->log;
    cmp_ok $second_count, '>', 0, 'the second has done a part';
    $second->stop;
    my $worker = $deletions->worker;
    $site->kill(STOP => $worker);
    my $heir = $deletions->daemon;
    my @keys = $deletions->make_files(MANY);
    $deletions->queue(@keys);
    $deletions->all_done('one goes on while the other is stuck');
    $site->kill(CONT => $worker);
    $heir->stop;
};

# How many deletions a log tells of.
sub _done ($log) {
    my $sum = 0;
    $sum += $_ for $log =~ /event=tasks_done kind=file_delete count=(\d+)/g;
    return $sum;
}

done_testing;
