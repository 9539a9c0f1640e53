# The supervisor of a pool: workers that die, signals, sockets, who its processes are.

use v5.36;

use File::Temp ();
use FindBin;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

use lib "$FindBin::Bin/lib";
use Program;
use Site;
use Site::Processes;

my $site = Site->start(VS_API_PROCESSES => 2, VS_API_THREADS => 4, VS_DATABASE_TIMEOUT_MS => 20_000);
my $ann = $site->user('ann');
my $video = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};

# The workers of a pool that are alive, by the supervisor's log.
sub workers ($pool) {
    my @started = $site->log('fcgi-api') =~ /event=worker_started pool=$pool worker=(\d+)/g;
    return grep { Site::Processes::is_alive($_) } @started;
}

# Whether the site has another supervisor than that one.
sub is_new ($old) {
    my ($supervisor) = $site->pids('fcgi-api');
    return defined $supervisor && $supervisor != $old;
}

# Somebody holds the video's row, and a request waits for it. Returns both.
sub waiting_request () {
    my $lock = $site->transaction("SELECT FROM videos WHERE id = $video FOR UPDATE");
    my $request = $ann->open('POST', "/api/videos/$video/comments", json => {content => 'nice'});
    $site->soon(sub { $site->waiting('video_api') > 0 }, 'a request waits');
    return ($lock, $request);
}

sub response ($connection) {
    return Site::Response->new(bytes => $connection->rest, request => 'the request that waited', site => $site);
}

# Many requests at one time, of which none may fail.
sub others_are_served ($name) {
    my $start = time;
    my @wrong;
    for my $round (1 .. 5) {
        my @reads  = map { $site->open('GET', "/api/videos/$video") } 1 .. 8;
        my @writes = map { $ann->open('POST', '/api/videos', json => {title => "$name $round"}) } 1 .. 4;
        push @wrong, grep { $_ !~ m{^HTTP/1\.1 20[01] } } map { $_->rest } @reads, @writes;
    }
    is_deeply \@wrong, [], "$name: others are served";
    cmp_ok time - $start, '<', 5, "$name: and soon";
    return;
}

subtest 'a worker is killed in mid-request' => sub {
    $site->expect_log(qr/event=worker_ended pool=api worker=\d+ signal=9/, qr/prematurely closed|reset by peer/,
        qr/FATAL:  connection to client lost/);
    my ($lock, $waiting) = waiting_request();
    my @killed = workers('api');
    is scalar @killed, 2, 'there are two workers';
    $site->kill(KILL => @killed);
    response($waiting)->is(503, 'whoever waited is told')->problem('012');
    $site->get('/api/videos')->is(200, 'the next request works');
    $lock->commit;
    $site->soon(sub { workers('api') == @killed }, 'the workers are replaced');
    my @logged = $site->log('fcgi-api') =~ /level=error \S+ event=worker_ended pool=api worker=(\d+) signal=9 uptime_ms=\d+/g;
    is_deeply [sort @logged], [sort @killed], 'the log says how they died';
};

# The seconds between a worker's end and the start of the next one, by the supervisor's log.
sub pauses ($pool) {
    my ($ended, @pauses);
    for my $line (split /\n/, $site->log('fcgi-api')) {
        my ($minutes, $seconds, $event) = $line =~ /^\S+:(\d\d):(\d\d\.\d{3})Z .*event=worker_(ended|started) pool=$pool / or next;
        my $at = 60 * $minutes + $seconds;
        push @pauses, $at - $ended + ($at < $ended ? 3600 : 0) if $event eq 'started' && defined $ended;
        $ended = $event eq 'ended' ? $at : undef;
    }
    return @pauses;
}

subtest 'a worker that keeps dying' => sub {
    $site->expect_log(qr/event=worker_ended pool=login worker=\d+ signal=9/);
    my @pauses;
    for my $time (1 .. 4) {
        $site->kill(KILL => workers('login'));
        $site->soon(sub { @pauses = pauses('login'); @pauses == $time }, 'it is started again');
    }
    # At least: a busy machine makes them longer. The log's times are cut to milliseconds.
    cmp_ok $pauses[$_], '>=', 0.1 * 2**$_ - 0.01, "pause $_ is twice as long as the one before" for 0 .. 3;
    cmp_ok $pauses[3], '<', 2, 'and that one need not wait for long';
    $site->user('ann');
};

subtest 'SIGTERM to workers' => sub {
    $site->expect_log(qr/event=worker_ended pool=api worker=\d+ exit=0/);
    my %old = map { $_ => 1 } workers('api');
    my ($lock, $waiting) = waiting_request();
    $site->kill(TERM => keys %old);
    $site->soon(sub { grep { !$old{$_} } workers('api') }, 'one that is idle ends, and is replaced');
    others_are_served('meanwhile');
    is scalar(grep { $old{$_} } workers('api')), 1, 'one still works';
    $lock->commit;
    response($waiting)->is(201, 'the request that waited is finished');
    $site->soon(sub { 2 == grep { !$old{$_} } workers('api') }, 'then its worker is replaced, too');
};

subtest 'SIGTERM to the supervisor' => sub {
    $site->expect_log(qr/fcgi-api died \(exit status 0\)/, qr/connect\(\) to \S+ failed/);
    my ($lock, $waiting) = waiting_request();
    my ($old) = $site->kill(TERM => 'fcgi-api');
    $site->soon(sub { workers('api') == 1 && !workers('login') }, 'workers that are idle end');
    $site->get('/stream/videos/999')->is(404, 'the other programs go on');
    $lock->commit;
    response($waiting)->is(201, 'the request that waited is finished');
    $site->soon(sub { is_new($old) && $site->get('/api/videos')->status == 200 }, 'the runner starts it again');
};

subtest 'SIGKILL to the supervisor' => sub {
    $site->expect_log(qr/fcgi-api died \(signal 9\)/);
    my @workers = (workers('api'), workers('login'));
    my ($old) = $site->kill(KILL => 'fcgi-api');
    $site->soon(sub { !grep { Site::Processes::is_alive($_) } @workers }, 'no worker is left');
    $site->soon(sub { is_new($old) && $site->get('/api/videos')->status == 200 }, 'the runner starts it again');
    $site->user('ann');
};

subtest 'SIGKILL to a supervisor without a runner' => sub {
    my $api = Program->start('fcgi-api', VS_API_PROCESSES => 2, VS_DATABASE_URL => $site->database_url);
    my @workers;
    $site->soon(sub { @workers = $api->workers; @workers == 3 }, 'it has workers');
    $api->kill('KILL');
    is $api->await_end, 9, 'it is killed';
    $site->soon(sub { !grep { Site::Processes::is_alive($_) } @workers }, 'its workers end by themselves');
};

subtest 'a second instance' => sub {
    my @before = $site->pids('fcgi-api');
    for my $name ('fcgi-api', 'fcgi-stream', 'scheduler') {
        my $second = Program->launch($name, VS_DATABASE_URL => $site->database_url, run => $site->run_path(''));
        is $second->await_end, 1 << 8, "$name is refused";
        like $second->log, qr/level=error .*path=\S+\b$name\.pid reason="another instance is running"/, 'and says why';
    }
    is_deeply [$site->pids('fcgi-api')], \@before, 'the first goes on';
    $site->get('/api/videos')->is(200, 'and answers');
};

# --- sockets

sub listening ($path) {
    my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 10) or die "cannot listen at $path: $!\n";
    return $socket;
}

# The status of what is answered on a socket, and the pool that answered.
sub ask ($program, $path) {
    my $id = sprintf '%032x', int rand 2**31;
    my $answer = FastCGI->connect($path)->request({REQUEST_URI => '/api/videos', REQUEST_ID => $id});
    my ($worker) = $program->log =~ /pid=(\d+) event=request id=$id / or return;
    my ($pool) = $program->log =~ /event=worker_started pool=(\w+) worker=$worker$/m;
    return "$answer->{status} from $pool";
}

subtest 'sockets of its own' => sub {
    for my $name (qw(api login stream scheduler)) {
        my @stat = stat $site->run_path("$name.sock");
        is sprintf('%04o', $stat[2] & 07777), '0660', "the mode of $name.sock";
    }
};

subtest 'a listening socket as descriptor 0' => sub {
    my $path = $site->folder . '/zero.sock';
    my $socket = listening($path);
    my @how = (VS_DATABASE_URL => $site->database_url, descriptors => {0 => $socket});
    my $api = Program->start('fcgi-api', @how);
    is ask($api, $path), '200 from api', 'is used';
    ok !-e $api->run_path('api.sock'), 'and none made in its place';
    is ask($api, $api->run_path('login.sock')), '200 from login', 'the other pool has its own';
    $api->stop;

    my $early = FastCGI->connect($path);
    my %params = (FastCGI::usual(), REQUEST_URI => '/api/videos');
    $early->send(FastCGI::begin(1), FastCGI::params(1, \%params), FastCGI::stdin(1, ''));
    $api = Program->start('fcgi-api', @how);
    my $answer = $early->answer // {status => 'none'};
    is $answer->{status}, 200, 'who came after the first program is served by the second';
    $api->stop;
};

subtest 'sockets that systemd hands over' => sub {
    my %path = map { $_ => $site->folder . "/systemd-$_.sock" } qw(api login);
    my %socket = map { $_ => listening($path{$_}) } keys %path;
    my @how = (VS_DATABASE_URL => $site->database_url);

    my $api = Program->start('fcgi-api', @how,
        LISTEN_FDS => 2, LISTEN_FDNAMES => 'login:api', descriptors => {3 => $socket{login}, 4 => $socket{api}});
    is ask($api, $path{api}),   '200 from api',   'the one of a pool is found by its name';
    is ask($api, $path{login}), '200 from login', 'and the other one, too';
    ok !grep({ -e $api->run_path("$_.sock") } qw(api login)), 'none is made in their place';
    $api->stop;

    $api = Program->start('fcgi-api', @how,
        LISTEN_FDS => 1, LISTEN_FDNAMES => 'login', descriptors => {3 => $socket{login}});
    is ask($api, $path{login}), '200 from login', 'the second pool may be the only one to get one';
    is ask($api, $api->run_path('api.sock')), '200 from api', 'the first then makes its own';
    $api->stop;

    for my $names ('', 'fcgi-api.socket') {
        $api = Program->start('fcgi-api', @how,
            LISTEN_FDS => 1, LISTEN_FDNAMES => $names, descriptors => {3 => $socket{api}});
        is ask($api, $path{api}), '200 from api', "the first pool gets the one with the name '$names'";
        $api->stop;
    }
};

# --- who it is

subtest 'started as root' => sub {
    plan skip_all => 'this test does not run as root' if $> != 0;
    my ($user, $group) = (getpwnam 'www-data')[2, 3];
    for my $pid (map { $site->pids($_) } qw(fcgi-api fcgi-stream scheduler)) {
        open my $file, '<', "/proc/$pid/status" or die "process $pid has gone: $!\n";
        my %status = map { /^(\w+):\s*(.*?)\s*$/ ? ($1, $2) : () } <$file>;
        is $status{Uid}, join("\t", ($user) x 4), "$status{Name} $pid is www-data";
        is $status{Gid}, join("\t", ($group) x 4), "$pid: its group, too";
        is scalar(grep { $_ == 0 } split ' ', $status{Groups}), 0, "$pid: it is not in root's group";
        is hex $status{CapEff}, 0, "$pid: it has no capability";
    }
};

# Who starts nginx waits for the sockets, and an nginx that comes before the pool would make the journal itself.
subtest 'sockets are there once all else is' => sub {
    my $run = File::Temp->newdir;
    Runner::Account->named('www-data')->own_folder("$run", 0755) if $> == 0;
    mkdir "$run/journal" or die "cannot make a folder: $!\n";
    my $stream = Program->launch('fcgi-stream', run => "$run", VS_DATABASE_URL => $site->database_url);
    isnt $stream->await_end // 0, 0, 'where there can be no journal the pool does not start';
    like $stream->log, qr/event=journal_failed/, 'and says why';
    ok !-e "$run/stream.sock", 'nor was there ever a socket to wait for';
};

done_testing;
