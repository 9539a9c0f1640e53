# Running the site: in the foreground and in the background, what stops it, what it survives.

use v5.36;

use FindBin;
use IO::Socket::INET;
use IPC::Open2 qw(open2);

use lib "$FindBin::Bin/lib";
use Site;
use Site::Port;

my $DEPLOY_SITE = "$FindBin::Bin/../deploy/site";

sub deploy ($site, @arguments) {
    local %ENV = $site->environment;
    my ($status, $output) = Runner::Command::capture([$DEPLOY_SITE, @arguments]);
    return ($status >> 8, $output);
}

subtest 'in the background, twice on the same data' => sub {
    my $site = Site->new(VS_PORT => Site::Port::free());
    $site->{port} = $site->{environment}{VS_PORT};

    my ($status, $output) = deploy($site, 'status');
    is $status, 3, 'status before the start';
    like $output, qr/does not run/, 'and in words';
    {
        local %ENV = $site->environment;
        my @make = ('make', '--no-print-directory', '-C', "$FindBin::Bin/..", 'status');
        is_deeply [Runner::Command::capture(\@make)], [0, "video-server does not run\n"], 'which is no error of make';
    }

    ($status, $output) = deploy($site, 'start');
    is $status, 0, 'start';
    like $output, qr{answers at http://127\.0\.0\.1:\Q$site->{port}\E/$}m, 'says where it answers';
    $site->get('/')->is(200)->like(qr/video-server/);
    my $ann = $site->user('ann');
    my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
    $ann->upload($vid, 'bunny.mp4')->is(201);

    ($status, $output) = deploy($site, 'status');
    is $status, 0, 'status while it runs';
    like $output, qr/runs at \S+:$site->{port}\//, 'and in words';

    for my $action ('start', 'run') {
        ($status, $output) = deploy($site, $action);
        is $status, 1, "a second $action is refused";
        like $output, qr{already runs.*:$site->{port}/}, 'with the address of the first';
    }

    ($status, $output) = deploy($site, 'stop');
    is $status, 0, 'stop';
    is_deeply [$site->processes], [], 'nothing is left';
    ($status, $output) = deploy($site, 'stop');
    is $status, 0, 'a second stop';
    like $output, qr/does not run/, 'says that nothing runs';

    ($status) = deploy($site, 'start');
    is $status, 0, 'start again';
    $site->get("/stream/videos/$vid")->is(200, 'the video is still there')->body_is(Site::Media::content('mp4'));
    $ann->post('/api/videos', {title => 'Elephants'})->is(201, 'and so is the session');
    deploy($site, 'stop');
    $site->stop;
};

subtest 'a port that is taken' => sub {
    my $port = Site::Port::free();
    my $other = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 1, ReuseAddr => 1);
    my $site = Site->new(VS_PORT => $port);
    my ($status, $output) = deploy($site, 'run');
    is $status, 1, 'is an error';
    like $output, qr/port $port is taken.*VS_PORT/, 'that names the port and the setting';
    ok !-e $site->state_path('postgresql'), 'before anything is started';
    $site->remove;
};

subtest 'a setting that is wrong' => sub {
    my $site = Site->new(VS_PORT => 'http');
    my ($status, $output) = deploy($site, 'run');
    is $status, 1, 'is an error';
    like $output, qr/VS_PORT.*http/, 'that names the setting and its value';
    $site->remove;
};

subtest 'settings that do not exist' => sub {
    my $site = Site->new(VS_PORT => Site::Port::free(), VS_STREAM_RAET => '1M', VS_TOKENS => 5);
    my ($status, $output) = deploy($site, 'start');
    is $status, 1, 'are an error';
    like $output, qr/VS_STREAM_RAET, VS_TOKENS: no such setting/, 'that names them';
    ok !-e $site->{state}, 'before anything is made';
    is((deploy($site, 'status'))[0], 3, 'but none for status');
    is((deploy($site, 'stop'))[0], 0, 'nor for stop');
    $site->remove;
};

subtest 'a program that cannot start' => sub {
    my $site = Site->new(VS_PORT => Site::Port::free(), VS_DATABASE_URL => 'host=/nonexistent dbname=none');
    my ($status, $output) = deploy($site, 'start');
    is $status, 1, 'is an error';
    like $output, qr/fcgi-api could not start/, 'that names it';
    like $output, qr{/nonexistent.*level=error}s, 'with the end of its log';
    is_deeply [$site->processes], [], 'nothing is left';
    $site->remove;
};

subtest 'Ctrl-C' => sub {
    my $site = Site->new(VS_PORT => Site::Port::free());
    local %ENV = ($site->environment, SITE => $DEPLOY_SITE);
    my $pid = open2(my $screen, my $keys, 'script', '-qefc', 'exec "$SITE" run', '/dev/null');
    my $shown = '';
    while (defined(my $line = <$screen>)) {
        $shown .= $line;
        last if $line =~ /^Ctrl-C/;
    }
    like $shown, qr/answers at/, 'the site answers';
    syswrite $keys, "\cC";
    $shown = join '', <$screen>;
    waitpid $pid, 0;
    is $?, 0, 'ends it';
    unlike $shown, qr/died|could not|error/, 'in good order';
    like $site->log('postgresql'), qr/database system is shut down\n\z/, 'PostgreSQL, too';
    is_deeply [$site->processes], [], 'nothing is left';
    $site->remove;
};

subtest 'Ctrl-C before it answers' => sub {
    my $site = Site->new(VS_PORT => Site::Port::free());
    $site->run;
    $site->soon(sub { -e $site->state_path('postgresql/postmaster.pid') }, 'PostgreSQL starts', 30);
    $site->kill(INT => $site->pid);
    ok $site->await_end, 'ends it';
    is $site->{status}, 0, 'and is no error';
    is_deeply [$site->processes], [], 'nothing is left';
    $site->remove;
};

subtest 'what dies is started again' => sub {
    my $site = Site->start;
    $site->expect_log(qr/died \(signal 9\); starting it again/, qr/\[error\].*connect\(\) .* failed/,
        qr/FATAL:  connection to client lost/);
    for my $program (qw(fcgi-api fcgi-stream scheduler nginx)) {
        my ($old) = $site->kill(KILL => $program);
        $site->soon(sub { my ($new) = $site->pids($program); $new && $new != $old && $site->get('/api/videos')->status == 200 }, $program);
        like $site->output, qr/^video-server: \Q$program\E died \(signal 9\)/m, 'and says so';
    }
    $site->soon(sub { $site->get('/stream/videos/1')->status == 404 }, '/stream answers');
    $site->soon(sub { $site->delete('/scheduler/videos/0')->status == 400 }, '/scheduler answers');
    $site->stop;
};

subtest 'PostgreSQL dies' => sub {
    my $site = Site->start;
    $site->expect_log(qr/postgresql died \(signal 9\)/, qr/FATAL:  (?:terminating connection|the database system is)/);
    my $ann = $site->user('ann');
    my ($old) = $site->kill(KILL => 'postgres');
    $site->soon(sub { my ($new) = $site->pids('postgres'); $new && $new != $old }, 'it is started again');
    $site->soon(sub { $ann->post('/api/videos', {title => 'Bunny'})->status == 201 }, 'and the site works');
    is $site->sql('SELECT count(*) FROM videos'), 1, 'and has done nothing twice';
    $site->stop;
};

subtest 'the runner is killed' => sub {
    my $site = Site->start;
    my $ann = $site->user('ann');
    $site->crash;
    $site->expect_log(qr/FATAL:  (?:terminating connection|the database system is shutting down)/);
    $site->soon(sub { !$site->processes }, 'nothing is left', 20) or diag $site->processes;
    $site->run;
    ok $site->await_answer, 'the next start works';
    $ann->post('/api/videos', {title => 'Bunny'})->is(201, 'and the session is still there');
    $site->stop;
};

subtest 'the runner is killed, and started again at once' => sub {
    my $site = Site->start;
    $site->expect_log(qr/waiting for the end of a site that was killed/, qr/FATAL:  the database system is shutting down/);
    my ($slow) = $site->kill(STOP => 'scheduler');
    $site->crash;
    $site->run;
    $site->soon(sub { $site->output =~ /waiting for/ }, 'it waits for what the first has left behind');
    $site->kill(CONT => $slow);
    ok $site->await_answer, 'and no longer';
    $site->stop;
};

done_testing;
