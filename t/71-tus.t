# Resumable uploads (tus 1.0): each piece is there or it isn't, what had arrived when a connection broke is not
# lost, and where an upload is can be asked at any time.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Http2;
use Parallel;
use Site;
use Site::Port;
use Time::Piece ();
use Tus;

use constant {
    MOST   => 2 * 1024 * 1024,
    TOKENS => 4,
};

my $http2 = Site::Port::free();
my $site = Site->start(VS_MAX_UPLOAD_BYTES => MOST, VS_UPLOAD_TOKENS => TOKENS, VS_HTTP2_PORT => $http2);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $ben = $site->user('ben');
my $film = Site::Media::content('mp4', 1_000_000);
my $length = length $film;
my $NONE = '00000000-0000-4000-8000-000000000000';

sub add ($author = $ann) { return $author->post('/api/videos', {title => 'A film'})->json->{id} }

sub incoming () { return map { s{.*/}{}r } glob "$site->{media}/incoming/*" }

sub is_stored ($video, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->get("/stream/videos/$video")->body_is($film, "$name: the video is what was uploaded");
}

sub nothing_left ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub { !incoming() && !$bucket->in_use('upload') }, "$name: no body and no token is left");
}

subtest 'what is supported' => sub {
    for my $path ('/stream/videos/1', "/stream/uploads/$NONE") {
        my $answer = $site->request('OPTIONS', $path)->is(204);
        my %wanted = (
            'Tus-Resumable'          => '1.0.0',
            'Tus-Version'            => '1.0.0',
            'Tus-Extension'          => 'creation,creation-with-upload,expiration,checksum,termination',
            'Tus-Checksum-Algorithm' => 'sha1,sha256',
            'Tus-Max-Size'           => MOST,
        );
        for my $name (sort keys %wanted) {
            is_deeply [$answer->header($name)], [$wanted{$name}], $name;
        }
    }
    $site->request('OPTIONS', "/stream/uploads/$NONE")->header_is('Allow', 'OPTIONS, PATCH, GET, HEAD, DELETE');
    $site->request('OPTIONS', '/stream/videos/1')->header_is('Allow', 'OPTIONS, GET, HEAD, POST');
};

subtest 'what the client says of it' => sub {
    my $video = add();
    my $longest = 'filename ' . 'a' x 3060 . ',x';
    is length $longest, 3071, 'at most 3 KiB';
    my $upload = Tus->create($ann, $video, $length, 'Upload-Metadata' => "${longest}y");
    $upload->head->is(200)->header_is('Upload-Metadata', "${longest}y", 'comes back');
    $upload->delete->is(204);
    Tus->request_upload($ann, $video, $length, 'Upload-Metadata' => "${longest}yz")->is(400, 'more does not come in')->problem('001');
};

subtest 'in pieces' => sub {
    my $video = add();
    my $answer = Tus->request_upload($ann, $video, $length, 'Upload-Metadata' => 'filename YS5tcDQ=,private')
        ->is(201)->header_is('Tus-Resumable', '1.0.0')->header_is('Upload-Offset', '0')
        ->header_like('Upload-Expires', qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
        ->header_like('Location', qr{^/stream/uploads/[0-9a-f-]{36}$});
    my $upload = Tus->at($ann, scalar $answer->header('Location'));
    $upload->head->is(200)->header_is('Upload-Offset', '0')->header_is('Upload-Length', $length)
        ->header_is('Upload-Metadata', 'filename YS5tcDQ=,private')->header_is('Cache-Control', 'no-store');
    my $at = 0;
    for my $size (1, 100, 65_536, 1, 500_000, 0) {
        $upload->patch($at, substr $film, $at, $size)->is(204, "$size bytes")->header_is('Upload-Offset', $at + $size)
            ->header_is('Tus-Resumable', '1.0.0')->header_like('Upload-Expires', qr/GMT$/);
        $at += $size;
        is $upload->offset, $at, 'are there';
    }
    is $site->get("/api/videos/$video")->json->{state}, 'created', 'the video has no file yet';
    $upload->patch($at, substr $film, $at)->is(204, 'the rest')->header_is('Upload-Offset', $length);
    is_stored($video, 'in pieces');
    for my $time (1, 2) {
        $upload->head->is(200)->header_is('Upload-Offset', $length, 'it stays finished')->header_is('Upload-Expires', undef);
        $upload->patch($length, '')->is(204, 'and can be finished again')->header_is('Upload-Offset', $length);
    }
    $upload->patch(0, 'x')->is(409, 'but nothing can be added');
    $upload->delete->is(204, 'it can be forgotten');
    is_stored($video, 'which the video is not');
    nothing_left('in pieces');
};

subtest 'in one go' => sub {
    my $video = add();
    my $create = sub ($body, %headers) {
        return $ann->post("/stream/videos/$video", $body, headers => {'Tus-Resumable' => '1.0.0',
            'Upload-Length' => $length, 'Content-Type' => Tus::CHUNK_TYPE, %headers});
    };
    $create->($film)->is(201)->header_is('Upload-Offset', $length);
    is_stored($video, 'in one go');
    $video = add();
    my $answer = $create->(substr $film, 0, 1000)->is(201, 'or the first piece')->header_is('Upload-Offset', 1000);
    my $upload = Tus->at($ann, scalar $answer->header('Location'));
    $upload->patch(1000, substr $film, 1000)->is(204, 'and the rest');
    is_stored($video, 'in two pieces');
    $create->('x' x $length)->is(415, 'what is no video')->problem('010');
    $create->("$film.")->is(413, 'what is longer than it should be')->problem('002');
    $create->($film, 'Content-Type' => 'video/mp4')->is(415, 'another type')->problem('010');
    is_stored($video, 'after all of these');
    nothing_left('in one go');
};

subtest 'creations that are refused' => sub {
    my $video = add();
    my $other = add($ben);
    my @cases = (
        ['nobody',             401, '003', $site, $video],
        ["another's video",    403, '006', $ann, $other],
        ['no such video',      404, '007', $ann, 999_999],
        ['another version',    412, '008', $ann, $video, 'Tus-Resumable' => '0.2.2'],
        ['no length',          400, '001', $ann, $video, 'Upload-Length' => undef],
        ['length later',       400, '001', $ann, $video, 'Upload-Length' => undef, 'Upload-Defer-Length' => 1],
        ['no bytes',           400, '001', $ann, $video, 'Upload-Length' => 0],
        ['a bad length',       400, '001', $ann, $video, 'Upload-Length' => '-1'],
        ['a long length',      400, '001', $ann, $video, 'Upload-Length' => '9' x 30],
        ['too large',          413, '002', $ann, $video, 'Upload-Length' => MOST + 1],
        ['a long body',        413, '002', $ann, $video, 'Upload-Length' => 10],
        ['bad metadata',       400, '001', $ann, $video, 'Upload-Metadata' => 'a b c'],
        ['another type',       415, '010', $ann, $video, 'Content-Type' => 'video/mp4'],
        ['a checksum of none', 400, '001', $ann, $video, 'Upload-Checksum' => 'md5 AAAA'],
    );
    for my $case (@cases) {
        my ($name, $status, $code, $actor, $id, %headers) = @$case;
        my %asked = (headers => {'Tus-Resumable' => '1.0.0', 'Upload-Length' => $length,
            'Content-Type' => Tus::CHUNK_TYPE, Expect => '100-continue', %headers});
        my $answer = $actor->post("/stream/videos/$id", $film, on => $site->connect, %asked);
        $answer->is($status, "$name: $status")->problem($code)->header_is('Tus-Resumable', '1.0.0');
        is $answer->sent, 0, 'no byte of the body has been sent';
        is Http2->rejection($http2, $actor->bytes('POST', "/stream/videos/$id", body => $film, %asked)), "$status $code",
            'nor is it over HTTP/2';
        $answer->header_is('Tus-Version', '1.0.0') if $status == 412;
    }
    is $site->sql('SELECT count(*) FROM uploads WHERE finished_at IS NULL'), 0, 'nothing is set aside';
    nothing_left('creations that are refused');
};

subtest 'pieces that are refused' => sub {
    my $upload = Tus->create($ann, add(), $length);
    $upload->patch(0, substr $film, 0, 1000)->is(204);
    my $rest = substr $film, 1000;
    my @cases = (
        ['nobody',             401, '003', $site],
        ['another user',       403, '006', $ben],
        ['no such upload',     404, '007', $ann, url => "/stream/uploads/$NONE"],
        ['no id',              400, '001', $ann, url => '/stream/uploads/x'],
        ['another version',    412, '008', $ann, 'Tus-Resumable' => '2.0.0'],
        ['no version',         412, '008', $ann, 'Tus-Resumable' => undef],
        ['another type',       415, '010', $ann, 'Content-Type' => 'video/mp4'],
        ['no offset',          400, '001', $ann, 'Upload-Offset' => undef],
        ['a bad offset',       400, '001', $ann, 'Upload-Offset' => '-1'],
        ['an earlier offset',  409, '008', $ann, 'Upload-Offset' => 999],
        ['a later offset',     409, '008', $ann, 'Upload-Offset' => 1001],
        ['a checksum of none', 400, '001', $ann, 'Upload-Checksum' => 'md5 AAAA'],
        ['too long',           413, '002', $ann, 'Content-Length' => 1 + length $rest],
        ['much too long',      413, '002', $ann, 'Content-Length' => 1 << 50],
    );
    $site->expect_log(qr/\[error\].*client intended to send too large/);
    for my $case (@cases) {
        my ($name, $status, $code, $actor, %headers) = @$case;
        my $url = delete $headers{url} // $upload->url;
        my %asked = Tus->chunk(1000, $rest, Expect => '100-continue', %headers);
        my $answer = $actor->request('PATCH', $url, on => $site->connect, %asked);
        $answer->is($status, "$name: $status")->problem($code);
        is $answer->sent, 0, 'no byte of the body has been sent';
        is Http2->rejection($http2, $actor->bytes('PATCH', $url, %asked)), "$status $code", 'nor is it over HTTP/2';
    }
    is $upload->offset, 1000, 'the upload is where it was';
    $ben->head($upload->url, headers => {'Tus-Resumable' => '1.0.0'})->is(403, 'another user may not see it');
    $ben->delete($upload->url, headers => {'Tus-Resumable' => '1.0.0'})->is(403, 'nor remove it');
    $site->head($upload->url, headers => {'Tus-Resumable' => '1.0.0'})->is(401, 'nor may nobody');

    my @others = map { Tus->create($ann, add(), $length) } 1 .. TOKENS;
    my @pieces = map { $_->open(0, 'x', $length) } @others;
    $site->soon(sub { $bucket->in_use('upload') == TOKENS }, 'all tokens are out');
    $upload->patch(1000, 'x')->is(429, 'then there is none for it');
    $_->close for @pieces;
    $site->soon(sub { $bucket->in_use('upload') == 0 }, 'they are back');
    $upload->patch(1000, $rest)->is(204, 'now there is one');
    $_->delete->is(204) for @others;
    nothing_left('pieces that are refused');
};

subtest 'checksums' => sub {
    my $video = add();
    my $upload = Tus->create($ann, $video, $length);
    my ($first, $second) = (substr($film, 0, 300_000), substr $film, 300_000);
    $upload->patch(0, $first, 'Upload-Checksum' => Tus::sha1($second))->is(460, 'a wrong one')->problem('001');
    is $upload->offset, 0, 'nothing is added';
    $upload->patch(0, $first, 'Upload-Checksum' => Tus::sha1($first))->is(204, 'a SHA-1');
    $upload->patch(300_000, $second, 'Upload-Checksum' => Tus::sha256($first))->is(460, 'another wrong one');
    is $upload->offset, 300_000, 'nothing is added';
    my $piece = $upload->open(300_000, substr($second, 0, 200_000), length $second, 'Upload-Checksum' => Tus::sha256($second));
    $site->soon(sub { 1 < incoming() }, 'a piece with a checksum is on its way');
    $piece->close;
    $site->soon(sub { 1 == incoming() }, 'its client goes, and so does it, since it cannot be checked');
    is $upload->offset, 300_000, 'nothing is added';
    $upload->patch(300_000, $second, 'Upload-Checksum' => Tus::sha256($second))->is(204, 'a SHA-256');
    is_stored($video, 'checksums');
    nothing_left('checksums');
};

# Sends a piece of all that is left and cuts the connection after some of it. Returns how far the upload is then.
sub cut ($upload, $at, $count, $end) {
    my $piece = $upload->open($at, substr($film, $at, $count), $length - $at);
    $site->soon(sub { grep { -s "$site->{media}/incoming/$_" } grep { /^\d+$/ } incoming() }, 'some of it has arrived');
    $piece->$end;
    $site->soon(sub { $upload->offset > $at }, 'its connection breaks, and what has arrived is not lost');
    return $upload->offset;
}

subtest 'connections that break' => sub {
    my $video = add();
    my $upload = Tus->create($ann, $video, $length);
    my $at = 0;
    for my $end (qw(close reset close reset)) {
        my $to = cut($upload, $at, 200_000, $end);
        cmp_ok $to, '<=', $at + 200_000, 'nor is more there than was sent';
        $at = $to;
    }
    $upload->patch($at, substr $film, $at)->is(204, 'the rest');
    is_stored($video, 'connections that break');
    nothing_left('connections that break');

    $video = add();
    $upload = Tus->create($ann, $video, $length);
    my $piece = $upload->open(0, substr($film, 0, 300_000), $length);
    $site->soon(sub { grep { -s "$site->{media}/incoming/$_" } incoming() }, 'a piece is on its way');
    $upload->patch(0, substr $film, 0, 1000)->is(204, 'another one overtakes it');
    $piece->close;
    $site->soon(sub { 1 == incoming() && !$bucket->in_use('upload') }, 'then it is no use');
    is $upload->offset, 1000, 'the upload is where the other one has brought it';
    $upload->patch(1000, substr $film, 1000)->is(204, 'the rest');
    is_stored($video, 'overtaken');
};

subtest 'two at one place' => sub {
    for my $round (1 .. 8) {
        my $video = add();
        my $upload = Tus->create($ann, $video, $length);
        my $half = $length / 2;
        for my $at (0, $half) {
            my @statuses = Parallel::at_once(map { sub { $upload->patch($at, substr $film, $at, $half)->status } } 1, 2);
            is "@{[sort @statuses]}", '204 409', 'one wins, the other is told';
        }
        is_stored($video, 'two at one place');
    }
    nothing_left('two at one place');
};

# While the request that ends it waits, another one has ended it, and after that a film has come that took its place.
subtest 'ended twice, and replaced in between' => sub {
    my $video = add();
    my $other = Site::Media::content('webm');
    $ann->post("/stream/videos/$video", $other)->is(201);
    my $upload = Tus->create($ann, $video, $length);
    $upload->patch(0, substr $film, 0, -1)->is(204);
    my $lock = $site->transaction("SELECT FROM videos WHERE id = $video FOR UPDATE");
    my $end = $upload->open($length - 1, substr($film, -1), 1);
    $site->soon(sub { $site->waiting('video_stream') }, 'it is about to be published');
    $lock->do("UPDATE uploads SET finished_at = now() WHERE id = '${\$upload->id}'");
    $lock->do("INSERT INTO video_deletions (video_id, media_key) VALUES ($video, '${\$upload->id}')");
    $lock->commit;
    like $end->answer('PATCH'), qr{^HTTP/1\.1 404 }, 'it is not, for the second time';
    $end->close;
    $site->soon(sub { !$site->sql('SELECT count(*) FROM video_deletions') }, 'its file goes');
    $site->get("/stream/videos/$video")->is(200)->body_is($other, 'and the film that came last stays');
    is $site->media_files, scalar $site->sql('SELECT count(*) FROM videos WHERE media_key IS NOT NULL'), 'no file is left';
    nothing_left('ended twice');
};

subtest 'what is no video' => sub {
    my $video = add();
    my $upload = Tus->create($ann, $video, 1000);
    $upload->patch(0, 'x' x 999)->is(204, 'is noticed');
    $upload->patch(999, 'x')->is(415, 'once it is whole')->problem('010');
    $upload->head->is(404, 'then the upload is gone');
    is $site->get("/api/videos/$video")->json->{state}, 'created', 'and the video has no file';
    nothing_left('what is no video');
};

subtest 'the end of an upload' => sub {
    my $video = add();
    my $upload = Tus->create($ann, $video, $length);
    $upload->patch(0, substr $film, 0, 1000)->is(204);
    $upload->delete->is(204, 'its user ends it');
    $upload->head->is(404);
    $upload->patch(1000, 'x')->is(404);
    $upload->delete->is(404);
    nothing_left('its user ends it');

    $upload = Tus->create($ann, $video, $length);
    my $piece = $upload->open(0, substr($film, 0, -1), $length);
    $site->soon(sub { incoming() }, 'a piece is on its way');
    $ann->delete("/api/videos/$video")->is(204, 'the video goes');
    $piece->send(substr $film, -1);
    like $piece->answer('PATCH'), qr{^HTTP/1\.1 404 }, 'and so does the upload';
    $upload->head->is(404);
    nothing_left('the video goes');
};

subtest 'methods in a header' => sub {
    my $video = add();
    my $upload = Tus->create($ann, $video, $length);
    my %piece = Tus->chunk(0, $film, 'X-HTTP-Method-Override' => 'PATCH');
    $ann->request('POST', $upload->url, %piece)->is(204, 'a piece');
    is_stored($video, 'methods in a header');
    $ann->post($upload->url, '', headers => {'Tus-Resumable' => '1.0.0', 'X-HTTP-Method-Override' => 'DELETE'})->is(204, 'an end');
    $upload->head->is(404);
    $ann->post($upload->url, '', headers => {'Tus-Resumable' => '1.0.0', 'X-HTTP-Method-Override' => 'GATE'})->is(405, 'no other');
    for my $override ('DELETE', 'DELETE /stream/uploads/', "|DELETE", "DELETE /stream/uploads/x|DELETE") {
        $ann->post("/api/videos/$video", '', headers => {'X-HTTP-Method-Override' => $override})->is(405, "nor elsewhere: $override");
    }
};

$site->stop;

subtest 'uploads that nobody goes on with' => sub {
    $site = Site->start(VS_UPLOAD_TTL => '2h', VS_USER_QUOTA_BYTES => 2 * $length);
    $ann = $site->user('ann');
    my @videos = map { add() } 1 .. 3;
    my @uploads = map { Tus->create($ann, $_, $length) } @videos[0, 1];
    my $left = sub ($upload) {
        return $site->sql("SELECT extract(epoch FROM expires_at - now()) FROM uploads WHERE id = '${\$upload->id}'");
    };
    my $expires = Time::Piece->strptime(scalar $uploads[0]->head->header('Upload-Expires'), '%a, %d %b %Y %H:%M:%S GMT');
    cmp_ok abs($expires->epoch - time - $left->($uploads[0])), '<', 10, 'the client is told when they will be gone';
    cmp_ok $left->($_), '>', 7000, 'which is not soon' for @uploads;
    Tus->request_upload($ann, $videos[2], $length)->is(507, 'what is being uploaded counts')->problem('013');

    $site->sql("UPDATE uploads SET expires_at = now() + interval '1 minute'");
    $uploads[0]->patch(0, substr $film, 0, 1000)->is(204, 'a piece');
    cmp_ok $left->($uploads[0]), '>', 7000, 'puts it off';
    cmp_ok $left->($uploads[1]), '<', 61, 'for that upload alone';

    $site->sql('UPDATE uploads SET expires_at = now()');
    $_->head->is(404, 'then it is gone') for @uploads;
    $uploads[0]->patch(1000, substr $film, 1000)->is(404, 'for good');
    is_deeply [incoming()], [], 'with all its bytes';
    Tus->request_upload($ann, $videos[2], $length)->is(201, 'and what was set aside is free');
    $site->stop;
};

done_testing;
