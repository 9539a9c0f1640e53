# Running the site in the foreground and in the background: what stops it, and what it recovers from.

use v5.36;

use FindBin;
use IO::Socket::INET;
use IPC::Open2 qw(open2);

use lib "$FindBin::Bin/lib";
use Site;
use Site::Port;

my $DEPLOY_SITE = "$FindBin::Bin/../deploy/site";

# Runs deploy/site with these arguments. Returns the exit status and the output.
sub deploy ($site, @arguments) {
    local %ENV = $site->environment;
    my ($status, $output) = Runner::Command::capture([$DEPLOY_SITE, @arguments]);
    return ($status >> 8, $output);
}

subtest 'the site runs in the background, and keeps its data over a restart' => sub {
    my $site = Site->new(VS_PORT => Site::Port::free());
    $site->{port} = $site->{environment}{VS_PORT};

    my ($status, $output) = deploy($site, 'status');
    is $status, 3, 'status exits with 3 before the start';
    like $output, qr/is not running/, 'status says that the site does not run';
    {
        local %ENV = $site->environment;
        my @make = ('make', '--no-print-directory', '-C', "$FindBin::Bin/..", 'status');
        is_deeply [Runner::Command::capture(\@make)], [0, "video-server is not running\n"],
            'make status succeeds when the site does not run';
    }

    ($status, $output) = deploy($site, 'start');
    is $status, 0, 'start succeeds';
    like $output, qr{is running at http://127\.0\.0\.1:\Q$site->{port}\E/$}m, 'start prints the address of the site';
    $site->get('/')->is(200)->like(qr/video-server/);
    my $ann = $site->user('ann');
    my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
    $ann->upload($vid, 'bunny.mp4')->is(201);

    ($status, $output) = deploy($site, 'status');
    is $status, 0, 'status exits with 0 while the site runs';
    like $output, qr/is running at \S+:$site->{port}\//, 'status prints the address while the site runs';

    for my $action ('start', 'run') {
        ($status, $output) = deploy($site, $action);
        is $status, 1, "$action fails while the site runs";
        like $output, qr{already running.*:$site->{port}/}, "$action prints the address of the running site";
    }

    ($status, $output) = deploy($site, 'stop');
    is $status, 0, 'stop succeeds';
    is_deeply [$site->processes], [], 'stop leaves no process behind';
    ($status, $output) = deploy($site, 'stop');
    is $status, 0, 'a second stop succeeds';
    like $output, qr/is not running/, 'a second stop says that the site does not run';

    ($status) = deploy($site, 'start');
    is $status, 0, 'the site starts again';
    $site->get("/stream/videos/$vid")->is(200, 'the video survives the restart')->body_is(Site::Media::content('mp4'));
    $ann->post('/api/videos', {title => 'Elephants'})->is(201, 'the session survives the restart');
    deploy($site, 'stop');
    $site->stop;
};

subtest 'run fails when the port is taken' => sub {
    my $port = Site::Port::free();
    my $other = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 1, ReuseAddr => 1);
    my $site = Site->new(VS_PORT => $port);
    my ($status, $output) = deploy($site, 'run');
    is $status, 1, 'run exits with 1';
    like $output, qr/port $port is taken.*VS_PORT/, 'the message names the port and the setting';
    ok !-e $site->state_path('postgresql'), 'PostgreSQL is not started';
    $site->remove;
};

subtest 'run fails when a setting is invalid' => sub {
    my $site = Site->new(VS_PORT => 'http');
    my ($status, $output) = deploy($site, 'run');
    is $status, 1, 'run exits with 1';
    like $output, qr/VS_PORT.*http/, 'the message names the setting and its value';
    $site->remove;
};

subtest 'unknown settings are rejected' => sub {
    my $site = Site->new(VS_PORT => Site::Port::free(), VS_STREAM_RAET => '1M', VS_TOKENS => 5);
    my ($status, $output) = deploy($site, 'start');
    is $status, 1, 'start exits with 1';
    like $output, qr/VS_STREAM_RAET, VS_TOKENS: no such setting/, 'the message names the unknown settings';
    ok !-e $site->{state}, 'the state folder is not created';
    is((deploy($site, 'status'))[0], 3, 'status ignores unknown settings');
    is((deploy($site, 'stop'))[0], 0, 'stop ignores unknown settings');
    $site->remove;
};

subtest 'start fails when a program cannot start' => sub {
    my $site = Site->new(VS_PORT => Site::Port::free(), VS_DATABASE_URL => 'host=/nonexistent dbname=none');
    my ($status, $output) = deploy($site, 'start');
    is $status, 1, 'start exits with 1';
    like $output, qr/fcgi-api could not start/, 'the message names the program';
    like $output, qr{/nonexistent.*level=error}s, q{the message shows the end of the program's log};
    is_deeply [$site->processes], [], 'no process is left behind';
    $site->remove;
};

subtest 'Ctrl-C stops a running site' => sub {
    my $site = Site->new(VS_PORT => Site::Port::free());
    local %ENV = ($site->environment, SITE => $DEPLOY_SITE);
    my $pid = open2(my $screen, my $keys, 'script', '-qefc', 'exec "$SITE" run', '/dev/null');
    my $shown = '';
    while (defined(my $line = <$screen>)) {
        $shown .= $line;
        last if $line =~ /^Ctrl-C/;
    }
    like $shown, qr/is running at/, 'run prints the address of the site';
    syswrite $keys, "\cC";
    $shown = join '', <$screen>;
    waitpid $pid, 0;
    is $?, 0, 'run exits with 0 after Ctrl-C';
    unlike $shown, qr/died|could not|error/, 'no program fails while the site stops';
    like $site->log('postgresql'), qr/database system is shut down\n\z/, 'PostgreSQL shuts down cleanly';
    is_deeply [$site->processes], [], 'no process is left behind';
    $site->remove;
};

subtest 'Ctrl-C stops a site that is still starting' => sub {
    my $site = Site->new(VS_PORT => Site::Port::free());
    $site->run;
    $site->soon(sub { -e $site->state_path('postgresql/postmaster.pid') }, 'PostgreSQL is starting', 30);
    $site->kill(INT => $site->pid);
    ok $site->await_end, 'run ends after Ctrl-C';
    is $site->{status}, 0, 'run exits with 0';
    is_deeply [$site->processes], [], 'no process is left behind';
    $site->remove;
};

subtest 'a program that is killed is restarted' => sub {
    my $site = Site->start;
    $site->expect_log(qr/died \(signal 9\); restarting/, qr/\[error\].*connect\(\) .* failed/,
        qr/FATAL:  connection to client lost/);
    for my $program (qw(fcgi-api fcgi-stream scheduler nginx)) {
        my ($old) = $site->kill(KILL => $program);
        my $is_back = sub {
            my ($new) = $site->pids($program);
            return $new && $new != $old && $site->get('/api/videos')->status == 200;
        };
        $site->soon($is_back, "$program is restarted, and the site answers");
        like $site->output, qr/^video-server: \Q$program\E died \(signal 9\)/m, "the runner reports that $program died";
    }
    $site->soon(sub { $site->get('/stream/videos/1')->status == 404 }, '/stream answers after the restarts');
    $site->soon(sub { $site->delete('/scheduler/videos/0')->status == 400 }, '/scheduler answers after the restarts');
    $site->stop;
};

subtest 'PostgreSQL is restarted when it is killed' => sub {
    my $site = Site->start;
    $site->expect_log(qr/postgresql died \(signal 9\)/, qr/FATAL:  (?:terminating connection|the database system is)/);
    my $ann = $site->user('ann');
    my ($old) = $site->kill(KILL => 'postgres');
    $site->soon(sub { my ($new) = $site->pids('postgres'); $new && $new != $old }, 'PostgreSQL runs as a new process');
    $site->soon(sub { $ann->post('/api/videos', {title => 'Bunny'})->status == 201 },
        'a video can be added after the restart');
    is $site->sql('SELECT count(*) FROM videos'), 1, 'the video is added only once';
    $site->stop;
};

subtest 'the whole site ends when its runner is killed' => sub {
    my $site = Site->start;
    my $ann = $site->user('ann');
    $site->crash;
    $site->expect_log(qr/FATAL:  (?:terminating connection|the database system is shutting down)/);
    $site->soon(sub { !$site->processes }, 'no process is left behind', 20) or diag $site->processes;
    $site->run;
    ok $site->await_answer, 'the site starts again';
    $ann->post('/api/videos', {title => 'Bunny'})->is(201, 'the session survives');
    $site->stop;
};

subtest 'a site that is started right after its runner was killed waits for the old processes' => sub {
    my $site = Site->start;
    $site->expect_log(qr/waiting for the processes of a killed site to exit/, qr/FATAL:  the database system is shutting down/);
    my ($slow) = $site->kill(STOP => 'scheduler');
    $site->crash;
    $site->run;
    $site->soon(sub { $site->output =~ /waiting for/ }, 'the new runner waits while an old process is alive');
    $site->kill(CONT => $slow);
    ok $site->await_answer, 'the site starts once the old process has ended';
    $site->stop;
};

done_testing;
