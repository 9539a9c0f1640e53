# When the upload pool hangs, nginx rejects uploads after its timeout and reads no body that has not been
# admitted.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces
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
my $video = $ann->post('/api/videos', {title => 'A video'})->json->{id};
my $content = Site::Media::content('mp4', BODY);
my $upload = Tus->create($ann, $video, BODY);
my @WAYS = (
    ['a raw upload', 'POST',  "/stream/videos/$video", body => $content],
    ['a chunk',      'PATCH', $upload->url, Tus->chunk(0, $content)],
    ['a poster',     'PUT',   "/stream/videos/$video/poster", body => "\xff\xd8\xff\xe0" . 'x' x 1000],
);

# The bodies being received. (The file of the resumable upload is not one of them.)
sub incoming () { return grep { /^\d+$/ } map { s{.*/}{}r } glob "$site->{media}/incoming/*" }

$site->expect_log(qr/\[error\].*upstream timed out/);
my (undef, @workers) = $site->pids('fcgi-stream');
$site->kill(STOP => @workers);

for my $way (@WAYS) {
    my ($name, $method, $path, %options) = @$way;
    subtest "$name is rejected while the pool hangs" => sub {
        my %asked = (%options, headers => {%{$options{headers} // {}}, Expect => '100-continue'});
        my $begin = time;
        my $answer = $ann->request($method, $path, %asked, on => $site->connect, seconds => TIMEOUT);
        my $took = time - $begin;
        $answer->is(503, "$name returns 503")->problem('012')->header_is('Retry-After', 1);
        is $answer->sent, 0, 'no byte of the body is sent';
        cmp_ok $took, '<', TIMEOUT / 2, 'the response comes soon after the timeout of nginx';
        is Http2->rejection($http2, $ann->bytes($method, $path, %options)), '503 012', "$name over HTTP/2 returns 503, too";

        # The body of a client that does not wait for 100 Continue is not read either.
        my $connection = $ann->open($method, $path, %options);
        is_deeply [incoming()], [], 'a body that is sent at once is not stored';
        like $connection->answer($method, TIMEOUT), qr{^HTTP/1\.1 503 }, 'a client that sends the body at once gets 503, too';
        is_deeply [incoming()], [], 'no body is stored after the response';
        $connection->close;
    };
}

subtest 'uploads work again when the pool continues' => sub {
    $site->kill(CONT => @workers);
    $site->soon(sub { $ann->post("/stream/videos/$video", $content, on => $site->connect)->status == 201 }, 'an upload succeeds', TIMEOUT);
    $site->soon(sub { !$bucket->in_use('upload') && $site->sql('SELECT count(*) FROM uploads WHERE NOT resumable') == 0 },
        'the rejected uploads have left no token and no reservation', TIMEOUT);
    is_deeply [incoming()], [], 'the rejected uploads have left no body';
};

done_testing;
