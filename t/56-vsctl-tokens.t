# vsctl tokens: it shows the tokens in use and changes limits while the site runs.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use File::Temp ();
use Program;
use Site;
use Site::Processes;

use constant {
    LONG => 12 * 1024 * 1024,    # more than the kernel buffers for a client that does not read
    SLOW => 4096,
};

my $folder = File::Temp->newdir;
my $site = Site->start(VS_STREAM_TOKENS => 3);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $vid = $ann->post('/api/videos', {title => 'A video'})->json->{id};
$ann->upload($vid, Site::Media::path($folder, 'long.mp4', LONG))->is(201);
my $url = "/stream/videos/$vid";

sub vsctl (@arguments) { return Program->output('vsctl', ['tokens', @arguments], VS_STATE_DIR => $site->state_path('')) }

sub view ($actor = $site, %options) {
    my $viewer = $actor->open('GET', $url, buffer => SLOW, %options);
    $viewer->await(qr/\r\n\r\n/);
    return $viewer;
}

sub rejection () { return $site->get($url, headers => {Range => 'bytes=0-1'})->json->{detail} }

sub all_released () { return $site->soon(sub { !$bucket->in_use }, 'all tokens are released') }

subtest 'the tokens in use are shown' => sub {
    my ($status, $output) = vsctl();
    is $status, 0, 'vsctl tokens succeeds on an idle site';
    like $output, qr/^stream +0 +3 +0\.0$/m, 'no stream token is in use';
    like $output, qr/^upload +0 +64 +0\.0$/m, 'no upload token is in use';
    unlike $output, qr/client/, 'no clients are listed';

    my @viewers = (view(), view(), view($ann, from => '127.0.0.9'));
    (undef, $output) = vsctl();
    like $output, qr/^stream +3 +3 +\d+\.\d$/m, 'three stream tokens are in use';
    my ($first, $second, @more) = $output =~ /^[0-9a-f]{16} +(\d+ +\d+ +\d+\.\d  \S+)$/mg;
    like $first,  qr/^2 +0 .* 127\.0\.0\.1$/, 'the client with the most tokens is listed first';
    like $second, qr/^1 +0 .* 127\.0\.0\.9$/, 'the client with one token is listed second';
    is_deeply \@more, [], 'no other client is listed';
    $_->close for @viewers;
    all_released();
};

subtest 'limits change on a running site' => sub {
    my @viewers = map { view() } 1 .. 3;
    is rejection(), 'the server is at its streaming limit', 'the fourth stream is rejected at a limit of 3';
    my ($status, $output) = vsctl('--stream', 5);
    is $status, 0, 'the stream limit is raised to 5';
    like $output, qr/^stream +3 +5 /m, 'the new limit is shown';
    push @viewers, map { view() } 1 .. 2;
    is $bucket->in_use, 5, 'two more streams start at once';
    is rejection(), 'the server is at its streaming limit', 'the sixth stream is rejected at a limit of 5';

    vsctl('--stream', 2);
    is $bucket->in_use, 5, 'lowering the limit to 2 does not interrupt the five streams';
    for my $left (4, 3, 2) {
        (shift @viewers)->close;
        $site->soon(sub { $bucket->in_use == $left }, "$left streams are left");
        is rejection(), 'the server is at its streaming limit', "no stream starts while $left are in use";
    }
    (shift @viewers)->close;
    $site->soon(sub { $bucket->in_use == 1 }, 'one stream is left');
    push @viewers, view();
    is $bucket->in_use, 2, 'a second stream starts below the limit of 2';

    vsctl('--stream', 10, '--per-client', 2);
    is rejection(), 'this client is at its streaming limit', 'a limit per client applies at once';
    my ($other) = $site->get($url, from => '127.0.0.9', headers => {Range => 'bytes=0-1'})->is(206, 'another client is below its limit');

    my ($supervisor) = $site->kill(KILL => 'fcgi-stream');
    $site->expect_log(qr/fcgi-stream died/, qr/connect\(\) to unix:\S+ failed|prematurely closed connection|(?:recv|writev)\(\) failed/,
        qr/FATAL:  connection to client lost/);
    $site->soon(sub { !Site::Processes::is_alive($supervisor) && $site->head($url)->status == 429 }, 'after a restart of the pool, the limits still apply');
    like +(vsctl())[1], qr/^stream +2 +10 .*^at most 2 streams per client$/ms, 'after the restart, the same limits are shown';
    vsctl('--per-client', 0);
    $site->head($url)->is(200, 'without a limit per client, a third stream starts');
    $_->close for @viewers;
    all_released();
};

subtest 'bad arguments are rejected' => sub {
    my @wrong = (['--stream'], ['--stream', 0], ['--stream', 100_001], ['--upload', 0], ['--per-client', -1], ['--per-user', 'x'], ['--x', 1], ['x']);
    for my $arguments (@wrong) {
        my ($status, $output) = vsctl(@$arguments);
        is $status, 2, "the arguments @$arguments are rejected with status 2";
        like $output, qr/^usage: vsctl/, "the arguments @$arguments print the usage";
    }
    like +(vsctl())[1], qr/^stream +0 +10 /m, 'no limit has changed';
    for my $arguments ([], ['coins'], ['tokens ']) {
        is +(Program->output('vsctl', $arguments))[0], 2, "vsctl @$arguments is rejected with status 2";
    }
    my ($status, $help) = Program->output('vsctl', ['--help']);
    is $status, 0, '--help succeeds';
    like $help, qr/^  tokens /m, '--help lists the command tokens';
    ($status, my $output) = Program->output('vsctl', ['tokens'], VS_RUN_DIR => '/nowhere');
    is $status, 1, 'without a running site, vsctl tokens fails with status 1';
    like $output, qr{^vsctl: no token bucket found in /nowhere: No such file}, 'the error names the run directory';
};

done_testing;
