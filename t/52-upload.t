# Uploads: invalid requests are rejected before the body is sent, a stored file equals the uploaded one, and
# nothing is left behind.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Digest::SHA ();
use Http2;
use Site;
use Site::Port;

use constant {
    SIZE_MAX => 2 * 1024 * 1024,
    FORM     => 64 * 1024,          # the maximum of a form's bytes around its file
    WINDOW   => 256 * 1024,         # the size of the parser's window on a form
    TOKENS   => 4,
};

my $http2 = Site::Port::free();
my $site = Site->start(VS_MAX_UPLOAD_BYTES => SIZE_MAX, VS_UPLOAD_TOKENS => TOKENS, VS_HTTP2_PORT => $http2);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $ben = $site->user('ben');
my $bytes = Site::Media::content('mp4');
my $TOO_LARGE = qr/\[error\].*client intended to send too large/;
my %typed = (headers => {'Content-Type' => 'video/mp4'});

sub add_video ($author = $ann) { return $author->post('/api/videos', {title => 'A video'})->json->{id} }

# An MP4 whose last box has an explicit length.
sub whole_boxes () { return substr($bytes, 0, 32) . pack('N a4', length($bytes) - 32, 'mdat') . substr $bytes, 40 }

sub url ($video) { return "/stream/videos/$video" }

sub incoming ($where = $site) { return map { s{.*/}{}r } glob "$where->{media}/incoming/*" }

# What must hold after each upload, whether it succeeded or not.
sub nothing_left ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(
        sub { !incoming() && !$bucket->in_use('upload') && !$site->sql('SELECT count(*) FROM uploads') },
        "$name: no incoming file, token or reservation is left",
    );
}

# The path of a video's file; undef if it has none.
sub media_path ($video) {
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $video") // return;
    return "$site->{media}/" . substr($key, 0, 2) . "/$key";
}

sub is_stored ($video, $content, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->get(url($video))->body_is($content, "$name: the stored video equals the uploaded one");
}

subtest 'a raw body is stored as the video' => sub {
    for my $kind (qw(mp4 webm)) {
        my $video = add_video();
        my $content = Site::Media::content($kind);
        my $answer = $ann->upload($video, "video.$kind")->is(201)->header_is('Content-Type', 'application/json');
        is_deeply $answer->json, {id => $video, size => length $content, content_type => "video/$kind"}, "$kind: the response has the id, the size and the detected type";
        is_stored($video, $content, $kind);
        my $shown = $site->get("/api/videos/$video")->json;
        is_deeply [@$shown{qw(state size content_type stream_url)}], ['ready', length $content, "video/$kind", url($video)],
            "$kind: the video is ready";
        nothing_left($kind);
    }

    my $video = add_video();
    $ann->post(url($video), $bytes)->is(201, 'a body without Content-Type is accepted');
    $ann->post(url($video) . '/', $bytes, headers => {'Content-Type' => 'text/plain'})
        ->is(201, 'a body with a wrong Content-Type is accepted, and so is a URL with a trailing slash');
    $ann->post(url($video), $bytes, headers => {Expect => '100-continue'})->is(201, 'a body sent after 100 Continue is accepted');
    is_stored($video, $bytes, 'raw');

    my ($mode, $owner) = (stat media_path($video))[2, 4];
    is sprintf('%o', $mode & 07777), '600', 'the file is readable only by its owner';
    is $owner, $> == 0 ? scalar getpwnam('www-data') : $>, 'the file belongs to the account of the pools';
    nothing_left('raw');
};

my %CHUNKED = ('Transfer-Encoding' => 'chunked', 'Content-Length' => undef);

sub chunked ($content, $size = 10_000) {
    return join '', (map { sprintf "%x\r\n%s\r\n", length, $_ } unpack "(a$size)*", $content), "0\r\n\r\n";
}

subtest 'a body with chunked encoding is stored, up to the maximum size' => sub {
    my $video = add_video();
    for my $size (1000, 100_000) {
        $ann->post(url($video), chunked($bytes, $size), headers => {%CHUNKED})->is(201, "a body in chunks of $size bytes is accepted");
        is_stored($video, $bytes, 'chunked');
    }
    my $largest = Site::Media::content('webm', SIZE_MAX);
    $ann->post(url($video), chunked($largest), headers => {%CHUNKED})->is(201, 'a chunked body of the maximum size is accepted');
    is_stored($video, $largest, 'chunked');
    $ann->post(url($video), chunked("$largest."), headers => {%CHUNKED})->is(413, 'a chunked body one byte above the maximum returns 413')->problem('002');
    $site->expect_log($TOO_LARGE);
    my $refused = $ann->post(url($video), chunked($largest x 2), headers => {%CHUNKED}, on => $site->connect);
    is $refused->is(413, 'a chunked body far above the maximum returns 413')->problem('002')->json->{detail}, 'the request body exceeds the maximum size', 'nginx rejects it with the same detail';
    $ann->post(url($video), chunked(''), headers => {%CHUNKED})->is(400, 'an empty chunked body returns 400')->problem('001');
    is_stored($video, $largest, 'after the rejected bodies');
    nothing_left('chunked');
};

subtest 'the type is detected from the content; other files return 415' => sub {
    my $video = add_video();
    my @others = (
        ['text',                                      'not a video at all, whatever its name'],
        ['one byte',                                  'x'],
        ['a PNG image',                               "\x89PNG\r\n\x1a\n" . 'x' x 100],
        ['an MP4 whose ftyp box is not at the start', '....' . $bytes],
        ['a Matroska file',                           Site::Media::content('webm') =~ s/webm/mkv_/r],
        ['an MP4 without an index',                   $bytes =~ s/moov/free/r],
        ['a truncated MP4',                           substr whole_boxes(), 0, -1],
        ['an MP4 with an extra byte',                 whole_boxes() . '.'],
    );
    for my $other (@others) {
        my ($name, $content) = @$other;
        $ann->post(url($video), $content, %typed)->is(415, "$name is rejected")->problem('010');
    }
    is $site->get("/api/videos/$video")->json->{state}, 'created', 'the video still has no file';
    is media_path($video), undef, 'the row names no file';
    $ann->post(url($video), whole_boxes(), %typed)->is(201, 'an MP4 whose boxes add up is accepted');
    nothing_left('wrong types');
};

subtest 'a raw body is limited to VS_MAX_UPLOAD_BYTES' => sub {
    my $video = add_video();
    my $largest = Site::Media::content('mp4', SIZE_MAX);
    $ann->post(url($video), $largest, %typed)->is(201, 'a body of the maximum size is accepted');
    is_stored($video, $largest, 'maximum size');
    $ann->post(url($video), "$largest.", %typed)->is(413, 'a body one byte above the maximum returns 413')->problem('002');
    is_stored($video, $largest, 'after the rejected body');
    nothing_left('maximum size');
};

# --- forms

# A form with these parts, each [name or header lines, content].
sub form ($boundary, @parts) {
    return join '', (map { "--$boundary\r\n" . _headers($_->[0]) . "\r\n\r\n$_->[1]\r\n" } @parts), "--$boundary--\r\n";
}

sub _headers ($text) {
    return $text =~ /:/ ? $text : qq(Content-Disposition: form-data; name="$text");
}

sub send_form ($video, $body, $type) {
    return $ann->post(url($video), $body, headers => {'Content-Type' => $type});
}

my $B = 'between';
my $TYPE = "multipart/form-data; boundary=$B";
my $FIELD = 'Content-Disposition: form-data;';
my $FILE = [qq($FIELD name="file"; filename="a.mp4"\r\nContent-Type: video/mp4), $bytes];
my $TITLE = ['title', 'A video'];

subtest 'the file is extracted from any valid form' => sub {
    my $form = form($B, $FILE);
    my $near = "$bytes\r\n--betwee\r\n--betweem--\r\n\r--$B\n--$B\r\r\n-$bytes";
    my @cases = (
        ['the file alone',                           $TYPE, $form],
        ['a field before the file',                  $TYPE, form($B, $TITLE, $FILE)],
        ['a field after the file',                   $TYPE, form($B, $FILE, $TITLE)],
        ['fields before and after the file',         $TYPE, form($B, $TITLE, ['y', ''], $FILE, $TITLE, ['x', $bytes])],
        ['another file field before the file',       $TYPE, form($B, [qq($FIELD name="other"; filename="file"), 'x' x 5000], $FILE)],
        ['a second file',                            $TYPE, form($B, $FILE, ['file', 'another one'])],
        ['a quoted boundary',                        qq(multipart/form-data; boundary="$B"), $form],
        ['a parameter before the boundary',          qq(multipart/form-data; charset="a;boundary=b"; boundary=$B), $form],
        ['a parameter after the boundary',           "$TYPE; charset=utf-8", $form],
        ['all special characters in the boundary',   q(multipart/form-data; boundary="a'()+_,-./:=? b"), form(q(a'()+_,-./:=? b), $FILE)],
        ['the longest boundary',                     'multipart/form-data; boundary=' . 'b' x 70, form('b' x 70, $FILE)],
        ['upper-case header names',                  "Multipart/Form-Data; Boundary=$B", form($B, [qq(CONTENT-DISPOSITION: form-data; NAME="file"), $bytes])],
        ['a name without quotes',                    $TYPE, form($B, ["$FIELD name=file; filename=a.mp4", $bytes])],
        ['a filename before the name',               $TYPE, form($B, [qq($FIELD filename="x; name=\\"title\\""; name="file"), $bytes])],
        ['headers in another order',                 $TYPE, form($B, [qq(Content-Type: video/mp4\r\nX-Other: a\r\n$FIELD name="file"), $bytes])],
        ['a preamble and an epilogue',               $TYPE, "Hello\r\n${form}Bye\r\n--$B\r\n"],
        ['blanks after a boundary',                  $TYPE, $form =~ s/^--$B\r\n/--$B \t\r\n/r],
        ['content that nearly matches the boundary', $TYPE, form($B, [$FILE->[0], $near]), $near],
        ['no line end after the last boundary',      $TYPE, $form =~ s/\r\n\z//r],
    );
    my $video = add_video();
    for my $case (@cases) {
        my ($name, $type, $body, $content) = @$case;
        my $answer = send_form($video, $body, $type)->is(201, "$name: the form is accepted");
        is $answer->json->{size}, length($content // $bytes), "$name: the size is that of the file";
        is_stored($video, $content // $bytes, $name);
    }
    nothing_left('forms');
};

subtest 'a boundary is found wherever the window of the parser ends' => sub {
    my $video = add_video();
    my $delimiter = length "\r\n--$B";
    my $before = length form($B, ['x', '']) =~ s/\r\n--$B--\r\n\z//r;
    my @wrong;
    for my $place (map { WINDOW - $_ } -1 .. $delimiter + 1) {
        my $other = form($B, ['x', 'x' x ($place - $before)], $FILE);
        push @wrong, "another field, offset $place" if send_form($video, $other, $TYPE)->status != 201;
        my $content = Site::Media::content('mp4', $place);
        send_form($video, form($B, [$FILE->[0], $content]), $TYPE);
        push @wrong, "the file, offset $place" if $site->get(url($video))->body ne $content;
    }
    is_deeply \@wrong, [], 'the boundary is found at every offset around the end of the window';
    nothing_left('boundaries at the end of the window');
};

subtest 'invalid forms are rejected' => sub {
    my $form = form($B, $FILE);
    my $large = form($B, [$FILE->[0], Site::Media::content('mp4', SIZE_MAX + 1)]);
    my @cases = (
        ['a form without a file field',           400, '001', $TYPE, form($B, $TITLE)],
        ['a file in a field with another name',   400, '001', $TYPE, form($B, [qq($FIELD name="movie"; filename="file"), $bytes])],
        ['the name only inside a filename',       400, '001', $TYPE, form($B, [qq($FIELD name="x"; filename="; name=\\"file\\""), $bytes])],
        ['a name that starts with the right one', 400, '001', $TYPE, form($B, ['file2', $bytes])],
        ['an empty file',                         400, '001', $TYPE, form($B, ['file', ''])],
        ['a form without parts',                  400, '001', $TYPE, "--$B--\r\n"],
        ['a body without a boundary',             400, '001', $TYPE, $bytes],
        ['a body with another boundary',          400, '001', $TYPE, form('other', $FILE)],
        ['no boundary parameter',                 400, '001', 'multipart/form-data', $form],
        ['an empty boundary',                     400, '001', 'multipart/form-data; boundary=""', $form],
        ['an unterminated quoted boundary',       400, '001', qq(multipart/form-data; boundary="$B), $form],
        ['a boundary that is too long',           400, '001', 'multipart/form-data; boundary=' . 'b' x 71, form('b' x 71, $FILE)],
        ['a form truncated in the file',          400, '001', $TYPE, substr $form, 0, 5000],
        ['a form truncated before the end',       400, '001', $TYPE, $form =~ s/\r\n--$B--\r\n\z//r],
        ['a form truncated in the headers',       400, '001', $TYPE, "--$B\r\nContent-Disposition: form-data; na"],
        ['a part without an end of headers',      400, '001', $TYPE, "--$B\r\nX-Header: " . 'x' x 20_000],
        ['a form with LF line ends',              400, '001', $TYPE, $form =~ s/\r\n/\n/gr],
        ['a form with too many parts',            400, '001', $TYPE, form($B, ($TITLE) x 100, $FILE)],
        ['a file that is too large',              413, '002', $TYPE, $large],
        ['a file that is not a video',            415, '010', $TYPE, form($B, [$FILE->[0], 'x' x 5000])],
    );
    my $video = add_video();
    for my $case (@cases) {
        my ($name, $status, $code, $type, $body) = @$case;
        send_form($video, $body, $type)->is($status, "$name returns $status")->problem($code);
    }
    is $site->get("/api/videos/$video")->json->{state}, 'created', 'the video still has no file';
    nothing_left('invalid forms');
};

subtest 'Content-Digest and Repr-Digest are verified' => sub {
    my $video = add_video();
    my $form = form($B, $FILE);
    my $of = sub ($content) { return 'sha-256=:' . Digest::SHA::sha256_base64($content) . '=:' };
    my @cases = (
        ['a digest of the content',            201, $bytes, 'Content-Digest' => $of->($bytes)],
        ['a digest of the representation',     201, $bytes, 'Repr-Digest' => 'sha-512=:AA==:, ' . $of->($bytes)],
        ['a digest of a form',                 201, $form,  'Content-Digest' => $of->($form), 'Content-Type' => $TYPE],
        ['a digest with an unknown algorithm', 201, $bytes, 'Content-Digest' => 'sha-512=:AA==:'],
        ['a digest of other bytes',            400, $bytes, 'Content-Digest' => $of->("$bytes.")],
        ['a right digest and a wrong one',     400, $bytes, 'Content-Digest' => $of->($bytes), 'Repr-Digest' => $of->('')],
        ["a digest of only the form's file",   400, $form,  'Content-Digest' => $of->($bytes), 'Content-Type' => $TYPE],
    );
    for my $case (@cases) {
        my ($name, $status, $content, %headers) = @$case;
        $ann->delete("/api/videos/$video");
        $video = add_video();
        my $answer = $ann->post(url($video), $content, headers => \%headers)->is($status, "$name returns $status");
        is $site->get("/api/videos/$video")->json->{state}, $status == 201 ? 'ready' : 'created', "$name: the video " . ($status == 201 ? 'is ready' : 'has no file');
        $answer->problem('001') if $status == 400;
    }
    my $refused = $ann->post(url($video), $bytes, headers => {'Repr-Digest' => 'sha-256=:AA==:', Expect => '100-continue'},
        on => $site->connect)->is(400, 'a malformed digest returns 400')->problem('001');
    is $refused->sent, 0, 'a malformed digest is rejected before the body is sent';
    nothing_left('digests');
};

# --- checks before the body

sub discarded () { return scalar(my @lines = $site->log_lines(qr/event=body_discarded/)) }

subtest 'invalid requests are rejected before the body is sent' => sub {
    my $video = add_video();
    my $other = add_video($ben);
    my %cookie = ('X-Session-Id' => undef, Cookie => 'X-Session-Id=' . $ann->session);
    my @cases = (
        ['a request without a session',        401, '003', $site, $video],
        ['an unknown session',                 401, '003', $site, $video, 'X-Session-Id' => 'a' x 43],
        ['a malformed session',                401, '003', $site, $video, 'X-Session-Id' => 'x'],
        ["a session with another user's id",   401, '003', $ann,  $video, %cookie, Cookie => "$cookie{Cookie}; X-User-Id=" . $ben->id],
        ["a page of another site",             403, '006', $ann,  $video, %cookie, 'Sec-Fetch-Site' => 'cross-site'],
        ["another user's video",               403, '006', $ann,  $other],
        ['an unknown video',                   404, '007', $ann,  999_999],
        ['an id that is not a number',         400, '001', $ann,  'x'],
        ['the id 0',                           400, '001', $ann,  '0'],
        ['an unknown path',                    404, '007', $ann,  "$video/x"],
        ['a Content-Length above the maximum', 413, '002', $ann,  $video, 'Content-Length' => SIZE_MAX + FORM + 1],
        ['a huge Content-Length',              413, '002', $ann,  $video, 'Content-Length' => 1 << 50],
    );
    $site->expect_log($TOO_LARGE);
    my $body = 'x' x SIZE_MAX;
    my $before = discarded();
    for my $case (@cases) {
        my ($name, $status, $code, $actor, $id, %headers) = @$case;
        my $answer = $actor->post(url($id), $body, headers => {%headers, Expect => '100-continue'}, on => $site->connect);
        $answer->is($status, "$name returns $status")->problem($code);
        is $answer->sent, 0, "$name: no byte of the body is sent";
        $answer->header_like('WWW-Authenticate', qr/^Bearer/) if $status == 401;
        $actor->post(url($id), $body, headers => \%headers, on => $site->connect)
            ->is($status, "$name returns $status when the body is sent at once")->problem($code);
        for my $expect (undef, '100-continue') {
            my $bytes = $actor->bytes('POST', url($id), body => $body, headers => {Expect => $expect, %headers});
            is Http2->rejection($http2, $bytes), "$status $code", "$name returns $status over HTTP/2 before the body";
        }
    }
    is_deeply [incoming()], [], 'no incoming file exists';
    is discarded(), $before, 'no body was stored and then discarded';
    $ann->post(url($video), '', headers => {'Content-Length' => 0})->is(400, 'an empty body returns 400')->problem('001');
    $ann->request('POST', url($video))->is(400, 'a request without a body returns 400')->problem('001');
    nothing_left('rejected requests');
};

# Starts an upload and sends all but its last byte. Options are headers.
sub begin ($video, $content = $bytes, $actor = $ann, %headers) {
    my $upload = $actor->open('POST', url($video), body => substr($content, 0, -1),
        headers => {'Content-Length' => length $content, 'Content-Type' => 'video/mp4', %headers});
    $site->soon(sub { incoming() }, 'an upload is in progress');
    return $upload;
}

# Reads the status of an upload's response and closes the connection.
sub status_of ($upload) {
    my ($status) = $upload->answer('POST') =~ m{^HTTP/1\.1 (\d+)};
    $upload->close;
    return $status;
}

subtest 'an upload beyond VS_UPLOAD_TOKENS is rejected with 429' => sub {
    my @uploads = map { begin(add_video()) } 1 .. TOKENS;
    $site->soon(sub { $bucket->in_use('upload') == TOKENS }, 'all tokens are in use');
    my $refused = $ann->post(url(add_video()), $bytes, headers => {Expect => '100-continue'}, on => $site->connect)
        ->is(429)->problem('011')->header_like('Retry-After', qr/^[1-9]\d*$/);
    is $refused->json->{detail}, 'the server is at its upload limit', 'the detail names the limit';
    is $refused->sent, 0, 'no byte of the rejected body is sent';
    is Http2->rejection($http2, $ann->bytes('POST', url(add_video()), body => $bytes)), '429 011', 'an upload over HTTP/2 is rejected with 429, too';
    $ann->post(url(add_video($ben)), $bytes, %typed, on => $site->connect)->is(403, "an upload to another user's video still returns 403");
    my $first = shift @uploads;
    $first->send(substr $bytes, -1);
    is status_of($first), 201, 'an accepted upload finishes';
    $site->soon(sub { $bucket->in_use('upload') < TOKENS }, 'the token of the finished upload is released');
    $ann->upload(add_video(), 'bunny.mp4')->is(201, 'the next upload gets the released token');
    $_->close for @uploads;
    nothing_left('uploads at the limit');
};

subtest 'the body of a rejected request is not parsed as the next request' => sub {
    my $video = add_video();
    my $connection = $site->connect;
    my $trap = "GET /trap HTTP/1.1\r\nHost: localhost\r\n\r\n";
    my $next = "GET /api/videos/$video HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    $connection->send(
        "POST ${\url($video)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${\length $trap}\r\n\r\n$trap$next");
    is_deeply [$connection->rest =~ m{HTTP/1\.1 (\d+) }g], [401, 200], 'only the rejected request and the next one are answered';
};

# --- changes during an upload

subtest 'a new upload replaces the file; running streams still get the old one' => sub {
    my $video = add_video();
    my $long = Site::Media::content('mp4', SIZE_MAX);
    $ann->post(url($video), $long, %typed)->is(201);
    my $old = media_path($video);
    my @readers = map { $site->open('GET', url($video), buffer => 4096) } 1 .. 8;
    $_->await(qr/\r\n\r\n/) for @readers;
    $ann->upload($video, 'second.webm')->is(201);
    $site->get(url($video))->is(200)->header_is('Content-Type', 'video/webm')->body_is(Site::Media::content('webm'));
    $site->soon(sub { !-e $old }, 'the old file is deleted');
    $site->soon(sub { !$site->sql('SELECT count(*) FROM video_deletions') }, 'the row of the deletion is deleted');
    is scalar(grep { $_->rest =~ /\r\n\r\n\Q$long\E\z/ } @readers), 8, 'clients that read the old file receive all of it';
};

subtest 'nothing is left when the client disconnects' => sub {
    my $video = add_video();
    $ann->upload($video, 'bunny.mp4')->is(201);
    my %end = (
        'close' => sub ($upload) { $upload->close },
        'reset' => sub ($upload) { $upload->reset },
    );
    for my $name (sort keys %end) {
        $end{$name}->(begin($video));
        nothing_left("a raw body ended by a $name");
        $end{$name}->(begin($video, form($B, $FILE), $ann, 'Content-Type' => $TYPE));
        nothing_left("a form ended by a $name");
        $end{$name}->(begin($video, chunked($bytes), $ann, %CHUNKED));
        nothing_left("a chunked body ended by a $name");
    }
    is_stored($video, $bytes, 'after the disconnects');
};

subtest 'an upload to a video that is deleted meanwhile ends with 404' => sub {
    my $video = add_video();
    my $upload = begin($video);
    $ann->delete("/api/videos/$video")->is(204);
    $upload->send(substr $bytes, -1);
    is status_of($upload), 404, 'the upload returns 404';
    nothing_left('a deleted video');
};

subtest 'an upload whose session ends meanwhile ends with 401' => sub {
    my $video = add_video();
    my $again = $site->user('ann');
    my $upload = begin($video, $bytes, $again);
    $again->delete('/api/sessions')->is(205);
    $upload->send(substr $bytes, -1);
    is status_of($upload), 401, 'the upload returns 401';
    is $site->get("/api/videos/$video")->json->{state}, 'created', 'the video still has no file';
    nothing_left('an ended session');
};

# The files named by rows, and the files on the disk.
sub rows_and_files () {
    my @rows = sort map { $_->[0] } $site->sql('SELECT media_key FROM videos WHERE media_key IS NOT NULL');
    return ("@rows", join ' ', sort map { s{.*/}{}r } $site->media_files);
}

subtest 'concurrent uploads to one video: one of them becomes the video' => sub {
    my $video = add_video();
    my @contents = map { Site::Media::content('mp4', 100_000 + 8 * $_) } 1 .. TOKENS;
    for my $round (1 .. 5) {
        my @uploads = map { $ann->open('POST', url($video), body => $_, %typed) } @contents;
        is_deeply [map { status_of($_) } @uploads], [(201) x TOKENS], 'all concurrent uploads return 201';
        nothing_left('concurrent uploads');
    }
    my $body = $site->get(url($video))->is(200)->body;
    is scalar(grep { $_ eq $body } @contents), 1, 'the video is one of the uploaded files';
    is $site->get("/api/videos/$video")->json->{size}, length $body, 'the size in the row is that of the video';
    $site->soon(sub { !$site->sql('SELECT count(*) FROM video_deletions') }, 'the replaced files are deleted');
    my ($rows, $files) = rows_and_files();
    is $files, $rows, 'the files on the disk are those that rows name';
};

my @KILLED = (qr/event=worker_ended .*signal=9/, qr/\[error\].*(?:prematurely closed connection|(?:recv|writev)\(\) failed)/);

# Kills the workers of the pool once one of them waits for the lock, then releases it.
sub kill_waiting_worker ($lock) {
    my (undef, @workers) = $site->pids('fcgi-stream');
    $site->soon(sub { $site->waiting('video_stream') }, 'a worker processes the upload');
    $site->kill(KILL => @workers);
    $lock->commit;
    return;
}

subtest 'an upload fails cleanly when its worker is killed' => sub {
    $site->expect_log(@KILLED, qr/FATAL:  connection to client lost/);
    my $video = add_video();
    $ann->upload($video, 'bunny.mp4')->is(201);
    my $upload = begin($video, form($B, $FILE), $ann, 'Content-Type' => $TYPE);
    my $lock = $site->transaction('LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE');
    $upload->send("\n");
    kill_waiting_worker($lock);
    is status_of($upload), 503, 'an upload whose worker is killed returns 503';
    nothing_left('a killed worker');
    is_stored($video, $bytes, 'after the failed upload');
    $site->soon(sub { $ann->upload($video, 'bunny.mp4')->status == 201 }, 'the next upload succeeds');
};

$site->stop;

subtest 'VS_UPLOAD_TYPES=any accepts files of any type' => sub {
    my $any = Site->start(VS_UPLOAD_TYPES => 'any');
    my $dan = $any->user('dan');
    my $video = $dan->post('/api/videos', {title => 'Whatever'})->json->{id};
    is_deeply $dan->post(url($video), 'just text')->is(201)->json, {id => $video, size => 9, content_type => 'video/mp4'},
        'a text is stored as video/mp4';
    $any->get(url($video))->is(200)->header_is('Content-Type', 'video/mp4')->body_is('just text');
    $dan->upload($video, 'video.webm')->is(201);
    $any->get(url($video))->header_is('Content-Type', 'video/webm', 'a known type is still detected');
    $dan->post(url($video), '')->is(400, 'an empty body still returns 400');
    $any->stop;
};

done_testing;
