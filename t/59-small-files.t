# Small files, which come with the pool's answer over a kept connection: for who looks at them they are as those that
# nginx sends itself, tokens included.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Faults;
use File::Temp ();
use Program;
use Site;

use constant {
    SMALL    => 64 * 1024,    # the longest that is
    ONE_ROW  => 200,
    BACK_SECONDS => 5,
};

my $folder = File::Temp->newdir;
my $faults = Faults->new;
my $site = Site->start(build => Faults::build(), FAULT_DIR => $faults->folder, VS_STREAM_TOKENS => 1);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');

sub add ($bytes, $name = "film-$bytes.mp4") {
    my $id = $ann->post('/api/videos', {title => "$bytes bytes"})->json->{id};
    $ann->upload($id, Site::Media::path($folder, $name, $bytes))->is(201);
    return $id;
}

# A picture, to which no token belongs.
sub poster ($bytes) {
    my $id = $ann->post('/api/videos', {title => "A picture of $bytes bytes"})->json->{id};
    my $picture = "\xff\xd8\xff\xe0" . 'x' x ($bytes - 4);
    $ann->put("/stream/videos/$id/poster", $picture)->is(201);
    return ("/stream/videos/$id/poster", $picture);
}

sub all_back ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub { !$bucket->in_use }, $name, BACK_SECONDS);
}

# What an answer says of the file, without what it says of itself.
sub described ($answer) {
    my %headers = map { lc $_ => scalar $answer->header($_) }
        qw(Content-Type Content-Length ETag Last-Modified Accept-Ranges Cache-Control Content-Disposition X-Content-Type-Options);
    return \%headers;
}

# Asks on a connection that stays open, so that nginx has done with the request before.
sub status ($viewer, $url) {
    $viewer->send("GET $url HTTP/1.1\r\nHost: localhost\r\n\r\n");
    my ($status) = $viewer->answer('GET') =~ m{^HTTP/1\.1 (\d+) };
    return $status;
}

subtest 'whoever sends it' => sub {
    for my $bytes (SMALL, SMALL + 1) {
        my $url = '/stream/videos/' . add($bytes);
        my $content = Site::Media::content('mp4', $bytes);
        for my $asked ($url, "$url?download=1") {
            my $whole = $site->get($asked)->is(200)->body_is($content);
            is_deeply described($whole), described($site->head($asked)), "$asked: HEAD says the same of it";
            my ($tag, $time) = map { scalar $whole->header($_) } qw(ETag Last-Modified);
            my $get = sub (%headers) { $site->get($asked, headers => \%headers) };
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

subtest 'over a kept connection' => sub {
    my $pool = $site->fastcgi('stream');
    my ($small, $picture) = poster(SMALL);
    for my $time (1 .. 2) {
        my $answer = $pool->request({REQUEST_URI => $small}, keep => 1);
        is $answer->{status}, 200, "time $time: 200";
        ok $answer->{body} eq $picture, 'with the file';
        is $answer->{headers}{'x-accel-redirect'}, undef, 'nothing is left to nginx';
    }
    my ($large) = poster(SMALL + 1);
    my $answer = $pool->request({REQUEST_URI => $large}, keep => 1);
    like $answer->{headers}{'x-accel-redirect'}, qr{^/-media/}, 'a larger one is nginx\'s to send';
    is $answer->{body}, '', 'no byte of it comes';
    ok $pool->is_closed, 'and the connection ends, as it will anyway';
};

subtest 'one token, one request after the other' => sub {
    for my $bytes (1000, SMALL + 1) {
        my $url = '/stream/videos/' . add($bytes, "row-$bytes.mp4");
        my $viewer = $site->connect;
        my %seen;
        $seen{status($viewer, $url)}++ for 1 .. ONE_ROW;
        is_deeply \%seen, {200 => ONE_ROW}, "$bytes bytes: the token is always back in time";
    }
};

subtest 'a worker that dies with the token' => sub {
    my $url = '/stream/videos/' . add(1000, 'again.mp4');
    my $viewer = $site->connect;
    my $asks = sub ($status, $name) {
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        return is status($viewer, $url), $status, $name;
    };
    $asks->(200, 'nginx keeps a connection to it');
    all_back('its token is back');
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/FATAL:  connection to client lost/,
        qr/prematurely closed connection|(?:recv|writev)\(\) failed/);
    $faults->kill_at('after_token');
    $asks->(429, 'nginx asks another one, for which there is no token');
    ok !$faults->is_set('after_token'), 'the worker has died';
    all_back('the token of the one that died is back');
    $asks->(200, 'for the next');

    Program->output('vsctl', ['tokens', '--stream', 2], VS_STATE_DIR => $site->state_path(''));
    all_back('its token is back');
    $faults->kill_at('after_token');
    $asks->(200, 'with one more token, the other one answers');
    all_back('both tokens are back');
};

subtest 'a worker that dies at the gate' => sub {
    my $small = add(1000, 'kept.mp4');
    my $video = $ann->post('/api/videos', {title => 'To come'})->json->{id};
    my $ben = $site->connect;
    is status($ben, "/stream/videos/$small"), 200, 'nginx keeps a connection';
    all_back('its token is back');
    $faults->kill_at('after_token');
    my $film = Site::Media::content('mp4', 1000);
    $ben->send("POST /stream/videos/$video HTTP/1.1\r\nHost: localhost\r\nX-Session-Id: "
            . $ann->session . "\r\nContent-Length: 1000\r\n\r\n$film");
    like $ben->answer('POST'), qr{^HTTP/1\.1 503 }, 'no other is asked for the upload';
    $site->soon(sub { !$bucket->in_use('upload') }, 'its token is back', BACK_SECONDS);
};

# Removes the video's file from the disk, and from there alone.
sub lose ($id) {
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $id");
    unlink "$site->{media}/" . substr($key, 0, 2) . "/$key" or die "cannot remove the file: $!\n";
    return;
}

subtest 'one that was sent is in memory' => sub {
    $site->expect_log(qr/event=file_missing/);
    my $id = add(2000, 'sent.mp4');
    my $url = "/stream/videos/$id";
    my $asks = sub ($bytes) {
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        $site->get($url)->is(200)->body_is(Site::Media::content('mp4', $bytes));
    };
    $asks->(2000);
    lose($id);
    $asks->(2000);
    $ann->upload($id, Site::Media::path($folder, 'next.mp4', 3000))->is(201);
    $asks->(3000);
    $ann->delete("/api/videos/$id")->is(204);
    $site->get($url)->is(404)->problem('007');
    all_back('its token is back');
};

subtest 'a file that is lost' => sub {
    $site->expect_log(qr/event=file_missing/);
    my $id = add(1000, 'lost.mp4');
    lose($id);
    $site->get("/stream/videos/$id")->is(404)->problem('007');
    all_back('its token is back');
};

done_testing;
