# What one user may have of the uploads: so many tokens at one time, and so many uploads that have begun and not ended.

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
my $film = Site::Media::content('mp4', 100_000);
my $length = length $film;
my $poster = "\xff\xd8\xff\xe0" . 'x' x 1000;

sub add ($actor) { return $actor->post('/api/videos', {title => 'A film'})->json->{id} }

sub url ($actor) { return '/stream/videos/' . add($actor) }

# An upload of which all but the last byte has been sent.
sub begin ($actor) {
    my $upload = $actor->open('POST', url($actor), body => substr($film, 0, -1), headers => {'Content-Length' => $length});
    return $upload;
}

# A request with a body is refused with 429 for that reason, and no byte of the body is read.
sub refused ($actor, $method, $path, $detail, $name, %options) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $options{body} //= $film;
    my $headers = {Expect => '100-continue', %{$options{headers} // {}}};
    my $answer = $actor->request($method, $path, %options, headers => $headers, on => $actor->site->connect);
    $answer->is(429, "$name: no")->problem('011')->header_like('Retry-After', qr/^[1-9]\d*$/);
    is $answer->json->{detail}, $detail, 'it says why';
    is $answer->sent, 0, 'no byte of the body has been sent';
    return is Http2->rejection($http2, $actor->bytes($method, $path, %options)), '429 011', 'nor is it over HTTP/2';
}

subtest 'tokens of a user' => sub {
    my $site = Site->start(VS_UPLOAD_TOKENS_PER_USER => TOKENS, VS_HTTP2_PORT => $http2);
    my $bucket = Bucket->new($site);
    my $in_use = sub ($count, $name) { $site->soon(sub { $bucket->in_use('upload') == $count }, $name) };
    my $why = 'as many uploads of this user are being received as may be';
    my ($home, $away) = map { $site->user('ann') } 1, 2;
    my $ben = $site->user('ben');
    my $resumable = Tus->create($home, add($home), $length);
    $in_use->(0, 'an upload in pieces has a token only while a piece comes');

    my @uploads = (begin($home), begin($away));
    $in_use->(TOKENS, 'a user uploads as much as one may, in two sessions');
    refused($_, 'POST', url($_), $why, 'a film') for $home, $away;
    refused($home, 'PUT', url($home) . '/poster', $why, 'a poster', body => $poster);
    refused($home, 'PATCH', $resumable->url, $why, 'a piece', Tus->chunk(0, $film));
    is $bucket->in_use('upload'), TOKENS, 'a refusal takes nothing';
    is $site->sql('SELECT count(*) FROM uploads'), TOKENS + 1, 'nor sets it anything aside';
    my $other = begin($ben);
    $in_use->(TOKENS + 1, 'another user has tokens of their own');
    my ($status, $shown) = Program->output('vsctl', ['tokens'], VS_STATE_DIR => $site->state_path(''));
    like $shown, qr/^${\TOKENS} uploads from one user$/m, 'vsctl shows the cap';
    like $shown, qr/^[0-9a-f]{16} +0 +${\TOKENS} /m, 'and that both sessions are one client';

    (shift @uploads)->close;
    $in_use->(TOKENS, 'one comes back');
    $resumable->patch(0, substr $film, 0, 1000)->is(204, 'and can be had again');
    $in_use->(TOKENS, 'it is back');
    my $piece = $resumable->open(1000, substr($film, 1000, 1), $length - 1000);
    $in_use->(TOKENS + 1, 'a piece that takes its time has one');
    refused($home, 'PATCH', $resumable->url, $why, 'one more piece of the same', Tus->chunk(1000, $film, 'Content-Length' => 10));
    Program->output('vsctl', ['tokens', '--per-user', 0], VS_STATE_DIR => $site->state_path(''));
    $home->post(url($home), $film)->is(201, 'without a cap there is one');
    $_->close for @uploads, $piece, $other;
    $in_use->(0, 'all are back');
    $site->stop;
};

subtest 'uploads of a user' => sub {
    my $site = Site->start(VS_USER_UPLOADS => UPLOADS, VS_HTTP2_PORT => $http2);
    my $bucket = Bucket->new($site);
    my $why = 'the user has begun as many uploads as one may without ending any';
    my ($ann, $ben) = map { $site->user($_) } qw(ann ben);
    my @videos = map { add($ann) } 1 .. UPLOADS;
    my @uploads = map { Tus->create($ann, $_, $length) } @videos;
    my $full = sub ($name) {
        refused($ann, 'POST', url($ann), $why, "$name, a film");
        refused($ann, 'POST', url($ann), $why, "$name, one in pieces", headers => {'Tus-Resumable' => '1.0.0',
            'Upload-Length' => $length, 'Content-Type' => Tus::CHUNK_TYPE});
        refused($ann, 'PUT', url($ann) . '/poster', $why, "$name, a poster", body => $poster);
        $site->soon(sub { !$bucket->in_use('upload') }, 'a refusal takes no token');
    };
    my $one_more = sub ($name) { push @uploads, Tus->create($ann, add($ann), $length); $full->($name) };

    $full->('as many as may be');
    $ben->post(url($ben), $film)->is(201, 'another user has uploads of their own');
    $uploads[0]->patch(0, substr $film, 0, 1000)->is(204, 'those that have begun go on');
    $uploads[0]->patch(1000, substr $film, 1000)->is(204, 'one has finished');
    $one_more->('once that has finished');
    $uploads[1]->delete->is(204, 'one is given up');
    $one_more->('once that is given up');
    $ann->delete("/api/videos/$videos[2]")->is(204, 'the video of one is deleted');
    $one_more->('once that is deleted');
    $site->sql("UPDATE uploads SET expires_at = now() WHERE id = '${\$uploads[-1]->id}'");
    $one_more->('once one has expired');

    $_->delete for @uploads;
    my @at_once = map { my $url = url($ann); sub { $ann->post($url, '', headers => {'Tus-Resumable' => '1.0.0',
        'Upload-Length' => $length, 'Content-Length' => 0})->status } } 1 .. UPLOADS + 2;
    is join(' ', sort(Parallel::at_once(@at_once))), join(' ', (201) x UPLOADS, 429, 429), 'several at once get no more';
    $site->sql('DELETE FROM uploads');
    my @films = map { begin($ann) } 1 .. UPLOADS;
    $site->soon(sub { $bucket->in_use('upload') == UPLOADS }, 'films are on their way');
    is $ann->post(url($ann), $film)->is(429)->json->{detail}, $why, 'they count, too';
    $_->close for @films;
    $site->soon(sub { $ann->post(url($ann), $film)->status == 201 }, 'but not any more when their clients have gone');
    $site->stop;
};

done_testing;
