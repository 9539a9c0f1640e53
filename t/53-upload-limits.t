# Per-user limits: VS_UPLOAD_TOKENS_PER_USER for concurrent uploads, VS_USER_UPLOADS for unfinished ones.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Http2;
use Parallel;
use Program;
use Site;
use Site::Port;
use Tus;

use constant {
    TOKENS  => 2,
    UPLOADS => 3,
};

my $http2 = Site::Port::free();
my $content = Site::Media::content('mp4', 100_000);
my $length = length $content;
my $poster = "\xff\xd8\xff\xe0" . 'x' x 1000;

sub add_video ($actor) { return $actor->post('/api/videos', {title => 'A video'})->json->{id} }

sub url ($actor) { return '/stream/videos/' . add_video($actor) }

# Starts an upload and sends all but its last byte.
sub begin ($actor) {
    my $upload = $actor->open('POST', url($actor), body => substr($content, 0, -1), headers => {'Content-Length' => $length});
    return $upload;
}

# The request is rejected with 429 and this detail, before its body is sent.
sub is_rejected ($actor, $method, $path, $detail, $name, %options) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $options{body} //= $content;
    my $headers = {Expect => '100-continue', %{$options{headers} // {}}};
    my $answer = $actor->request($method, $path, %options, headers => $headers, on => $actor->site->connect);
    $answer->is(429, "$name returns 429")->problem('011')->header_like('Retry-After', qr/^[1-9]\d*$/);
    is $answer->json->{detail}, $detail, "$name: the detail names the limit";
    is $answer->sent, 0, "$name: no byte of the body is sent";
    return is Http2->rejection($http2, $actor->bytes($method, $path, %options)), '429 011', "$name over HTTP/2 returns 429, too";
}

subtest 'VS_UPLOAD_TOKENS_PER_USER limits the concurrent uploads of a user' => sub {
    my $site = Site->start(VS_UPLOAD_TOKENS_PER_USER => TOKENS, VS_HTTP2_PORT => $http2);
    my $bucket = Bucket->new($site);
    my $in_use = sub ($count, $name) { $site->soon(sub { $bucket->in_use('upload') == $count }, $name) };
    my $why = 'this user is at the limit of simultaneous uploads';
    my ($home, $away) = map { $site->user('ann') } 1, 2;
    my $ben = $site->user('ben');
    my $resumable = Tus->create($home, add_video($home), $length);
    $in_use->(0, 'a resumable upload holds a token only while a chunk is being received');

    my @uploads = (begin($home), begin($away));
    $in_use->(TOKENS, 'two sessions of a user hold all tokens of the user');
    is_rejected($_, 'POST', url($_), $why, 'a raw upload') for $home, $away;
    is_rejected($home, 'PUT', url($home) . '/poster', $why, 'a poster', body => $poster);
    is_rejected($home, 'PATCH', $resumable->url, $why, 'a chunk', Tus->chunk(0, $content));
    is $bucket->in_use('upload'), TOKENS, 'a rejected upload takes no token';
    is $site->sql('SELECT count(*) FROM uploads'), TOKENS + 1, 'a rejected upload reserves nothing';
    my $other = begin($ben);
    $in_use->(TOKENS + 1, 'another user has their own tokens');
    my ($status, $shown) = Program->output('vsctl', ['tokens'], VS_STATE_DIR => $site->state_path(''));
    like $shown, qr/^at most ${\TOKENS} uploads per user$/m, 'vsctl shows the limit';
    like $shown, qr/^[0-9a-f]{16} +0 +${\TOKENS} /m, 'vsctl shows both sessions as one client';

    (shift @uploads)->close;
    $in_use->(TOKENS, 'the token of a client that disconnects is released');
    $resumable->patch(0, substr $content, 0, 1000)->is(204, 'a chunk gets the released token');
    $in_use->(TOKENS, 'the token of the chunk is released');
    my $chunk = $resumable->open(1000, substr($content, 1000, 1), $length - 1000);
    $in_use->(TOKENS + 1, 'a chunk in progress holds a token');
    is_rejected($home, 'PATCH', $resumable->url, $why, 'a second chunk of the same upload', Tus->chunk(1000, $content, 'Content-Length' => 10));
    Program->output('vsctl', ['tokens', '--per-user', 0], VS_STATE_DIR => $site->state_path(''));
    $home->post(url($home), $content)->is(201, 'without a limit an upload succeeds');
    $_->close for @uploads, $chunk, $other;
    $in_use->(0, 'all tokens are released');
    $site->stop;
};

subtest 'VS_USER_UPLOADS limits the unfinished uploads of a user' => sub {
    my $site = Site->start(VS_USER_UPLOADS => UPLOADS, VS_HTTP2_PORT => $http2);
    my $bucket = Bucket->new($site);
    my $why = 'too many unfinished uploads; finish or cancel one';
    my ($ann, $ben) = map { $site->user($_) } qw(ann ben);
    my @videos = map { add_video($ann) } 1 .. UPLOADS;
    my @uploads = map { Tus->create($ann, $_, $length) } @videos;
    my $at_limit = sub ($name) {
        is_rejected($ann, 'POST', url($ann), $why, "$name: a raw upload");
        is_rejected($ann, 'POST', url($ann), $why, "$name: a resumable upload", headers => {'Tus-Resumable' => '1.0.0',
            'Upload-Length' => $length, 'Content-Type' => Tus::CHUNK_TYPE});
        is_rejected($ann, 'PUT', url($ann) . '/poster', $why, "$name: a poster", body => $poster);
        $site->soon(sub { !$bucket->in_use('upload') }, "$name: the rejected uploads hold no token");
    };
    my $one_more = sub ($name) { push @uploads, Tus->create($ann, add_video($ann), $length); $at_limit->($name) };

    $at_limit->('at the limit');
    $ben->post(url($ben), $content)->is(201, 'another user has their own limit');
    $uploads[0]->patch(0, substr $content, 0, 1000)->is(204, 'an unfinished upload continues');
    $uploads[0]->patch(1000, substr $content, 1000)->is(204, 'an upload finishes');
    $one_more->('after one more upload replaced the finished one');
    $uploads[1]->delete->is(204, 'an upload is cancelled');
    $one_more->('after one more upload replaced the cancelled one');
    $ann->delete("/api/videos/$videos[2]")->is(204, 'the video of an upload is deleted');
    $one_more->('after one more upload replaced that of the deleted video');
    $site->sql("UPDATE uploads SET expires_at = now() WHERE id = '${\$uploads[-1]->id}'");
    $one_more->('after one more upload replaced the expired one');

    $_->delete for @uploads;
    my @at_once = map { my $url = url($ann); sub { $ann->post($url, '', headers => {'Tus-Resumable' => '1.0.0',
        'Upload-Length' => $length, 'Content-Length' => 0})->status } } 1 .. UPLOADS + 2;
    is join(' ', sort(Parallel::at_once(@at_once))), join(' ', (201) x UPLOADS, 429, 429), 'of several concurrent requests only as many as the limit succeed';
    $site->sql('DELETE FROM uploads');
    my @uploads_in_progress = map { begin($ann) } 1 .. UPLOADS;
    $site->soon(sub { $bucket->in_use('upload') == UPLOADS }, 'raw uploads are in progress');
    is $ann->post(url($ann), $content)->is(429)->json->{detail}, $why, 'raw uploads in progress count, too';
    $_->close for @uploads_in_progress;
    $site->soon(sub { $ann->post(url($ann), $content)->status == 201 }, 'uploads whose clients have disconnected do not count');
    $site->stop;
};

done_testing;
