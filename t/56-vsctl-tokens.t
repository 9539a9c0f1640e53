# vsctl tokens: what it shows of the bucket, and that limits change while the site runs.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use File::Temp ();
use Program;
use Site;
use Site::Processes;

use constant {
    LONG => 12 * 1024 * 1024,    # more than the kernel keeps for a client that doesn't read
    SLOW => 4096,
};

my $folder = File::Temp->newdir;
my $site = Site->start(VS_STREAM_TOKENS => 3);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $vid = $ann->post('/api/videos', {title => 'A film'})->json->{id};
$ann->upload($vid, Site::Media::path($folder, 'long.mp4', LONG))->is(201);
my $url = "/stream/videos/$vid";

sub vsctl (@arguments) { return Program->output('vsctl', ['tokens', @arguments], VS_STATE_DIR => $site->state_path('')) }

sub view ($actor = $site, %options) {
    my $viewer = $actor->open('GET', $url, buffer => SLOW, %options);
    $viewer->await(qr/\r\n\r\n/);
    return $viewer;
}

sub refusal () { return $site->get($url, headers => {Range => 'bytes=0-1'})->json->{detail} }

sub all_back () { return $site->soon(sub { !$bucket->in_use }, 'all tokens are back') }

subtest 'what it shows' => sub {
    my ($status, $output) = vsctl();
    is $status, 0, 'it is content';
    like $output, qr/^stream +0 +3 +0\.0$/m, 'no stream';
    like $output, qr/^upload +0 +64 +0\.0$/m, 'no upload';
    unlike $output, qr/client/, 'no client';

    my @viewers = (view(), view(), view($ann, from => '127.0.0.9'));
    (undef, $output) = vsctl();
    like $output, qr/^stream +3 +3 +\d+\.\d$/m, 'three streams';
    my ($first, $second, @more) = $output =~ /^[0-9a-f]{16} +(\d+ +\d+ +\d+\.\d  \S+)$/mg;
    like $first,  qr/^2 +0 .* 127\.0\.0\.1$/, 'the client with most of them first';
    like $second, qr/^1 +0 .* 127\.0\.0\.9$/, 'then the other';
    is_deeply \@more, [], 'and no more';
    $_->close for @viewers;
    all_back();
};

subtest 'limits that change' => sub {
    my @viewers = map { view() } 1 .. 3;
    is refusal(), 'as many videos are being sent as may be', 'three is all';
    my ($status, $output) = vsctl('--stream', 5);
    is $status, 0, 'it is raised';
    like $output, qr/^stream +3 +5 /m, 'which it shows';
    push @viewers, map { view() } 1 .. 2;
    is $bucket->in_use, 5, 'it holds at once, for all workers';
    is refusal(), 'as many videos are being sent as may be', 'five is all';

    vsctl('--stream', 2);
    is $bucket->in_use, 5, 'it is lowered: nobody loses what they have';
    for my $left (4, 3, 2) {
        (shift @viewers)->close;
        $site->soon(sub { $bucket->in_use == $left }, "$left are out");
        is refusal(), 'as many videos are being sent as may be', 'and no other gets one';
    }
    (shift @viewers)->close;
    $site->soon(sub { $bucket->in_use == 1 }, 'one is out');
    push @viewers, view();
    is $bucket->in_use, 2, 'and one more gets one';

    vsctl('--stream', 10, '--per-client', 2);
    is refusal(), 'this client has as many streams as one may have', 'a cap for each client holds at once, too';
    my ($other) = $site->get($url, from => '127.0.0.9', headers => {Range => 'bytes=0-1'})->is(206);

    my ($supervisor) = $site->kill(KILL => 'fcgi-stream');
    $site->expect_log(qr/fcgi-stream died/, qr/connect\(\) to unix:\S+ failed|prematurely closed connection|(?:recv|writev)\(\) failed/,
        qr/FATAL:  connection to client lost/);
    $site->soon(sub { !Site::Processes::is_alive($supervisor) && $site->head($url)->status == 429 }, 'a new pool has the limits');
    like +(vsctl())[1], qr/^stream +2 +10 .*^2 streams to one client$/ms, 'all of them';
    vsctl('--per-client', 0);
    $site->head($url)->is(200, 'no cap any more');
    $_->close for @viewers;
    all_back();
};

subtest 'what it refuses' => sub {
    my @wrong = (['--stream'], ['--stream', 0], ['--stream', 100_001], ['--upload', 0], ['--per-client', -1], ['--per-user', 'x'], ['--x', 1], ['x']);
    for my $arguments (@wrong) {
        my ($status, $output) = vsctl(@$arguments);
        is $status, 2, "@$arguments";
        like $output, qr/^usage: vsctl/, 'is not understood';
    }
    like +(vsctl())[1], qr/^stream +0 +10 /m, 'nothing has changed';
    for my $arguments ([], ['coins'], ['tokens ']) {
        is +(Program->output('vsctl', $arguments))[0], 2, "vsctl @$arguments";
    }
    my ($status, $help) = Program->output('vsctl', ['--help']);
    is $status, 0, '--help';
    like $help, qr/^  tokens /m, 'names it';
    ($status, my $output) = Program->output('vsctl', ['tokens'], VS_RUN_DIR => '/nowhere');
    is $status, 1, 'without a site';
    like $output, qr{^vsctl: there is no token bucket in /nowhere: No such file}, 'it says so';
};

done_testing;
