# Small files, which the pool sends itself over a kept connection. Clients see the same responses as for
# files that nginx sends, and tokens work the same way.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Faults;
use File::Temp ();
use Program;
use Site;

use constant {
    SMALL               => 64 * 1024,    # the largest size that the pool sends itself
    SEQUENTIAL_REQUESTS => 200,
    BACK_SECONDS        => 5,
};

my $folder = File::Temp->newdir;
my $faults = Faults->new;
my $site = Site->start(build => Faults::build(), FAULT_DIR => $faults->folder, VS_STREAM_TOKENS => 1);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');

sub add_video ($bytes, $name = "video-$bytes.mp4") {
    my $id = $ann->post('/api/videos', {title => "$bytes bytes"})->json->{id};
    $ann->upload($id, Site::Media::path($folder, $name, $bytes))->is(201);
    return $id;
}

# Adds a poster, which needs no token. Returns its URL and its content.
sub poster ($bytes) {
    my $id = $ann->post('/api/videos', {title => "A poster of $bytes bytes"})->json->{id};
    my $image = "\xff\xd8\xff\xe0" . 'x' x ($bytes - 4);
    $ann->put("/stream/videos/$id/poster", $image)->is(201);
    return ("/stream/videos/$id/poster", $image);
}

sub all_released ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub { !$bucket->in_use }, $name, BACK_SECONDS);
}

# The headers that describe the file.
sub file_headers ($answer) {
    my %headers = map { lc $_ => scalar $answer->header($_) }
        qw(Content-Type Content-Length ETag Last-Modified Accept-Ranges Cache-Control Content-Disposition X-Content-Type-Options);
    return \%headers;
}

# Sends a request on a kept connection, so that nginx has finished the previous one. Returns the status.
sub status ($viewer, $url) {
    $viewer->send("GET $url HTTP/1.1\r\nHost: localhost\r\n\r\n");
    my ($status) = $viewer->answer('GET') =~ m{^HTTP/1\.1 (\d+) };
    return $status;
}

subtest 'files sent by the pool and by nginx have the same headers and conditions' => sub {
    for my $bytes (SMALL, SMALL + 1) {
        my $url = '/stream/videos/' . add_video($bytes);
        my $content = Site::Media::content('mp4', $bytes);
        for my $path ($url, "$url?download=1") {
            my $whole = $site->get($path)->is(200)->body_is($content);
            is_deeply file_headers($whole), file_headers($site->head($path)), "$path: HEAD returns the same headers";
            my ($tag, $time) = map { scalar $whole->header($_) } qw(ETag Last-Modified);
            my $get = sub (%headers) { $site->get($path, headers => \%headers) };
            $get->('If-None-Match' => $tag)->is(304)->header_is(ETag => $tag);
            $get->('If-None-Match' => '"other"')->is(200)->body_is($content);
            $get->('If-Modified-Since' => $time)->is(304);
            $get->('If-Match' => $tag)->is(200)->body_is($content);
            $get->('If-Match' => '"other"')->is(412);
            $get->('If-Unmodified-Since' => 'Sat, 01 Jan 2000 00:00:00 GMT')->is(412);
            $get->(Range => 'bytes=1000-1999')->is(206)->body_is(substr $content, 1000, 1000);
            $get->(Range => 'bytes=1000-1999', 'If-Range' => $tag)->is(206);
            $get->(Range => 'bytes=1000-1999', 'If-Range' => '"other"')->is(200)->body_is($content);
            $get->(Range => "bytes=$bytes-")->is(416);
        }
    }
};

subtest 'the pool sends small files itself and keeps the connection open' => sub {
    my $pool = $site->fastcgi('stream');
    my ($small, $image) = poster(SMALL);
    for my $time (1 .. 2) {
        my $answer = $pool->request({REQUEST_URI => $small}, keep => 1);
        is $answer->{status}, 200, "request $time for a small file returns 200";
        ok $answer->{body} eq $image, "request $time returns the file";
        is $answer->{headers}{'x-accel-redirect'}, undef, "request $time does not redirect nginx to the file";
    }
    my ($large) = poster(SMALL + 1);
    my $answer = $pool->request({REQUEST_URI => $large}, keep => 1);
    like $answer->{headers}{'x-accel-redirect'}, qr{^/-media/}, 'a larger file is left to nginx';
    is $answer->{body}, '', 'the pool sends no byte of a larger file';
    ok $pool->is_closed, 'the pool closes the connection after a larger file';
};

subtest 'with one token, sequential requests of a client all succeed' => sub {
    for my $bytes (1000, SMALL + 1) {
        my $url = '/stream/videos/' . add_video($bytes, "row-$bytes.mp4");
        my $viewer = $site->connect;
        my %seen;
        $seen{status($viewer, $url)}++ for 1 .. SEQUENTIAL_REQUESTS;
        is_deeply \%seen, {200 => SEQUENTIAL_REQUESTS}, "$bytes bytes: the token is released before each next request";
    }
};

subtest 'the token of a worker that dies is released' => sub {
    my $url = '/stream/videos/' . add_video(1000, 'again.mp4');
    my $viewer = $site->connect;
    my $request = sub ($status, $name) {
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        return is status($viewer, $url), $status, $name;
    };
    $request->(200, 'a request opens a kept connection to a worker');
    all_released('the token of the request is released');
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/FATAL:  connection to client lost/,
        qr/prematurely closed connection|(?:recv|writev)\(\) failed/);
    $faults->kill_at('after_token');
    $request->(429, 'nginx retries with another worker, for which no token is left');
    ok !$faults->is_set('after_token'), 'the first worker has died';
    all_released('the token of the dead worker is released');
    $request->(200, 'the next request gets a token');

    Program->output('vsctl', ['tokens', '--stream', 2], VS_STATE_DIR => $site->state_path(''));
    all_released('the token of the request is released');
    $faults->kill_at('after_token');
    $request->(200, 'with a second token the retry succeeds');
    all_released('both tokens are released');
};

subtest 'an upload whose worker dies before admission is not retried' => sub {
    my $small = add_video(1000, 'kept.mp4');
    my $video = $ann->post('/api/videos', {title => 'To come'})->json->{id};
    my $ben = $site->connect;
    is status($ben, "/stream/videos/$small"), 200, 'a request opens a kept connection to a worker';
    all_released('the token of the request is released');
    $faults->kill_at('after_token');
    my $content = Site::Media::content('mp4', 1000);
    $ben->send("POST /stream/videos/$video HTTP/1.1\r\nHost: localhost\r\nX-Session-Id: "
            . $ann->session . "\r\nContent-Length: 1000\r\n\r\n$content");
    like $ben->answer('POST'), qr{^HTTP/1\.1 503 }, 'the upload returns 503, since nginx does not retry it';
    $site->soon(sub { !$bucket->in_use('upload') }, 'the token of the request is released', BACK_SECONDS);
};

# Deletes a video's file from the disk, but not its row.
sub lose ($id) {
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $id");
    unlink "$site->{media}/" . substr($key, 0, 2) . "/$key" or die "cannot remove the file: $!\n";
    return;
}

subtest 'a file that has been sent is delivered from memory until it is replaced or deleted' => sub {
    $site->expect_log(qr/event=file_missing/);
    my $id = add_video(2000, 'sent.mp4');
    my $url = "/stream/videos/$id";
    my $request = sub ($bytes) {
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        $site->get($url)->is(200)->body_is(Site::Media::content('mp4', $bytes));
    };
    $request->(2000);
    lose($id);
    $request->(2000);
    $ann->upload($id, Site::Media::path($folder, 'next.mp4', 3000))->is(201);
    $request->(3000);
    $ann->delete("/api/videos/$id")->is(204);
    $site->get($url)->is(404)->problem('007');
    all_released('the token of the request is released');
};

subtest 'a small file that is missing returns 404' => sub {
    $site->expect_log(qr/event=file_missing/);
    my $id = add_video(1000, 'lost.mp4');
    lose($id);
    $site->get("/stream/videos/$id")->is(404)->problem('007');
    all_released('the token of the request is released');
};

done_testing;
