# The supervisor of the pools: restarting workers, signals, sockets, user and group of the processes.

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

# The living workers of a pool, according to the supervisor's log.
sub workers ($pool) {
    my @started = $site->log('fcgi-api') =~ /event=worker_started pool=$pool worker=(\d+)/g;
    return grep { Site::Processes::is_alive($_) } @started;
}

# Whether the site has a supervisor other than $old.
sub is_replaced ($old) {
    my ($supervisor) = $site->pids('fcgi-api');
    return defined $supervisor && $supervisor != $old;
}

# Sends a request that waits for a locked row. Returns the transaction that holds the lock, and the connection.
sub waiting_request () {
    my $lock = $site->transaction("SELECT FROM videos WHERE id = $video FOR UPDATE");
    my $request = $ann->open('POST', "/api/videos/$video/comments", json => {content => 'nice'});
    $site->soon(sub { $site->waiting('video_api') > 0 }, 'a request waits for the lock');
    return ($lock, $request);
}

sub response ($connection) {
    return Site::Response->new(bytes => $connection->rest, request => 'the request that waited', site => $site);
}

# Checks that many concurrent requests all succeed, and in time.
sub others_are_served ($name) {
    my $start = time;
    my @wrong;
    for my $round (1 .. 5) {
        my @reads  = map { $site->open('GET', "/api/videos/$video") } 1 .. 8;
        my @writes = map { $ann->open('POST', '/api/videos', json => {title => "$name $round"}) } 1 .. 4;
        push @wrong, grep { $_ !~ m{^HTTP/1\.1 20[01] } } map { $_->rest } @reads, @writes;
    }
    is_deeply \@wrong, [], "$name: other requests succeed";
    cmp_ok time - $start, '<', 5, "$name: other requests are answered in time";
    return;
}

subtest 'workers that are killed during a request are replaced' => sub {
    $site->expect_log(qr/event=worker_ended pool=api worker=\d+ signal=9/, qr/prematurely closed|reset by peer/,
        qr/FATAL:  connection to client lost/);
    my ($lock, $waiting) = waiting_request();
    my @killed = workers('api');
    is scalar @killed, 2, 'the pool has two workers';
    $site->kill(KILL => @killed);
    response($waiting)->is(503, 'the request of a killed worker returns 503')->problem('012');
    $site->get('/api/videos')->is(200, 'the next request succeeds');
    $lock->commit;
    $site->soon(sub { workers('api') == @killed }, 'both workers are replaced');
    my @logged = $site->log('fcgi-api') =~ /level=error \S+ event=worker_ended pool=api worker=(\d+) signal=9 uptime_ms=\d+/g;
    is_deeply [sort @logged], [sort @killed], 'the log has the signal and the lifetime of each killed worker';
};

# The seconds between the end of a worker and the start of the next one, according to the supervisor's log.
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

subtest 'a worker that keeps dying is restarted after increasing pauses' => sub {
    $site->expect_log(qr/event=worker_ended pool=login worker=\d+ signal=9/);
    my @pauses;
    for my $time (1 .. 4) {
        $site->kill(KILL => workers('login'));
        $site->soon(sub { @pauses = pauses('login'); @pauses == $time }, "the worker is restarted after death $time");
    }
    # A busy machine makes the pauses longer. The times in the log are truncated to milliseconds.
    cmp_ok $pauses[$_], '>=', 0.1 * 2**$_ - 0.01, "pause $_ is at least twice as long as the one before" for 0 .. 3;
    cmp_ok $pauses[3], '<', 2, 'the fourth pause is shorter than 2 s';
    $site->user('ann');
};

subtest 'SIGTERM lets a worker finish its request' => sub {
    $site->expect_log(qr/event=worker_ended pool=api worker=\d+ exit=0/);
    my %old = map { $_ => 1 } workers('api');
    my ($lock, $waiting) = waiting_request();
    $site->kill(TERM => keys %old);
    $site->soon(sub { grep { !$old{$_} } workers('api') }, 'an idle worker ends and is replaced');
    others_are_served('while a worker finishes');
    is scalar(grep { $old{$_} } workers('api')), 1, 'the worker with a request is still alive';
    $lock->commit;
    response($waiting)->is(201, 'the request is completed');
    $site->soon(sub { 2 == grep { !$old{$_} } workers('api') }, 'the worker is replaced after its request');
};

subtest 'SIGTERM lets the supervisor finish all requests' => sub {
    $site->expect_log(qr/fcgi-api died \(exit status 0\)/, qr/connect\(\) to \S+ failed/);
    my ($lock, $waiting) = waiting_request();
    my ($old) = $site->kill(TERM => 'fcgi-api');
    $site->soon(sub { workers('api') == 1 && !workers('login') }, 'idle workers end');
    $site->get('/stream/videos/999')->is(404, 'the other programs still answer');
    $lock->commit;
    response($waiting)->is(201, 'the request is completed');
    $site->soon(sub { is_replaced($old) && $site->get('/api/videos')->status == 200 },
        'the runner restarts the supervisor');
};

subtest 'all workers end when the supervisor is killed' => sub {
    $site->expect_log(qr/fcgi-api died \(signal 9\)/);
    my @workers = (workers('api'), workers('login'));
    my ($old) = $site->kill(KILL => 'fcgi-api');
    $site->soon(sub { !grep { Site::Processes::is_alive($_) } @workers }, 'no worker is left');
    $site->soon(sub { is_replaced($old) && $site->get('/api/videos')->status == 200 },
        'the runner restarts the supervisor');
    $site->user('ann');
};

subtest 'workers end when their supervisor is killed, even without a runner' => sub {
    my $api = Program->start('fcgi-api', VS_API_PROCESSES => 2, VS_DATABASE_URL => $site->database_url);
    my @workers;
    $site->soon(sub { @workers = $api->workers; @workers == 3 }, 'the supervisor has workers');
    $api->kill('KILL');
    is $api->await_end, 9, 'the supervisor is killed';
    $site->soon(sub { !grep { Site::Processes::is_alive($_) } @workers }, 'the workers end by themselves');
};

subtest 'a second instance of a program does not start' => sub {
    my @before = $site->pids('fcgi-api');
    for my $name ('fcgi-api', 'fcgi-stream', 'scheduler') {
        my $second = Program->launch($name, VS_DATABASE_URL => $site->database_url, run => $site->run_path(''));
        is $second->await_end, 1 << 8, "a second $name exits with 1";
        like $second->log, qr/level=error .*path=\S+\b$name\.pid reason="another instance is running"/,
            "a second $name logs the reason";
    }
    is_deeply [$site->pids('fcgi-api')], \@before, 'the first instance keeps running';
    $site->get('/api/videos')->is(200, 'the first instance still answers');
};

# --- sockets

# Makes a listening socket.
sub listening ($path) {
    my $socket = IO::Socket::UNIX->new(Local => $path, Listen => 10) or die "cannot listen at $path: $!\n";
    return $socket;
}

# Sends a request to a socket. Returns the status, and the pool that answered.
sub response_at ($program, $path) {
    my $id = sprintf '%032x', int rand 2**31;
    my $answer = FastCGI->connect($path)->request({REQUEST_URI => '/api/videos', REQUEST_ID => $id});
    my ($worker) = $program->log =~ /pid=(\d+) event=request id=$id / or return;
    my ($pool) = $program->log =~ /event=worker_started pool=(\w+) worker=$worker$/m;
    return "$answer->{status} from $pool";
}

subtest 'the sockets of the pools can be used only by user and group' => sub {
    for my $name (qw(api login stream scheduler)) {
        my @stat = stat $site->run_path("$name.sock");
        is sprintf('%04o', $stat[2] & 07777), '0660', "the mode of $name.sock is 0660";
    }
};

subtest 'a program uses a listening socket that is its standard input' => sub {
    my $path = $site->folder . '/zero.sock';
    my $socket = listening($path);
    my @how = (VS_DATABASE_URL => $site->database_url, descriptors => {0 => $socket});
    my $api = Program->start('fcgi-api', @how);
    is response_at($api, $path), '200 from api', 'the first pool uses the socket';
    ok !-e $api->run_path('api.sock'), 'the first pool makes no socket of its own';
    is response_at($api, $api->run_path('login.sock')), '200 from login', 'the second pool makes its own socket';
    $api->stop;

    my $early = FastCGI->connect($path);
    my %params = (FastCGI::usual(), REQUEST_URI => '/api/videos');
    $early->send(FastCGI::begin(1), FastCGI::params(1, \%params), FastCGI::stdin(1, ''));
    $api = Program->start('fcgi-api', @how);
    my $answer = $early->answer // {status => 'none'};
    is $answer->{status}, 200, 'a request sent between two programs is answered by the second one';
    $api->stop;
};

subtest 'a program uses the sockets that systemd passes to it' => sub {
    my %path = map { $_ => $site->folder . "/systemd-$_.sock" } qw(api login);
    my %socket = map { $_ => listening($path{$_}) } keys %path;
    my @how = (VS_DATABASE_URL => $site->database_url);

    my $api = Program->start('fcgi-api', @how,
        LISTEN_FDS => 2, LISTEN_FDNAMES => 'login:api', descriptors => {3 => $socket{login}, 4 => $socket{api}});
    is response_at($api, $path{api}),   '200 from api',   'the API pool uses the socket with its name';
    is response_at($api, $path{login}), '200 from login', 'the login pool uses the socket with its name';
    ok !grep({ -e $api->run_path("$_.sock") } qw(api login)), 'the pools make no sockets of their own';
    $api->stop;

    $api = Program->start('fcgi-api', @how,
        LISTEN_FDS => 1, LISTEN_FDNAMES => 'login', descriptors => {3 => $socket{login}});
    is response_at($api, $path{login}), '200 from login', 'systemd can pass a socket to the second pool alone';
    is response_at($api, $api->run_path('api.sock')), '200 from api', 'the first pool then makes its own socket';
    $api->stop;

    for my $names ('', 'fcgi-api.socket') {
        $api = Program->start('fcgi-api', @how,
            LISTEN_FDS => 1, LISTEN_FDNAMES => $names, descriptors => {3 => $socket{api}});
        is response_at($api, $path{api}), '200 from api', "the first pool uses a single socket with the name '$names'";
        $api->stop;
    }
};

# --- user and group

subtest 'programs that are started as root run as www-data without privileges' => sub {
    plan skip_all => 'this test does not run as root' if $> != 0;
    my ($user, $group) = (getpwnam 'www-data')[2, 3];
    for my $pid (map { $site->pids($_) } qw(fcgi-api fcgi-stream scheduler)) {
        open my $file, '<', "/proc/$pid/status" or die "process $pid has gone: $!\n";
        my %status = map { /^(\w+):\s*(.*?)\s*$/ ? ($1, $2) : () } <$file>;
        is $status{Uid}, join("\t", ($user) x 4), "$status{Name} $pid runs as user www-data";
        is $status{Gid}, join("\t", ($group) x 4), "$status{Name} $pid runs as group www-data";
        is scalar(grep { $_ == 0 } split ' ', $status{Groups}), 0, "$status{Name} $pid is not in the group root";
        is hex $status{CapEff}, 0, "$status{Name} $pid has no capabilities";
    }
};

# The runner starts nginx when the sockets exist. Before that the pool must have made the journal, or nginx
# would make it.
subtest 'a pool makes its sockets last' => sub {
    my $run = File::Temp->newdir;
    Runner::Account->named('www-data')->own_folder("$run", 0755) if $> == 0;
    mkdir "$run/journal" or die "cannot make a folder: $!\n";
    my $stream = Program->launch('fcgi-stream', run => "$run", VS_DATABASE_URL => $site->database_url);
    isnt $stream->await_end // 0, 0, 'the pool does not start when it cannot make the journal';
    like $stream->log, qr/event=journal_failed/, 'the log has the reason';
    ok !-e "$run/stream.sock", 'the socket was not made';
};

done_testing;
