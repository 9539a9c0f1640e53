# When memory runs out, requests fail with 503; no failed request is reported as successful, and no response
# is incomplete.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces
use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(ENOMEM);
use Faults;
use Site;
use Site::Processes;
use Tus;

use constant {
    TIMEOUT => 60,
    WORKERS => 2,     # one for streams, one for uploads
};

my $faults = Faults->new;
my $site = Site->start(
    build             => Faults::build(),
    FAULT_DIR      => $faults->folder,
    VS_STREAM_THREADS => 1,
    VS_UPLOAD_THREADS => 1,
);
$site->expect_log(
    qr/event=out_of_memory/,
    qr/FATAL:  connection to client lost/,
    qr/event=worker_ended .*signal=[69]/,
    qr/\[error\].*(?:prematurely closed connection|(?:recv|writev)\(\) failed)/,
);
my $ann = $site->user('ann');
my $content = Site::Media::content('mp4', 1_000_000);

sub add_video () { return $ann->post('/api/videos', {title => 'A video'})->json->{id} }

sub workers () {
    return grep { Site::Processes::is_alive($_) } $site->log('fcgi-stream') =~ /event=worker_started pool=(?:stream|upload) worker=(\d+)/g;
}

# Replaces the workers: one that has answered a request would reuse the buffer that it keeps.
sub restart_workers () {
    my @old = workers();
    $site->kill(KILL => @old);
    my %old = map { $_ => 1 } @old;
    return $site->soon(sub { WORKERS == grep { !$old{$_} } workers() }, 'all workers have been replaced', TIMEOUT);
}

my $video = add_video();
$ann->post("/stream/videos/$video", $content)->is(201);
my $upload = Tus->create($ann, add_video(), length $content);

my %EXPECT = (Expect => '100-continue');
my %REQUESTS = (
    'a stream'           => sub () { $site->get("/stream/videos/$video", on => $site->connect) },
    'a raw upload'       => sub () { $ann->post("/stream/videos/$video", $content, on => $site->connect, headers => {%EXPECT}) },
    'a chunk'            => sub () { $ann->request('PATCH', $upload->url, on => $site->connect, Tus->chunk(0, $content, %EXPECT)) },
    "an upload's status" => sub () { $ann->get($upload->url, on => $site->connect, headers => {'Tus-Resumable' => '1.0.0'}) },
);

for my $name (sort keys %REQUESTS) {
    subtest "a request for $name without memory returns 503" => sub {
        restart_workers();
        $faults->fail(realloc => ENOMEM);
        my $answer = $REQUESTS{$name}->()->is(503, "$name returns 503")->problem('012')->header_is('Retry-After', 1);
        is $answer->sent, 0, "$name: no byte of the body is sent" if $name =~ /^a (?:raw upload|chunk)$/;
        $faults->clear('realloc');
    };
}

subtest 'an upload whose response fails for want of memory is stored all the same' => sub {
    restart_workers();
    my $other = add_video();
    my $upload = $ann->open('POST', "/stream/videos/$other", body => substr($content, 0, -1),
        headers => {'Content-Length' => length $content});
    $site->soon(sub { grep { /\d{10}$/ } glob "$site->{media}/incoming/*" }, 'a raw upload is in progress');
    $faults->fail(realloc => ENOMEM);
    $upload->send(substr $content, -1);
    like $upload->answer('POST', TIMEOUT), qr{^HTTP/1\.1 503 .*"error_code":"012"}s, 'the upload returns 503';
    $upload->close;
    $faults->clear('realloc');
    $site->soon(sub { $site->get("/stream/videos/$other")->status == 200 }, 'the video is available all the same', TIMEOUT);
    $site->get("/stream/videos/$other")->body_is($content, 'the video is complete');
    is $site->media_files, scalar $site->sql('SELECT count(*) FROM videos WHERE media_key IS NOT NULL'), 'no file is stored twice';
};

$REQUESTS{'a stream'}->()->is(200, 'a stream succeeds once memory is available')->body_is($content);
$upload->patch(0, $content)->is(204, 'a chunk succeeds once memory is available');

done_testing;
