# Uploads: what is refused is refused before the body comes, what arrives is whole, and nothing is left.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Digest::SHA ();
use Http2;
use Site;
use Site::Port;

use constant {
    MOST   => 2 * 1024 * 1024,
    FORM   => 64 * 1024,          # what a form may put around its file
    WINDOW => 256 * 1024,         # how much of a form is looked at in one go
    TOKENS => 4,
};

my $http2 = Site::Port::free();
my $site = Site->start(VS_MAX_UPLOAD_BYTES => MOST, VS_UPLOAD_TOKENS => TOKENS, VS_HTTP2_PORT => $http2);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $ben = $site->user('ben');
my $bytes = Site::Media::content('mp4');
my $TOO_LARGE = qr/\[error\].*client intended to send too large/;
my %typed = (headers => {'Content-Type' => 'video/mp4'});

sub add ($author = $ann) { return $author->post('/api/videos', {title => 'A film'})->json->{id} }

# An MP4 whose last box says how long it is.
sub whole_boxes () { return substr($bytes, 0, 32) . pack('N a4', length($bytes) - 32, 'mdat') . substr $bytes, 40 }

sub url ($video) { return "/stream/videos/$video" }

sub incoming ($where = $site) { return map { s{.*/}{}r } glob "$where->{media}/incoming/*" }

# What must hold after each upload, whatever became of it.
sub nothing_left ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(
        sub { !incoming() && !$bucket->in_use('upload') && !$site->sql('SELECT count(*) FROM uploads') },
        "$name: no body and no token is left, and nothing is set aside",
    );
}

# The path of a video's file.
sub media_path ($video) {
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $video") // return;
    return "$site->{media}/" . substr($key, 0, 2) . "/$key";
}

sub is_stored ($video, $content, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->get(url($video))->body_is($content, "$name: the video is what was uploaded");
}

subtest 'raw' => sub {
    for my $kind (qw(mp4 webm)) {
        my $video = add();
        my $content = Site::Media::content($kind);
        my $answer = $ann->upload($video, "film.$kind")->is(201)->header_is('Content-Type', 'application/json');
        is_deeply $answer->json, {id => $video, size => length $content, content_type => "video/$kind"}, 'says what it is';
        is_stored($video, $content, $kind);
        my $shown = $site->get("/api/videos/$video")->json;
        is_deeply [@$shown{qw(state size content_type stream_url)}], ['ready', length $content, "video/$kind", url($video)],
            'the video is ready';
        nothing_left($kind);
    }

    my $video = add();
    $ann->post(url($video), $bytes)->is(201, 'without a content type');
    $ann->post(url($video) . '/', $bytes, headers => {'Content-Type' => 'text/plain'})
        ->is(201, 'with a wrong one, to the address with a slash');
    $ann->post(url($video), $bytes, headers => {Expect => '100-continue'})->is(201, 'when asked for');
    is_stored($video, $bytes, 'raw');

    my ($mode, $owner) = (stat media_path($video))[2, 4];
    is sprintf('%o', $mode & 07777), '600', 'only its owner can read the file';
    is $owner, $> == 0 ? scalar getpwnam('www-data') : $>, 'who is the user of the pools';
    nothing_left('raw');
};

my %CHUNKED = ('Transfer-Encoding' => 'chunked', 'Content-Length' => undef);

sub chunked ($content, $size = 10_000) {
    return join '', (map { sprintf "%x\r\n%s\r\n", length, $_ } unpack "(a$size)*", $content), "0\r\n\r\n";
}

subtest 'chunked' => sub {
    my $video = add();
    for my $size (1000, 100_000) {
        $ann->post(url($video), chunked($bytes, $size), headers => {%CHUNKED})->is(201, "in chunks of $size bytes");
        is_stored($video, $bytes, 'chunked');
    }
    my $most = Site::Media::content('webm', MOST);
    $ann->post(url($video), chunked($most), headers => {%CHUNKED})->is(201, 'as large as may be');
    is_stored($video, $most, 'chunked');
    $ann->post(url($video), chunked("$most."), headers => {%CHUNKED})->is(413, 'one byte more')->problem('002');
    $site->expect_log($TOO_LARGE);
    my $refused = $ann->post(url($video), chunked($most x 2), headers => {%CHUNKED}, on => $site->connect);
    is $refused->is(413, 'much more')->problem('002')->json->{detail}, 'the body is larger than it may be', 'nginx says so, too';
    $ann->post(url($video), chunked(''), headers => {%CHUNKED})->is(400, 'nothing')->problem('001');
    is_stored($video, $most, 'after all of these');
    nothing_left('chunked');
};

subtest 'by content' => sub {
    my $video = add();
    my @others = (
        ['text',            'not a video at all, whatever its name'],
        ['one byte',        'x'],
        ['a PNG',           "\x89PNG\r\n\x1a\n" . 'x' x 100],
        ['ftyp elsewhere',  '....' . $bytes],
        ['a Matroska file', Site::Media::content('webm') =~ s/webm/mkv_/r],
        ['no index',        $bytes =~ s/moov/free/r],
        ['cut off',         substr whole_boxes(), 0, -1],
        ['a byte too many', whole_boxes() . '.'],
    );
    for my $other (@others) {
        my ($name, $content) = @$other;
        $ann->post(url($video), $content, %typed)->is(415, $name)->problem('010');
    }
    is $site->get("/api/videos/$video")->json->{state}, 'created', 'the video has no file';
    is media_path($video), undef, 'and names none';
    $ann->post(url($video), whole_boxes(), %typed)->is(201, 'boxes that add up are a film');
    nothing_left('by content');
};

subtest 'as large as may be' => sub {
    my $video = add();
    my $most = Site::Media::content('mp4', MOST);
    $ann->post(url($video), $most, %typed)->is(201);
    is_stored($video, $most, 'as large as may be');
    $ann->post(url($video), "$most.", %typed)->is(413, 'one byte more')->problem('002');
    is_stored($video, $most, 'one byte more');
    nothing_left('as large as may be');
};

# --- forms

# A form with these parts, each [name or headers, content].
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
my $TITLE = ['title', 'A film'];

subtest 'forms' => sub {
    my $form = form($B, $FILE);
    my $near = "$bytes\r\n--betwee\r\n--betweem--\r\n\r--$B\n--$B\r\r\n-$bytes";
    my @cases = (
        ['the file alone',             $TYPE, $form],
        ['a field before',             $TYPE, form($B, $TITLE, $FILE)],
        ['a field behind',             $TYPE, form($B, $FILE, $TITLE)],
        ['fields all around',          $TYPE, form($B, $TITLE, ['y', ''], $FILE, $TITLE, ['x', $bytes])],
        ['another file before',        $TYPE, form($B, [qq($FIELD name="other"; filename="file"), 'x' x 5000], $FILE)],
        ['a second file',              $TYPE, form($B, $FILE, ['file', 'another one'])],
        ['a quoted boundary',          qq(multipart/form-data; boundary="$B"), $form],
        ['a parameter before it',      qq(multipart/form-data; charset="a;boundary=b"; boundary=$B), $form],
        ['one behind it',              "$TYPE; charset=utf-8", $form],
        ['odd characters',             q(multipart/form-data; boundary="a'()+_,-./:=? b"), form(q(a'()+_,-./:=? b), $FILE)],
        ['the longest boundary',       'multipart/form-data; boundary=' . 'b' x 70, form('b' x 70, $FILE)],
        ['other letters',              "Multipart/Form-Data; Boundary=$B", form($B, [qq(CONTENT-DISPOSITION: form-data; NAME="file"), $bytes])],
        ['a name without quotes',      $TYPE, form($B, ["$FIELD name=file; filename=a.mp4", $bytes])],
        ['a filename before the name', $TYPE, form($B, [qq($FIELD filename="x; name=\\"title\\""; name="file"), $bytes])],
        ['headers in another order',   $TYPE, form($B, [qq(Content-Type: video/mp4\r\nX-Other: a\r\n$FIELD name="file"), $bytes])],
        ['a preamble and an epilogue', $TYPE, "Hello\r\n${form}Bye\r\n--$B\r\n"],
        ['blanks behind a boundary',   $TYPE, $form =~ s/^--$B\r\n/--$B \t\r\n/r],
        ['what is nearly a boundary',  $TYPE, form($B, [$FILE->[0], $near]), $near],
        ['no line end at the end',     $TYPE, $form =~ s/\r\n\z//r],
    );
    my $video = add();
    for my $case (@cases) {
        my ($name, $type, $body, $content) = @$case;
        my $answer = send_form($video, $body, $type)->is(201, $name);
        is $answer->json->{size}, length($content // $bytes), 'its size';
        is_stored($video, $content // $bytes, $name);
    }
    nothing_left('forms');
};

subtest 'a boundary anywhere' => sub {
    my $video = add();
    my $delimiter = length "\r\n--$B";
    my $before = length form($B, ['x', '']) =~ s/\r\n--$B--\r\n\z//r;
    my @wrong;
    for my $place (map { WINDOW - $_ } -1 .. $delimiter + 1) {
        my $other = form($B, ['x', 'x' x ($place - $before)], $FILE);
        push @wrong, "of another field $place" if send_form($video, $other, $TYPE)->status != 201;
        my $content = Site::Media::content('mp4', $place);
        send_form($video, form($B, [$FILE->[0], $content]), $TYPE);
        push @wrong, "of the file $place" if $site->get(url($video))->body ne $content;
    }
    is_deeply \@wrong, [], 'is found where the window ends';
    nothing_left('a boundary anywhere');
};

subtest 'forms that are wrong' => sub {
    my $form = form($B, $FILE);
    my $large = form($B, [$FILE->[0], Site::Media::content('mp4', MOST + 1)]);
    my @cases = (
        ['no file',                  400, '001', $TYPE, form($B, $TITLE)],
        ['a file of another name',   400, '001', $TYPE, form($B, [qq($FIELD name="movie"; filename="file"), $bytes])],
        ['a name in a filename',     400, '001', $TYPE, form($B, [qq($FIELD name="x"; filename="; name=\\"file\\""), $bytes])],
        ['a longer name',            400, '001', $TYPE, form($B, ['file2', $bytes])],
        ['an empty file',            400, '001', $TYPE, form($B, ['file', ''])],
        ['no parts',                 400, '001', $TYPE, "--$B--\r\n"],
        ['no boundary in it',        400, '001', $TYPE, $bytes],
        ['another boundary',         400, '001', $TYPE, form('other', $FILE)],
        ['no boundary named',        400, '001', 'multipart/form-data', $form],
        ['an empty boundary',        400, '001', 'multipart/form-data; boundary=""', $form],
        ['a boundary left open',     400, '001', qq(multipart/form-data; boundary="$B), $form],
        ['a boundary that is long',  400, '001', 'multipart/form-data; boundary=' . 'b' x 71, form('b' x 71, $FILE)],
        ['cut off in the file',      400, '001', $TYPE, substr $form, 0, 5000],
        ['cut off before the end',   400, '001', $TYPE, $form =~ s/\r\n--$B--\r\n\z//r],
        ['cut off in the headers',   400, '001', $TYPE, "--$B\r\nContent-Disposition: form-data; na"],
        ['no end of the headers',    400, '001', $TYPE, "--$B\r\nX-Header: " . 'x' x 20_000],
        ['lines that end in LF',     400, '001', $TYPE, $form =~ s/\r\n/\n/gr],
        ['very many parts',          400, '001', $TYPE, form($B, ($TITLE) x 100, $FILE)],
        ['a file that is too large', 413, '002', $TYPE, $large],
        ['no video',                 415, '010', $TYPE, form($B, [$FILE->[0], 'x' x 5000])],
    );
    my $video = add();
    for my $case (@cases) {
        my ($name, $status, $code, $type, $body) = @$case;
        send_form($video, $body, $type)->is($status, "$name: $status")->problem($code);
    }
    is $site->get("/api/videos/$video")->json->{state}, 'created', 'the video has no file';
    nothing_left('forms that are wrong');
};

subtest 'a digest' => sub {
    my $video = add();
    my $form = form($B, $FILE);
    my $of = sub ($content) { return 'sha-256=:' . Digest::SHA::sha256_base64($content) . '=:' };
    my @cases = (
        ['of the content',        201, $bytes, 'Content-Digest' => $of->($bytes)],
        ['of the representation', 201, $bytes, 'Repr-Digest' => 'sha-512=:AA==:, ' . $of->($bytes)],
        ['of a form',             201, $form,  'Content-Digest' => $of->($form), 'Content-Type' => $TYPE],
        ['of a kind unknown',     201, $bytes, 'Content-Digest' => 'sha-512=:AA==:'],
        ['of other bytes',        400, $bytes, 'Content-Digest' => $of->("$bytes.")],
        ['of others, again',      400, $bytes, 'Content-Digest' => $of->($bytes), 'Repr-Digest' => $of->('')],
        ["of a form's file",      400, $form,  'Content-Digest' => $of->($bytes), 'Content-Type' => $TYPE],
    );
    for my $case (@cases) {
        my ($name, $status, $content, %headers) = @$case;
        $ann->delete("/api/videos/$video");
        $video = add();
        my $answer = $ann->post(url($video), $content, headers => \%headers)->is($status, "$name: $status");
        is $site->get("/api/videos/$video")->json->{state}, $status == 201 ? 'ready' : 'created', 'and what it says is so';
        $answer->problem('001') if $status == 400;
    }
    my $refused = $ann->post(url($video), $bytes, headers => {'Repr-Digest' => 'sha-256=:AA==:', Expect => '100-continue'},
        on => $site->connect)->is(400, 'one that is none')->problem('001');
    is $refused->sent, 0, 'is refused before the body comes';
    nothing_left('a digest');
};

# --- the gate

sub discarded () { return scalar(my @lines = $site->log_lines(qr/event=body_discarded/)) }

subtest 'refused before the body' => sub {
    my $video = add();
    my $other = add($ben);
    my %cookie = ('X-Session-Id' => undef, Cookie => 'X-Session-Id=' . $ann->session);
    my @cases = (
        ['nobody',               401, '003', $site, $video],
        ['an unknown session',   401, '003', $site, $video, 'X-Session-Id' => 'a' x 43],
        ['a bad session',        401, '003', $site, $video, 'X-Session-Id' => 'x'],
        ['a wrong user',         401, '003', $ann,  $video, %cookie, Cookie => "$cookie{Cookie}; X-User-Id=" . $ben->id],
        ["another site's page",  403, '006', $ann,  $video, %cookie, 'Sec-Fetch-Site' => 'cross-site'],
        ["another's video",      403, '006', $ann,  $other],
        ['no such video',        404, '007', $ann,  999_999],
        ['a bad id',             400, '001', $ann,  'x'],
        ['another bad id',       400, '001', $ann,  '0'],
        ['no such route',        404, '007', $ann,  "$video/x"],
        ['too large',            413, '002', $ann,  $video, 'Content-Length' => MOST + FORM + 1],
        ['very large',           413, '002', $ann,  $video, 'Content-Length' => 1 << 50],
    );
    $site->expect_log($TOO_LARGE);
    my $body = 'x' x MOST;
    my $before = discarded();
    for my $case (@cases) {
        my ($name, $status, $code, $actor, $id, %headers) = @$case;
        my $asked = $actor->post(url($id), $body, headers => {%headers, Expect => '100-continue'}, on => $site->connect);
        $asked->is($status, "$name: $status")->problem($code);
        is $asked->sent, 0, 'no byte of the body has been sent';
        $asked->header_like('WWW-Authenticate', qr/^Bearer/) if $status == 401;
        $actor->post(url($id), $body, headers => \%headers, on => $site->connect)
            ->is($status, "$name, unasked: $status")->problem($code);
        for my $expect (undef, '100-continue') {
            my $bytes = $actor->bytes('POST', url($id), body => $body, headers => {Expect => $expect, %headers});
            is Http2->rejection($http2, $bytes), "$status $code", "$name, over HTTP/2, without a byte of the body";
        }
    }
    is_deeply [incoming()], [], 'nothing has been stored';
    is discarded(), $before, 'nor ever was';
    $ann->post(url($video), '', headers => {'Content-Length' => 0})->is(400, 'an empty body')->problem('001');
    $ann->request('POST', url($video))->is(400, 'no body')->problem('001');
    nothing_left('refused');
};

# An upload of which all but the last byte has been sent. Options are headers.
sub begin ($video, $content = $bytes, $actor = $ann, %headers) {
    my $upload = $actor->open('POST', url($video), body => substr($content, 0, -1),
        headers => {'Content-Length' => length $content, 'Content-Type' => 'video/mp4', %headers});
    $site->soon(sub { incoming() }, 'an upload is in progress');
    return $upload;
}

# The status of its answer, after which the client goes.
sub status_of ($upload) {
    my ($status) = $upload->answer('POST') =~ m{^HTTP/1\.1 (\d+)};
    $upload->close;
    return $status;
}

subtest 'as many as may be' => sub {
    my @uploads = map { begin(add()) } 1 .. TOKENS;
    $site->soon(sub { $bucket->in_use('upload') == TOKENS }, 'all tokens are out');
    my $refused = $ann->post(url(add()), $bytes, headers => {Expect => '100-continue'}, on => $site->connect)
        ->is(429)->problem('011')->header_like('Retry-After', qr/^[1-9]\d*$/);
    is $refused->json->{detail}, 'as many uploads are being received as may be', 'says which limit it is';
    is $refused->sent, 0, 'no byte of the body has been sent';
    is Http2->rejection($http2, $ann->bytes('POST', url(add()), body => $bytes)), '429 011', 'nor is it over HTTP/2';
    $ann->post(url(add($ben)), $bytes, %typed, on => $site->connect)->is(403, 'what is forbidden is still forbidden');
    my $first = shift @uploads;
    $first->send(substr $bytes, -1);
    is status_of($first), 201, 'one of them ends';
    $site->soon(sub { $bucket->in_use('upload') < TOKENS }, 'its token is back');
    $ann->upload(add(), 'bunny.mp4')->is(201, 'for the next one');
    $_->close for @uploads;
    nothing_left('as many as may be');
};

subtest 'a connection stays in step' => sub {
    my $video = add();
    my $connection = $site->connect;
    my $trap = "GET /trap HTTP/1.1\r\nHost: localhost\r\n\r\n";
    my $next = "GET /api/videos/$video HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    $connection->send(
        "POST ${\url($video)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${\length $trap}\r\n\r\n$trap$next");
    is_deeply [$connection->rest =~ m{HTTP/1\.1 (\d+) }g], [401, 200], 'the body that was refused is no request';
};

# --- in the middle of it

subtest 'another one replaces it' => sub {
    my $video = add();
    my $long = Site::Media::content('mp4', MOST);
    $ann->post(url($video), $long, %typed)->is(201);
    my $old = media_path($video);
    my @readers = map { $site->open('GET', url($video), buffer => 4096) } 1 .. 8;
    $_->await(qr/\r\n\r\n/) for @readers;
    $ann->upload($video, 'second.webm')->is(201);
    $site->get(url($video))->is(200)->header_is('Content-Type', 'video/webm')->body_is(Site::Media::content('webm'));
    $site->soon(sub { !-e $old }, 'the old file goes');
    $site->soon(sub { !$site->sql('SELECT count(*) FROM video_deletions') }, 'and so does its row');
    is scalar(grep { $_->rest =~ /\r\n\r\n\Q$long\E\z/ } @readers), 8, 'whoever reads it gets all of it';
};

subtest 'the client goes' => sub {
    my $video = add();
    $ann->upload($video, 'bunny.mp4')->is(201);
    my %end = (
        'closes' => sub ($upload) { $upload->close },
        'dies'   => sub ($upload) { $upload->reset },
    );
    for my $name (sort keys %end) {
        $end{$name}->(begin($video));
        nothing_left("a raw body, it $name");
        $end{$name}->(begin($video, form($B, $FILE), $ann, 'Content-Type' => $TYPE));
        nothing_left("a form, it $name");
        $end{$name}->(begin($video, chunked($bytes), $ann, %CHUNKED));
        nothing_left("in chunks, it $name");
    }
    is_stored($video, $bytes, 'the client goes');
};

subtest 'the video goes' => sub {
    my $video = add();
    my $upload = begin($video);
    $ann->delete("/api/videos/$video")->is(204);
    $upload->send(substr $bytes, -1);
    is status_of($upload), 404, 'the upload ends with 404';
    nothing_left('the video goes');
};

subtest 'the session ends' => sub {
    my $video = add();
    my $again = $site->user('ann');
    my $upload = begin($video, $bytes, $again);
    $again->delete('/api/sessions')->is(205);
    $upload->send(substr $bytes, -1);
    is status_of($upload), 401, 'the upload ends with 401';
    is $site->get("/api/videos/$video")->json->{state}, 'created', 'the video has no file';
    nothing_left('the session ends');
};

# The names of the files that rows have, and of those that there are.
sub rows_and_files () {
    my @rows = sort map { $_->[0] } $site->sql('SELECT media_key FROM videos WHERE media_key IS NOT NULL');
    return ("@rows", join ' ', sort map { s{.*/}{}r } $site->media_files);
}

subtest 'uploads to one video at one time' => sub {
    my $video = add();
    my @contents = map { Site::Media::content('mp4', 100_000 + 8 * $_) } 1 .. TOKENS;
    for my $round (1 .. 5) {
        my @uploads = map { $ann->open('POST', url($video), body => $_, %typed) } @contents;
        is_deeply [map { status_of($_) } @uploads], [(201) x TOKENS], 'all of them arrive';
        nothing_left('all of them');
    }
    my $body = $site->get(url($video))->is(200)->body;
    is scalar(grep { $_ eq $body } @contents), 1, 'one of them is the video';
    is $site->get("/api/videos/$video")->json->{size}, length $body, 'of which the row tells';
    $site->soon(sub { !$site->sql('SELECT count(*) FROM video_deletions') }, 'the others go');
    my ($rows, $files) = rows_and_files();
    is $files, $rows, 'rows and files agree';
};

my @KILLED = (qr/event=worker_ended .*signal=9/, qr/\[error\].*(?:prematurely closed connection|(?:recv|writev)\(\) failed)/);

# Kills the workers of the pool once one of them waits for the database, with the lock held until then.
sub kill_at ($lock) {
    my (undef, @workers) = $site->pids('fcgi-stream');
    $site->soon(sub { $site->waiting('video_stream') }, 'a worker has the upload');
    $site->kill(KILL => @workers);
    $lock->commit;
    return;
}

subtest 'workers of the pool are killed' => sub {
    $site->expect_log(@KILLED, qr/FATAL:  connection to client lost/);
    my $video = add();
    $ann->upload($video, 'bunny.mp4')->is(201);
    my $upload = begin($video, form($B, $FILE), $ann, 'Content-Type' => $TYPE);
    my $lock = $site->transaction('LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE');
    $upload->send("\n");
    kill_at($lock);
    is status_of($upload), 503, 'before the file is looked at: the upload fails';
    nothing_left('before');
    is_stored($video, $bytes, 'the upload that failed');
    $site->soon(sub { $ann->upload($video, 'bunny.mp4')->status == 201 }, 'the next one works');
};

$site->stop;

subtest 'any type' => sub {
    my $any = Site->start(VS_UPLOAD_TYPES => 'any');
    my $dan = $any->user('dan');
    my $video = $dan->post('/api/videos', {title => 'Whatever'})->json->{id};
    is_deeply $dan->post(url($video), 'just text')->is(201)->json, {id => $video, size => 9, content_type => 'video/mp4'},
        'is taken';
    $any->get(url($video))->is(200)->header_is('Content-Type', 'video/mp4')->body_is('just text');
    $dan->upload($video, 'film.webm')->is(201);
    $any->get(url($video))->header_is('Content-Type', 'video/webm', 'what is known is still told');
    $dan->post(url($video), '')->is(400, 'nothing is still nothing');
    $any->stop;
};

done_testing;
