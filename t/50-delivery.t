# Delivery: full responses, ranges, conditional requests and downloads; internal locations and headers stay
# hidden.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use File::Temp ();
use Site;
use Tus;
use Time::HiRes qw(time);

use constant TIMEOUT => 60;    # seconds

my $folder = File::Temp->newdir;
my $site = Site->start(VS_STREAM_PROCESSES => 2);
my $ann = $site->user('ann');
my $METHODS = 'OPTIONS, GET, HEAD, POST';
my $bytes = Site::Media::content('mp4');
my $size = length $bytes;

sub add_video ($title) { return $ann->post('/api/videos', {title => $title})->json->{id} }

my $vid = add_video('Bunny');
my $url = "/stream/videos/$vid";
$ann->upload($vid, 'bunny.mp4')->is(201);

sub get (%headers) { return $site->get($url, headers => \%headers) }

# The parts of a multipart/byteranges body, as [Content-Range, bytes].
sub parts ($response) {
    my ($boundary) = ($response->header('Content-Type') // '') =~ m{^multipart/byteranges; boundary=(\S+)$} or return;
    my (undef, @parts) = split /\r\n--\Q$boundary\E/, $response->body;
    return if pop @parts ne "--\r\n";
    return map { /^\r\nContent-Type: video\/mp4\r\nContent-Range: (.*?)\r\n\r\n(.*)\z/s ? [$1, $2] : () } @parts;
}

subtest 'a request without a range returns the whole video' => sub {
    my $whole = get()->is(200)->body_is($bytes)->header_is('Content-Type', 'video/mp4')
        ->header_is('Content-Length', $size)->header_is('Accept-Ranges', 'bytes');
    my $head = $site->head($url)->is(200)->body_is('', 'HEAD returns no body');
    $head->header_is($_, scalar $whole->header($_)) for qw(Content-Type Content-Length Accept-Ranges ETag Last-Modified);
    $site->get("$url/")->is(200, 'a URL with a trailing slash returns 200')->body_is($bytes);
    $site->get("/%73tream/videos/$vid")->is(200, 'a URL with an escaped letter returns 200')->body_is($bytes);

    my $webm = add_video('A WebM video');
    $ann->upload($webm, 'video.webm')->is(201);
    $site->get("/stream/videos/$webm")->is(200)->header_is('Content-Type', 'video/webm')
        ->body_is(Site::Media::content('webm'));
};

subtest 'a single range returns 206 and the requested bytes' => sub {
    my @cases = (
        ['bytes=1000-1999',     1000, 1999,   'a range in the middle'],
        ['bytes=0-1',           0,    1,      'the first two bytes, which Safari requests before it plays'],
        ['bytes=0-',            0,    99_999, 'an open-ended range from 0, which Chrome requests'],
        ['bytes=98765-',        98_765, 99_999, 'an open-ended range'],
        ['bytes=-500',          99_500, 99_999, 'a suffix'],
        ['bytes=-200000',       0,    99_999, 'a suffix that is longer than the video'],
        ['bytes=99990-200000',  99_990, 99_999, 'a range that extends beyond the end'],
        ['bytes=99999-99999',   99_999, 99_999, 'the last byte'],
    );
    for my $case (@cases) {
        my ($range, $first, $last, $name) = @$case;
        get(Range => $range)->is(206, "$name returns 206")->header_is('Content-Range', "bytes $first-$last/$size")
            ->header_is('Content-Length', $last - $first + 1)->body_is(substr $bytes, $first, $last - $first + 1);
    }
    get(Range => 'seconds=0-5')->is(200, 'a range in an unknown unit is ignored')->body_is($bytes);
};

subtest 'several ranges return a multipart response' => sub {
    my $response = get(Range => 'bytes=0-9,5000-5099,-8')->is(206);
    is_deeply [parts($response)],
        [
            ["bytes 0-9/$size",         substr $bytes, 0,    10],
            ["bytes 5000-5099/$size",   substr $bytes, 5000, 100],
            ["bytes 99992-99999/$size", substr $bytes, -8],
        ],
        'each part has its Content-Range and its bytes';
};

subtest 'a range beyond the end returns 416' => sub {
    for my $range ("bytes=$size-", 'bytes=200000-200001') {
        get(Range => $range)->is(416)->header_is('Content-Range', "bytes */$size")->problem('001');
    }
};

subtest 'conditional requests' => sub {
    my $known = get();
    my $etag = $known->header('ETag');
    my $modified = $known->header('Last-Modified');
    my $before = 'Sat, 01 Jan 2000 00:00:00 GMT';
    like $etag, qr/^"[^"]+"$/, 'the ETag is strong';
    for my $same ($etag, "W/$etag", qq("other", $etag), '*') {
        get('If-None-Match' => $same)->is(304, "If-None-Match: $same returns 304")->body_is('')->header_is('ETag', $etag);
    }
    get('If-None-Match' => '"other"')->is(200)->body_is($bytes);
    get('If-Modified-Since' => $modified)->is(304)->body_is('');
    get('If-Modified-Since' => $before)->is(200)->body_is($bytes);
    get('If-Match' => $etag)->is(200);
    get('If-Match' => '"other"')->is(412)->problem('008');

    my %range = (Range => 'bytes=10-19');
    for my $same ($etag, $modified) {
        get(%range, 'If-Range' => $same)->is(206, "If-Range: $same returns the range")->body_is(substr $bytes, 10, 10);
    }
    for my $other ('"other"', $before) {
        get(%range, 'If-Range' => $other)->is(200, "If-Range: $other returns the whole video")->body_is($bytes);
    }
};

subtest '?download=1 sends a Content-Disposition with the title as file name' => sub {
    my $named = add_video(qq(Gr\x{fc}\x{df}e "heim"/zu\x{20ac}));
    $ann->upload($named, 'bunny.mp4')->is(201);
    my $disposition = q(attachment; filename="Gr__e _heim__zu_.mp4";)
        . q( filename*=UTF-8''Gr%C3%BC%C3%9Fe%20_heim__zu%E2%82%AC.mp4);
    my $address = "/stream/videos/$named?download=1";
    $site->get($address)->is(200)->header_is('Content-Disposition', $disposition)
        ->header_is('Content-Type', 'video/mp4')->body_is($bytes);
    $site->head($address)->is(200)->header_is('Content-Disposition', $disposition);
    $site->get($address, headers => {Range => 'bytes=0-1'})->is(206)->header_is('Content-Disposition', $disposition);
    for my $query ('', '?download=0', '?download', '?download=11', '?x=1') {
        $site->get("/stream/videos/$named$query")->is(200)->header_is('Content-Disposition', undef);
    }
};

subtest 'unknown videos, invalid ids and unsupported methods are rejected' => sub {
    my $empty = add_video('No file yet');
    for my $path ("/stream/videos/$empty", '/stream/videos/999999', '/stream', '/stream/', '/stream/videos', "$url/x") {
        $site->get($path)->is(404)->problem('007');
        $site->head($path)->is(404)->body_is('');
    }
    for my $id ('0', '-1', '01', '+1', '1.0', 'x', '9223372036854775808', '1%00', '%201') {
        $site->get("/stream/videos/$id")->is(400, "the id '$id' returns 400")->problem('001');
    }
    for my $method (qw(PUT PATCH DELETE)) {
        $site->request($method, $url)->is(405)->problem('009')->header_is('Allow', $METHODS);
    }
    $site->request('OPTIONS', $url)->is(204)->header_is('Allow', $METHODS);
};

subtest 'a video whose file is missing returns 404' => sub {
    my $lost = add_video('Lost');
    $site->expect_log(qr/event=file_missing/);
    $ann->upload($lost, 'lost.mp4')->is(201);
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $lost");
    unlink "$site->{media}/" . substr($key, 0, 2) . "/$key" or die "cannot remove the file: $!\n";
    $site->get("/stream/videos/$lost")->is(404)->problem('007')->header_is('Content-Type', 'application/problem+json');
};

subtest 'a deleted video is gone for all workers at once' => sub {
    my (@left, %worker);
    my $deadline = time + TIMEOUT;
    for (my $round = 1; $round <= 25 || (keys %worker < 2 && time < $deadline); $round++) {
        my $gone = add_video("Gone $round");
        $ann->upload($gone, 'bunny.mp4')->status == 201 or push @left, 'upload';
        $site->get("/stream/videos/$gone")->status == 200 or push @left, 'get';
        $ann->delete("/api/videos/$gone")->status == 204 or push @left, 'delete';
        my @viewers = map { $site->open('GET', "/stream/videos/$gone") } 1 .. 8;
        push @left, grep { !/^HTTP\/1\.1 404 / } map { $_->rest } @viewers;
        %worker = map { /\bpid=(\d+)/ ? ($1 => 1) : () } $site->log_lines(qr/event=request .*route=\/stream\S* status=404/);
    }
    is_deeply \@left, [], 'after DELETE has answered, every request returns 404';
    is scalar keys %worker, 2, 'both workers have answered such requests';
};

subtest 'a replaced file is delivered at once' => sub {
    my $vid = add_video('Anew');
    my @contents = map { Site::Media::content('mp4', 20_000 + $_) } 1 .. 12;
    for my $content (@contents) {
        my $upload = Tus->create($ann, $vid, length $content);
        my $protocol = length($content) % 2 ? 'raw' : 'tus';
        $protocol eq 'raw' ? $ann->request('POST', "/stream/videos/$vid", body => $content)->is(201) : $upload->patch(0, $content)->is(204);
        $site->get("/stream/videos/$vid")->body_is($content, "$protocol upload: the new file is delivered");
    }
};

subtest 'metadata is cached for anonymous requests, not for those with a session' => sub {
    my $vid = add_video('Popular');
    $ann->upload($vid, 'bunny.mp4')->is(201);
    my $type = sub (%headers) { $site->get("/stream/videos/$vid", headers => \%headers)->header('Content-Type') };
    my $set = sub ($type) { $site->sql("UPDATE videos SET content_type = '$type' WHERE id = $vid") };
    $site->soon(sub {
        $set->('video/mp4');
        $site->soon(sub { $type->() eq 'video/mp4' }, 'a change made in the database takes effect');
        $set->('video/webm');
        $type->() eq 'video/mp4';
    }, 'a change takes effect with a delay, since metadata is cached', 60);
    is $type->('X-Session-Id' => $ann->session), 'video/webm', 'a request with a session reads the current metadata';
};

subtest 'internal locations cannot be requested from outside' => sub {
    my ($name) = $site->media_files;
    my @inside = ("-media/$name", '-upload', '-gate', '-problem');
    for my $inside (@inside) {
        my $escaped = $inside =~ s/-/%2d/r;
        my @spellings = (
            "/$inside",            "/$escaped",                "//$inside",        "/./$inside",
            "/x/../$inside",       "/stream/../$inside",       "/stream/videos/$vid/../../../$inside",
            "/$inside?a=b",        "/$inside#a",               "/" . uc $inside,   "/stream/..%2f$inside",
            "/%2e%2e/$inside",     "http://localhost/$inside", "http://localhost/%2d" . substr($inside, 1),
            "/$inside/",           "/$inside%00",              "/\\$inside",       "/stream/%2e%2e/$escaped",
            "/" . $inside =~ s{/}{//}r, "/" . $inside =~ s{/}{%2f}r,
        );
        for my $method (qw(GET HEAD POST)) {
            my @wrong;
            for my $spelling (@spellings) {
                my $response = $site->request($method, $spelling);
                next if $response->status =~ /^(?:400|404|405)$/ && $response->body !~ /ftyp/;
                push @wrong, "$spelling: " . $response->status;
            }
            is_deeply \@wrong, [], "$method $inside is rejected in every spelling";
        }
    }
    $site->get("/-media/../$_")->is(404) for 'log/nginx.log', 'lock';
};

subtest 'internal headers are never sent to a client' => sub {
    my @responses = (
        get(), get(Range => 'bytes=0-1'), get(Range => "bytes=$size-"), get('If-None-Match' => '*'),
        $site->head($url), $site->get('/stream/videos/999999'), $site->post($url, 'x'),
        $ann->upload($vid, 'bunny.mp4'), $ann->post($url, 'no video'), $site->get('/-gate'),
    );
    for my $response (@responses) {
        unlike $response->{head}, qr/^(?:X-Token|X-Accel|X-Gate)/im, "$response->{request} ($response->{status}) returns no internal header";
        $response->header_like('X-Request-Id', qr/^[0-9a-f]{32}$/);
    }
};

subtest 'forged internal headers have no effect' => sub {
    my $chosen = 'f' x 32;
    my ($name) = $site->media_files;
    my %forged = (
        'X-Request-Id'     => $chosen,             'Request-Id'     => $chosen,
        'X-Token'          => '0.0.0',             'X-Gate-Status'  => 204,
        'X-Gate-Problem'   => '{}',                'X-Accel-Redirect' => "/-media/$name",
        'X-Accel-Expires'  => 0,                   'Request-Method' => 'gate',
        'X-Forwarded-For'  => '127.0.0.1',         'Nginx-Pid'      => 1,
        'Body-File'        => "$site->{media}/$name", 'Request-Msec' => '1.000',
    );
    for my $response (get(%forged), $site->get('/stream/videos/999999', headers => \%forged)) {
        isnt $response->header('X-Request-Id'), $chosen, 'the client cannot choose the request id';
        unlike $response->{head}, qr/^(?:X-Token|X-Accel|X-Gate)/im, 'no internal header is returned';
    }
    get(%forged)->is(200)->body_is($bytes);
    $site->get('/stream/videos/999999', headers => \%forged)->is(404)->problem('007');
    $site->post($url, $bytes, headers => \%forged)->is(401)->problem('003');
    $ann->post($url, '', headers => {%forged, 'Content-Length' => 0})->is(400)->problem('001');
    for my $method ('gate', 'GATE') {
        my $answer = $site->request($method, $url, headers => {%forged, 'X-Session-Id' => $ann->session});
        ok $answer->status == 400 || $answer->status == 405, "the method $method is rejected";
    }
    get()->is(200, 'the video is still available')->body_is($bytes);
};

$site->stop;

subtest 'VS_STREAM_RATE and VS_STREAM_BURST limit the speed' => sub {
    my ($rate, $burst, $more) = (1000, 50_000, 4000);
    $site = Site->start(VS_STREAM_RATE => $rate, VS_STREAM_BURST => $burst);
    my $ben = $site->user('ben');
    for my $name ('slow.mp4', 'small.mp4') {
        my $id = $ben->post('/api/videos', {title => 'Slow'})->json->{id};
        $ben->upload($id, Site::Media::path($folder, $name, $name eq 'small.mp4' ? 60_000 : 100_000))->is(201);
        my $begin = time;
        my $viewer = $site->open('GET', "/stream/videos/$id");
        ok $viewer->await(qr/\r\n\r\n.{$burst}/s), "$name: the burst arrives";
        ok $viewer->await(qr/\r\n\r\n.{${\($burst + $more)}}/s), "$name: the bytes after the burst arrive";
        # nginx rounds up to a page, and then waits until the rate allows the next bytes.
        my $received = length $viewer->take;
        ok $viewer->await(qr/./s), "$name: further bytes arrive";
        my $limit = $burst + $rate * (time - $begin + 2) + 1000;    # and the headers
        cmp_ok $received, '<=', $limit, "$name: the bytes after the burst arrive no faster than the rate";
        $viewer->close;
    }
};

done_testing;
