# Memory runs out: nobody is told that something is well which is not, and every answer is whole.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(ENOMEM);
use Faults;
use Site;
use Site::Processes;
use Tus;

use constant {
    TIMEOUT => 60,
    WORKERS  => 2,     # of views and of uploads
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
my $film = Site::Media::content('mp4', 1_000_000);

sub add () { return $ann->post('/api/videos', {title => 'A film'})->json->{id} }

sub workers () {
    return grep { Site::Processes::is_alive($_) } $site->log('fcgi-stream') =~ /event=worker_started pool=(?:stream|upload) worker=(\d+)/g;
}

# A worker that has answered nobody yet keeps no memory for answers.
sub renew () {
    my @old = workers();
    $site->kill(KILL => @old);
    my %old = map { $_ => 1 } @old;
    return $site->soon(sub { WORKERS == grep { !$old{$_} } workers() }, 'there are new workers', TIMEOUT);
}

my $video = add();
$ann->post("/stream/videos/$video", $film)->is(201);
my $upload = Tus->create($ann, add(), length $film);

my %EXPECT = (Expect => '100-continue');
my %ASKS = (
    'a film'             => sub () { $site->get("/stream/videos/$video", on => $site->connect) },
    'to upload one'      => sub () { $ann->post("/stream/videos/$video", $film, on => $site->connect, headers => {%EXPECT}) },
    'to upload a piece'  => sub () { $ann->request('PATCH', $upload->url, on => $site->connect, Tus->chunk(0, $film, %EXPECT)) },
    'where an upload is' => sub () { $ann->get($upload->url, on => $site->connect, headers => {'Tus-Resumable' => '1.0.0'}) },
);

for my $name (sort keys %ASKS) {
    subtest "asked for: $name" => sub {
        renew();
        $faults->fail(realloc => ENOMEM);
        my $answer = $ASKS{$name}->()->is(503, 'there is no answer')->problem('012')->header_is('Retry-After', 1);
        is $answer->sent, 0, 'no byte of a body has been sent' if $name =~ /^to upload/;
        $faults->clear('realloc');
    };
}

subtest 'for what an upload has become' => sub {
    renew();
    my $other = add();
    my $upload = $ann->open('POST', "/stream/videos/$other", body => substr($film, 0, -1),
        headers => {'Content-Length' => length $film});
    $site->soon(sub { grep { /\d{10}$/ } glob "$site->{media}/incoming/*" }, 'a film is on its way');
    $faults->fail(realloc => ENOMEM);
    $upload->send(substr $film, -1);
    like $upload->answer('POST', TIMEOUT), qr{^HTTP/1\.1 503 .*"error_code":"012"}s, 'that cannot be told';
    $upload->close;
    $faults->clear('realloc');
    $site->soon(sub { $site->get("/stream/videos/$other")->status == 200 }, 'it is there all the same', TIMEOUT);
    $site->get("/stream/videos/$other")->body_is($film, 'whole');
    is $site->media_files, scalar $site->sql('SELECT count(*) FROM videos WHERE media_key IS NOT NULL'), 'and once';
};

$ASKS{'a film'}->()->is(200, 'with memory all is well')->body_is($film);
$upload->patch(0, $film)->is(204, 'uploads, too');

done_testing;
