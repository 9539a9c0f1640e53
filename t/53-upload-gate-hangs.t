# A pool that hangs: who wants to upload is told so in time, and until somebody has said yes no byte of a body is read.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Http2;
use Site;
use Site::Port;
use Time::HiRes qw(time);
use Tus;

use constant {
    NGINX_TIMEOUT => 3,     # seconds that nginx waits for the pool
    TIMEOUT       => 30,    # seconds that the test waits for an answer
    BODY          => 1024 * 1024,
};

my $http2 = Site::Port::free();
my $site = Site->start(VS_STREAM_TIMEOUT => NGINX_TIMEOUT . 's', VS_HTTP2_PORT => $http2);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $video = $ann->post('/api/videos', {title => 'A film'})->json->{id};
my $film = Site::Media::content('mp4', BODY);
my $upload = Tus->create($ann, $video, BODY);
my @WAYS = (
    ['a film',   'POST',  "/stream/videos/$video", body => $film],
    ['a piece',  'PATCH', $upload->url, Tus->chunk(0, $film)],
    ['a poster', 'PUT',   "/stream/videos/$video/poster", body => "\xff\xd8\xff\xe0" . 'x' x 1000],
);

# The bodies that there are; the upload in pieces has a file of its own.
sub incoming () { return grep { /^\d+$/ } map { s{.*/}{}r } glob "$site->{media}/incoming/*" }

$site->expect_log(qr/\[error\].*upstream timed out/);
my (undef, @workers) = $site->pids('fcgi-stream');
$site->kill(STOP => @workers);

for my $way (@WAYS) {
    my ($name, $method, $path, %options) = @$way;
    subtest $name => sub {
        my %asked = (%options, headers => {%{$options{headers} // {}}, Expect => '100-continue'});
        my $begin = time;
        my $answer = $ann->request($method, $path, %asked, on => $site->connect, seconds => TIMEOUT);
        my $took = time - $begin;
        $answer->is(503, 'is not taken')->problem('012')->header_is('Retry-After', 1);
        is $answer->sent, 0, 'no byte of it has been sent';
        cmp_ok $took, '<', TIMEOUT / 2, 'the client is told in time';
        is Http2->rejection($http2, $ann->bytes($method, $path, %options)), '503 012', 'over HTTP/2, too';

        # Who sends the body unasked is not read from either.
        my $connection = $ann->open($method, $path, %options);
        is_deeply [incoming()], [], 'a body that comes unasked is not stored';
        like $connection->answer($method, TIMEOUT), qr{^HTTP/1\.1 503 }, 'who sends it is told the same';
        is_deeply [incoming()], [], 'and nothing is stored then';
        $connection->close;
    };
}

subtest 'the pool goes on' => sub {
    $site->kill(CONT => @workers);
    $site->soon(sub { $ann->post("/stream/videos/$video", $film, on => $site->connect)->status == 201 }, 'films are taken again', TIMEOUT);
    $site->soon(sub { !$bucket->in_use('upload') && $site->sql('SELECT count(*) FROM uploads WHERE NOT resumable') == 0 },
        'those who did not wait have left no token out, and nothing set aside', TIMEOUT);
    is_deeply [incoming()], [], 'nor a body';
};

done_testing;
