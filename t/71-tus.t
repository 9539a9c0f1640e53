# Resumable uploads (tus 1.0): bytes received before a connection breaks are kept, a chunk with a wrong
# checksum is discarded, and a client can request the current offset at any time.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces
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
    SIZE_MAX => 2 * 1024 * 1024,
    TOKENS   => 4,
};

my $http2 = Site::Port::free();
my $site = Site->start(VS_MAX_UPLOAD_BYTES => SIZE_MAX, VS_UPLOAD_TOKENS => TOKENS, VS_HTTP2_PORT => $http2);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $ben = $site->user('ben');
my $content = Site::Media::content('mp4', 1_000_000);
my $length = length $content;
my $UNKNOWN_ID = '00000000-0000-4000-8000-000000000000';

sub add_video ($author = $ann) { return $author->post('/api/videos', {title => 'A video'})->json->{id} }

sub incoming () { return map { s{.*/}{}r } glob "$site->{media}/incoming/*" }

sub is_stored ($video, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->get("/stream/videos/$video")->body_is($content, "$name: the stored video equals the uploaded one");
}

sub nothing_left ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub { !incoming() && !$bucket->in_use('upload') }, "$name: no incoming file and no token is left");
}

subtest 'OPTIONS lists the supported version, extensions and methods' => sub {
    for my $path ('/stream/videos/1', "/stream/uploads/$UNKNOWN_ID") {
        my $answer = $site->request('OPTIONS', $path)->is(204);
        my %wanted = (
            'Tus-Resumable'          => '1.0.0',
            'Tus-Version'            => '1.0.0',
            'Tus-Extension'          => 'creation,creation-with-upload,expiration,checksum,termination',
            'Tus-Checksum-Algorithm' => 'sha1,sha256',
            'Tus-Max-Size'           => SIZE_MAX,
        );
        for my $name (sort keys %wanted) {
            is_deeply [$answer->header($name)], [$wanted{$name}], "OPTIONS $path returns $name";
        }
    }
    $site->request('OPTIONS', "/stream/uploads/$UNKNOWN_ID")->header_is('Allow', 'OPTIONS, PATCH, GET, HEAD, DELETE');
    $site->request('OPTIONS', '/stream/videos/1')->header_is('Allow', 'OPTIONS, GET, HEAD, POST');
};

subtest 'Upload-Metadata of up to 3 KiB is stored' => sub {
    my $video = add_video();
    my $longest = 'filename ' . 'a' x 3060 . ',x';
    is length $longest, 3071, 'the metadata has 3071 bytes';
    my $upload = Tus->create($ann, $video, $length, 'Upload-Metadata' => "${longest}y");
    $upload->head->is(200)->header_is('Upload-Metadata', "${longest}y", 'HEAD returns metadata of 3 KiB');
    $upload->delete->is(204);
    Tus->request_upload($ann, $video, $length, 'Upload-Metadata' => "${longest}yz")->is(400, 'longer metadata returns 400')->problem('001');
};

subtest 'an upload in chunks becomes the video when the last byte has arrived' => sub {
    my $video = add_video();
    my $answer = Tus->request_upload($ann, $video, $length, 'Upload-Metadata' => 'filename YS5tcDQ=,private')
        ->is(201)->header_is('Tus-Resumable', '1.0.0')->header_is('Upload-Offset', '0')
        ->header_like('Upload-Expires', qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
        ->header_like('Location', qr{^/stream/uploads/[0-9a-f-]{36}$});
    my $upload = Tus->at($ann, scalar $answer->header('Location'));
    $upload->head->is(200)->header_is('Upload-Offset', '0')->header_is('Upload-Length', $length)
        ->header_is('Upload-Metadata', 'filename YS5tcDQ=,private')->header_is('Cache-Control', 'no-store');
    my $at = 0;
    for my $size (1, 100, 65_536, 1, 500_000, 0) {
        $upload->patch($at, substr $content, $at, $size)->is(204, "a chunk of $size bytes is accepted")->header_is('Upload-Offset', $at + $size)
            ->header_is('Tus-Resumable', '1.0.0')->header_like('Upload-Expires', qr/GMT$/);
        $at += $size;
        is $upload->offset, $at, 'HEAD returns the offset after the chunk';
    }
    is $site->get("/api/videos/$video")->json->{state}, 'created', 'the video has no file before the upload is complete';
    $upload->patch($at, substr $content, $at)->is(204, 'the last chunk is accepted')->header_is('Upload-Offset', $length);
    is_stored($video, 'upload in chunks');
    for my $time (1, 2) {
        $upload->head->is(200)->header_is('Upload-Offset', $length, 'a finished upload keeps its offset')->header_is('Upload-Expires', undef);
        $upload->patch($length, '')->is(204, 'an empty chunk at the end is accepted again')->header_is('Upload-Offset', $length);
    }
    $upload->patch(0, 'x')->is(409, 'a chunk at offset 0 of a finished upload returns 409');
    $upload->delete->is(204, 'a finished upload can be deleted');
    is_stored($video, 'after the deletion of the upload');
    nothing_left('upload in chunks');
};

subtest 'a creation request may carry the content (creation-with-upload)' => sub {
    my $video = add_video();
    my $create = sub ($body, %headers) {
        return $ann->post("/stream/videos/$video", $body, headers => {'Tus-Resumable' => '1.0.0',
            'Upload-Length' => $length, 'Content-Type' => Tus::CHUNK_TYPE, %headers});
    };
    $create->($content)->is(201)->header_is('Upload-Offset', $length);
    is_stored($video, 'upload in the creation request');
    $video = add_video();
    my $answer = $create->(substr $content, 0, 1000)->is(201, 'a creation with only the first chunk is accepted')->header_is('Upload-Offset', 1000);
    my $upload = Tus->at($ann, scalar $answer->header('Location'));
    $upload->patch(1000, substr $content, 1000)->is(204, 'the remaining chunk is accepted');
    is_stored($video, 'first chunk in the creation request');
    $create->('x' x $length)->is(415, 'content that is not a video returns 415')->problem('010');
    $create->("$content.")->is(413, 'content longer than Upload-Length returns 413')->problem('002');
    $create->($content, 'Content-Type' => 'video/mp4')->is(415, 'a wrong Content-Type returns 415')->problem('010');
    is_stored($video, 'after the rejected requests');
    nothing_left('uploads in the creation request');
};

subtest 'invalid creation requests are rejected before the body is sent' => sub {
    my $video = add_video();
    my $other = add_video($ben);
    my @cases = (
        ['a request without a session',        401, '003', $site, $video],
        ["another user's video",               403, '006', $ann, $other],
        ['an unknown video',                   404, '007', $ann, 999_999],
        ['an unsupported tus version',         412, '008', $ann, $video, 'Tus-Resumable' => '0.2.2'],
        ['a missing Upload-Length',            400, '001', $ann, $video, 'Upload-Length' => undef],
        ['Upload-Defer-Length',                400, '001', $ann, $video, 'Upload-Length' => undef, 'Upload-Defer-Length' => 1],
        ['an Upload-Length of 0',              400, '001', $ann, $video, 'Upload-Length' => 0],
        ['a negative Upload-Length',           400, '001', $ann, $video, 'Upload-Length' => '-1'],
        ['an Upload-Length of 30 digits',      400, '001', $ann, $video, 'Upload-Length' => '9' x 30],
        ['an Upload-Length above the maximum', 413, '002', $ann, $video, 'Upload-Length' => SIZE_MAX + 1],
        ['a body longer than Upload-Length',   413, '002', $ann, $video, 'Upload-Length' => 10],
        ['malformed metadata',                 400, '001', $ann, $video, 'Upload-Metadata' => 'a b c'],
        ['a wrong Content-Type',               415, '010', $ann, $video, 'Content-Type' => 'video/mp4'],
        ['an unsupported checksum algorithm',  400, '001', $ann, $video, 'Upload-Checksum' => 'md5 AAAA'],
    );
    for my $case (@cases) {
        my ($name, $status, $code, $actor, $id, %headers) = @$case;
        my %options = (headers => {'Tus-Resumable' => '1.0.0', 'Upload-Length' => $length,
            'Content-Type' => Tus::CHUNK_TYPE, Expect => '100-continue', %headers});
        my $answer = $actor->post("/stream/videos/$id", $content, on => $site->connect, %options);
        $answer->is($status, "$name returns $status")->problem($code)->header_is('Tus-Resumable', '1.0.0');
        is $answer->sent, 0, "$name: no byte of the body is sent";
        is Http2->rejection($http2, $actor->bytes('POST', "/stream/videos/$id", body => $content, %options)), "$status $code",
            "$name over HTTP/2 returns $status, too";
        $answer->header_is('Tus-Version', '1.0.0') if $status == 412;
    }
    is $site->sql('SELECT count(*) FROM uploads WHERE finished_at IS NULL'), 0, 'no unfinished upload is left';
    nothing_left('rejected creations');
};

subtest 'invalid chunks are rejected before the body is sent' => sub {
    my $upload = Tus->create($ann, add_video(), $length);
    $upload->patch(0, substr $content, 0, 1000)->is(204);
    my $rest = substr $content, 1000;
    my @cases = (
        ['a request without a session',          401, '003', $site],
        ['a chunk by another user',              403, '006', $ben],
        ['an unknown upload',                    404, '007', $ann, url => "/stream/uploads/$UNKNOWN_ID"],
        ['an invalid id',                        400, '001', $ann, url => '/stream/uploads/x'],
        ['an unsupported tus version',           412, '008', $ann, 'Tus-Resumable' => '2.0.0'],
        ['a missing tus version',                412, '008', $ann, 'Tus-Resumable' => undef],
        ['a wrong Content-Type',                 415, '010', $ann, 'Content-Type' => 'video/mp4'],
        ['a missing Upload-Offset',              400, '001', $ann, 'Upload-Offset' => undef],
        ['a negative Upload-Offset',             400, '001', $ann, 'Upload-Offset' => '-1'],
        ['an offset below the current one',      409, '008', $ann, 'Upload-Offset' => 999],
        ['an offset above the current one',      409, '008', $ann, 'Upload-Offset' => 1001],
        ['an unsupported checksum algorithm',    400, '001', $ann, 'Upload-Checksum' => 'md5 AAAA'],
        ['a chunk beyond the end of the upload', 413, '002', $ann, 'Content-Length' => 1 + length $rest],
        ['a huge Content-Length',                413, '002', $ann, 'Content-Length' => 1 << 50],
    );
    $site->expect_log(qr/\[error\].*client intended to send too large/);
    for my $case (@cases) {
        my ($name, $status, $code, $actor, %headers) = @$case;
        my $url = delete $headers{url} // $upload->url;
        my %options = Tus->chunk(1000, $rest, Expect => '100-continue', %headers);
        my $answer = $actor->request('PATCH', $url, on => $site->connect, %options);
        $answer->is($status, "$name returns $status")->problem($code);
        is $answer->sent, 0, "$name: no byte of the body is sent";
        is Http2->rejection($http2, $actor->bytes('PATCH', $url, %options)), "$status $code", "$name over HTTP/2 returns $status, too";
    }
    is $upload->offset, 1000, 'the offset is unchanged';
    $ben->head($upload->url, headers => {'Tus-Resumable' => '1.0.0'})->is(403, 'HEAD by another user returns 403');
    $ben->delete($upload->url, headers => {'Tus-Resumable' => '1.0.0'})->is(403, 'DELETE by another user returns 403');
    $site->head($upload->url, headers => {'Tus-Resumable' => '1.0.0'})->is(401, 'HEAD without a session returns 401');

    my @others = map { Tus->create($ann, add_video(), $length) } 1 .. TOKENS;
    my @chunks = map { $_->open(0, 'x', $length) } @others;
    $site->soon(sub { $bucket->in_use('upload') == TOKENS }, 'other uploads hold all tokens');
    $upload->patch(1000, 'x')->is(429, 'a chunk without a free token returns 429');
    $_->close for @chunks;
    $site->soon(sub { $bucket->in_use('upload') == 0 }, 'all tokens are released');
    $upload->patch(1000, $rest)->is(204, 'the chunk is accepted once a token is free');
    $_->delete->is(204) for @others;
    nothing_left('rejected chunks');
};

subtest 'Upload-Checksum is verified before a chunk is stored' => sub {
    my $video = add_video();
    my $upload = Tus->create($ann, $video, $length);
    my ($first, $second) = (substr($content, 0, 300_000), substr $content, 300_000);
    $upload->patch(0, $first, 'Upload-Checksum' => Tus::sha1($second))->is(460, 'a chunk with a wrong SHA-1 returns 460')->problem('001');
    is $upload->offset, 0, 'the offset is unchanged';
    $upload->patch(0, $first, 'Upload-Checksum' => Tus::sha1($first))->is(204, 'a chunk with the right SHA-1 is accepted');
    $upload->patch(300_000, $second, 'Upload-Checksum' => Tus::sha256($first))->is(460, 'a chunk with a wrong SHA-256 returns 460');
    is $upload->offset, 300_000, 'the offset is unchanged';
    my $chunk = $upload->open(300_000, substr($second, 0, 200_000), length $second, 'Upload-Checksum' => Tus::sha256($second));
    $site->soon(sub { 1 < incoming() }, 'a chunk with a checksum is being received');
    $chunk->close;
    $site->soon(sub { 1 == incoming() }, 'the partial chunk is discarded when its client disconnects, since it cannot be verified');
    is $upload->offset, 300_000, 'the offset is unchanged';
    $upload->patch(300_000, $second, 'Upload-Checksum' => Tus::sha256($second))->is(204, 'a chunk with the right SHA-256 is accepted');
    is_stored($video, 'chunks with checksums');
    nothing_left('chunks with checksums');
};

# Sends the remaining bytes as one chunk and breaks the connection after some of them. Returns the offset
# afterwards.
sub interrupt_chunk ($upload, $at, $count, $end) {
    my $chunk = $upload->open($at, substr($content, $at, $count), $length - $at);
    $site->soon(sub { grep { -s "$site->{media}/incoming/$_" } grep { /^\d+$/ } incoming() }, 'a part of the chunk has arrived');
    $chunk->$end;
    $site->soon(sub { $upload->offset > $at }, 'the received part is kept when the connection breaks');
    return $upload->offset;
}

subtest 'an upload continues after its connections break' => sub {
    my $video = add_video();
    my $upload = Tus->create($ann, $video, $length);
    my $at = 0;
    for my $end (qw(close reset close reset)) {
        my $to = interrupt_chunk($upload, $at, 200_000, $end);
        cmp_ok $to, '<=', $at + 200_000, 'the offset does not exceed the bytes sent';
        $at = $to;
    }
    $upload->patch($at, substr $content, $at)->is(204, 'the last chunk is accepted');
    is_stored($video, 'interrupted chunks');
    nothing_left('interrupted chunks');

    $video = add_video();
    $upload = Tus->create($ann, $video, $length);
    my $chunk = $upload->open(0, substr($content, 0, 300_000), $length);
    $site->soon(sub { grep { -s "$site->{media}/incoming/$_" } incoming() }, 'a chunk is being received');
    $upload->patch(0, substr $content, 0, 1000)->is(204, 'another chunk at the same offset is accepted');
    $chunk->close;
    $site->soon(sub { 1 == incoming() && !$bucket->in_use('upload') }, 'the first chunk is discarded when its client disconnects');
    is $upload->offset, 1000, 'the offset is that after the second chunk';
    $upload->patch(1000, substr $content, 1000)->is(204, 'the remaining chunk is accepted');
    is_stored($video, 'competing chunks');
};

subtest 'of two concurrent chunks at the same offset one is accepted' => sub {
    for my $round (1 .. 8) {
        my $video = add_video();
        my $upload = Tus->create($ann, $video, $length);
        my $half = $length / 2;
        for my $at (0, $half) {
            my @statuses = Parallel::at_once(map { sub { $upload->patch($at, substr $content, $at, $half)->status } } 1, 2);
            is "@{[sort @statuses]}", '204 409', 'one chunk is accepted, the other returns 409';
        }
        is_stored($video, 'concurrent chunks');
    }
    nothing_left('concurrent chunks');
};

# The last chunk waits for a lock. Meanwhile another request finishes the upload, and a later upload replaces
# the file.
subtest 'an upload that was finished and replaced is not published again' => sub {
    my $video = add_video();
    my $other = Site::Media::content('webm');
    $ann->post("/stream/videos/$video", $other)->is(201);
    my $upload = Tus->create($ann, $video, $length);
    $upload->patch(0, substr $content, 0, -1)->is(204);
    my $lock = $site->transaction("SELECT FROM videos WHERE id = $video FOR UPDATE");
    my $end = $upload->open($length - 1, substr($content, -1), 1);
    $site->soon(sub { $site->waiting('video_stream') }, 'the upload is about to be published');
    $lock->do("UPDATE uploads SET finished_at = now() WHERE id = '${\$upload->id}'");
    $lock->do("INSERT INTO video_deletions (video_id, media_key) VALUES ($video, '${\$upload->id}')");
    $lock->commit;
    like $end->answer('PATCH'), qr{^HTTP/1\.1 404 }, 'the last chunk returns 404';
    $end->close;
    $site->soon(sub { !$site->sql('SELECT count(*) FROM video_deletions') }, 'the file of the upload is deleted');
    $site->get("/stream/videos/$video")->is(200)->body_is($other, 'the newer video is still delivered');
    is $site->media_files, scalar $site->sql('SELECT count(*) FROM videos WHERE media_key IS NOT NULL'), 'no other file is left';
    nothing_left('upload finished twice');
};

subtest 'an upload that is not a video is rejected when it is complete' => sub {
    my $video = add_video();
    my $upload = Tus->create($ann, $video, 1000);
    $upload->patch(0, 'x' x 999)->is(204, 'an incomplete upload is not checked yet');
    $upload->patch(999, 'x')->is(415, 'the last chunk returns 415')->problem('010');
    $upload->head->is(404, 'the rejected upload is deleted');
    is $site->get("/api/videos/$video")->json->{state}, 'created', 'the video has no file';
    nothing_left('an upload that is not a video');
};

subtest 'an upload ends with DELETE, or when its video is deleted' => sub {
    my $video = add_video();
    my $upload = Tus->create($ann, $video, $length);
    $upload->patch(0, substr $content, 0, 1000)->is(204);
    $upload->delete->is(204, 'DELETE by its user returns 204');
    $upload->head->is(404);
    $upload->patch(1000, 'x')->is(404);
    $upload->delete->is(404);
    nothing_left('a deleted upload');

    $upload = Tus->create($ann, $video, $length);
    my $chunk = $upload->open(0, substr($content, 0, -1), $length);
    $site->soon(sub { incoming() }, 'a chunk is being received');
    $ann->delete("/api/videos/$video")->is(204, 'the video of the upload is deleted');
    $chunk->send(substr $content, -1);
    like $chunk->answer('PATCH'), qr{^HTTP/1\.1 404 }, 'the chunk in progress returns 404';
    $upload->head->is(404);
    nothing_left('the upload of a deleted video');
};

subtest 'X-HTTP-Method-Override is supported for uploads only' => sub {
    my $video = add_video();
    my $upload = Tus->create($ann, $video, $length);
    my %chunk = Tus->chunk(0, $content, 'X-HTTP-Method-Override' => 'PATCH');
    $ann->request('POST', $upload->url, %chunk)->is(204, 'POST with the override PATCH stores a chunk');
    is_stored($video, 'overridden methods');
    $ann->post($upload->url, '', headers => {'Tus-Resumable' => '1.0.0', 'X-HTTP-Method-Override' => 'DELETE'})->is(204, 'POST with the override DELETE deletes the upload');
    $upload->head->is(404);
    $ann->post($upload->url, '', headers => {'Tus-Resumable' => '1.0.0', 'X-HTTP-Method-Override' => 'GATE'})->is(405, 'another override returns 405');
    for my $override ('DELETE', 'DELETE /stream/uploads/', "|DELETE", "DELETE /stream/uploads/x|DELETE") {
        $ann->post("/api/videos/$video", '', headers => {'X-HTTP-Method-Override' => $override})->is(405, "the override $override returns 405 for a video");
    }
};

$site->stop;

subtest 'unfinished uploads expire after VS_UPLOAD_TTL' => sub {
    $site = Site->start(VS_UPLOAD_TTL => '2h', VS_USER_QUOTA_BYTES => 2 * $length);
    $ann = $site->user('ann');
    my @videos = map { add_video() } 1 .. 3;
    my @uploads = map { Tus->create($ann, $_, $length) } @videos[0, 1];
    my $left = sub ($upload) {
        return $site->sql("SELECT extract(epoch FROM expires_at - now()) FROM uploads WHERE id = '${\$upload->id}'");
    };
    my $expires = Time::Piece->strptime(scalar $uploads[0]->head->header('Upload-Expires'), '%a, %d %b %Y %H:%M:%S GMT');
    cmp_ok abs($expires->epoch - time - $left->($uploads[0])), '<', 10, 'Upload-Expires is the time in the database';
    cmp_ok $left->($_), '>', 7000, 'the upload expires in about two hours' for @uploads;
    Tus->request_upload($ann, $videos[2], $length)->is(507, 'unfinished uploads count towards the quota')->problem('013');

    $site->sql("UPDATE uploads SET expires_at = now() + interval '1 minute'");
    $uploads[0]->patch(0, substr $content, 0, 1000)->is(204, 'a chunk is accepted');
    cmp_ok $left->($uploads[0]), '>', 7000, 'the chunk renews the expiry time';
    cmp_ok $left->($uploads[1]), '<', 61, 'the expiry time of another upload is unchanged';

    $site->sql('UPDATE uploads SET expires_at = now()');
    $_->head->is(404, 'an expired upload returns 404') for @uploads;
    $uploads[0]->patch(1000, substr $content, 1000)->is(404, 'a chunk for an expired upload returns 404');
    is_deeply [incoming()], [], 'the bytes of expired uploads are deleted';
    Tus->request_upload($ann, $videos[2], $length)->is(201, 'the reservations of expired uploads are released');
    $site->stop;
};

done_testing;
