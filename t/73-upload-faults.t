# Uploads while processes die: the worker at every step of an upload, the other programs at every step and
# while a chunk is being received. Whatever was acknowledged is stored; whatever was not is stored or can be
# resumed or repeated. Every file belongs to a row, and every file that a row names exists.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces
use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO);
use Faults;
use Site;
use Site::Processes;
use Tus;

use constant {
    STEPS_MAX => 30,    # more often than an upload reaches any one step
    TIMEOUT   => 60,
};

# Every step lies between two operations of an upload.
my @STEPS = qw(after_fsync after_rename half_copy after_copy after_query after_answer);

my $faults = Faults->new;
# Enough workers that some are always running: a worker that died is restarted with a delay.
my $site = Site->start(
    build               => Faults::build(),
    FAULT_DIR        => $faults->folder,
    VS_UPLOAD_PROCESSES => 16,
    VS_UPLOAD_THREADS   => 1,
);
my $ann = $site->user('ann');
my $content = Site::Media::content('mp4', 1_000_000);
my $length = length $content;
my $half = $length / 2;
my $poster = "\xff\xd8\xff\xe0" . 'x' x 100_000;

$site->expect_log(
    qr/event=worker_ended .*signal=9/,
    qr/\[(?:error|crit)\].*(?:prematurely closed connection|(?:recv|writev)\(\) failed|connect\(\) to unix:\S+ failed)/,
    qr/FATAL:  connection to client lost|could not send data to client|Connection reset by peer/,
);

sub add_video () { return $ann->post('/api/videos', {title => 'A video'})->json->{id} }

sub incoming () { return map { s{.*/}{}r } glob "$site->{media}/incoming/*" }

# Repeats a request until the site answers without a server error.
sub retry ($request) {
    my $answer;
    $site->soon(sub { $answer = $request->(); $answer->status != 0 && $answer->status < 500 }, 'the site answers', TIMEOUT);
    return $answer;
}

# The ways to upload: begin prepares the upload, send is interrupted, resume completes it. Each gets the video
# and, except begin, what begin returned. The result is the video file, unless result says otherwise.
my %UPLOADS = (
    'a poster' => {
        send   => \&put_poster,
        resume => \&put_poster,
        result => ['/poster', $poster],
    },
    'a raw body' => {
        send   => sub ($video, $) { $ann->post("/stream/videos/$video", $content, on => $site->connect) },
        resume => sub ($video, $) { $ann->post("/stream/videos/$video", $content, on => $site->connect) },
    },
    'a form' => {
        send   => sub ($video, $) { $ann->upload($video, "$site->{folder}/video.mp4", as => 'multipart', on => $site->connect) },
        resume => sub ($video, $) { $ann->upload($video, "$site->{folder}/video.mp4", as => 'multipart', on => $site->connect) },
    },
    'a single chunk' => {
        begin  => sub ($video) { Tus->create($ann, $video, $length) },
        send   => sub ($video, $upload) { $upload->patch(0, $content) },
        resume => \&finish,
    },
    # The client has no URL of the interrupted upload, which would expire.
    'creation with content' => {
        send   => sub ($video, $) { create($video) },
        resume => sub ($video, $) {
            my @ids = map { $_->[0] } $site->sql('SELECT id FROM uploads WHERE resumable AND finished_at IS NULL');
            Tus->at($ann, "/stream/uploads/$_")->delete->is(204) for @ids;
            return create($video);
        },
    },
    'a second chunk' => {
        begin  => sub ($video) { my $upload = Tus->create($ann, $video, $length); $upload->patch(0, substr $content, 0, $half); $upload },
        send   => sub ($video, $upload) { $upload->patch($half, substr $content, $half) },
        resume => \&finish,
    },
);

sub put_poster ($video, $) { return $ann->put("/stream/videos/$video/poster", $poster, on => $site->connect) }

# Whether the stored bytes are those that were uploaded this way.
sub is_stored ($name, $video) {
    my ($path, $bytes) = ($UPLOADS{$name}{result} // ['', $content])->@*;
    return $site->get("/stream/videos/$video$path")->body eq $bytes;
}

# Creates an upload and sends the content in the same request.
sub create ($video) {
    my %chunk = Tus->chunk(0, $content, 'Upload-Length' => $length, 'Upload-Offset' => undef);
    return $ann->request('POST', "/stream/videos/$video", on => $site->connect, %chunk);
}

# Resumes an upload at its current offset.
sub finish ($video, $upload) {
    my $head = $upload->head;
    my $offset = $head->header('Upload-Offset') // return $head;
    return $head if $offset == $length;
    return $upload->patch($offset, substr $content, $offset);
}

# What must hold after every fault.
sub is_consistent ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @rows = $site->sql('SELECT media_key, 1 FROM videos WHERE media_key IS NOT NULL UNION ALL SELECT media_key, 1 FROM posters'
        . ' UNION ALL SELECT media_key, 0 FROM video_deletions UNION ALL SELECT id, 0 FROM uploads');
    my %referenced = map { $_->[0] => 1 } @rows;
    my @files = map { s{.*/}{}r } $site->media_files;
    my %existing = map { $_ => 1 } @files;
    my @missing = grep { !$existing{$_} } map { $_->[1] ? $_->[0] : () } @rows;
    my @orphans = grep { !$referenced{$_} } @files;
    return is "@missing|@orphans", '|', "$name: every row has its file, and every file its row";
}

# Reservations of videos and posters whose clients disconnected or whose workers died are released.
sub reservations_are_released () {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub { !$site->sql('SELECT count(*) FROM uploads WHERE NOT resumable') },
        'no reservation is left', TIMEOUT);
}

# Kills the worker when the upload reaches the step for the Nth time. Returns false if it does not.
sub interrupt ($name, $step, $time) {
    my $upload_type = $UPLOADS{$name};
    my $video = add_video();
    my $upload = $upload_type->{begin} && $upload_type->{begin}->($video);
    $faults->kill_at($step, $time);
    my $answer = $upload_type->{send}->($video, $upload);
    if ($faults->is_set($step)) {
        $faults->clear($step);
        return 0;
    }
    my $where = "$name, killed at $step #$time";
    isnt int($answer->status / 100), 2, "$where: the upload is not acknowledged";
    is_consistent($where);
    retry(sub { $upload_type->{resume}->($video, $upload) });
    $site->soon(sub { is_stored($name, $video) }, "$where: after the resumption the stored file equals the uploaded one");
    $site->soon(sub { !incoming() }, "$where: no incoming file is left");
    return 1;
}

open my $file, '>:raw', "$site->{folder}/video.mp4" or die "cannot write a video file: $!\n";
print {$file} $content;
close $file;

for my $name (sort keys %UPLOADS) {
    subtest "the worker is killed at each step of an upload: $name" => sub {
        my $kills = 0;
        for my $step (@STEPS) {
            for my $time (1 .. STEPS_MAX) {
                interrupt($name, $step, $time) or last;
                $kills++;
            }
        }
        cmp_ok $kills, '>=', 13, "$name: the worker was killed $kills times";
        is_consistent("$name, after all kills");
        reservations_are_released();
    };
}

subtest 'the accounting process is killed while it releases reservations' => sub {
    for my $time (1 .. 3) {
        $faults->kill_at('after_accounting_query', $time);
        my $upload = $ann->open('POST', '/stream/videos/' . add_video(), body => 'x', headers => {'Content-Length' => 1000});
        $site->soon(sub { $site->sql('SELECT count(*) FROM uploads WHERE NOT resumable') }, 'an upload has a reservation');
        $upload->close;
        reservations_are_released();
        $site->soon(sub { !$faults->is_set('after_accounting_query') }, "the accounting process was killed at statement $time", TIMEOUT);
    }
    is_consistent('accounting process killed');
};

sub folders () { return glob "$site->{media}/[0-9a-f][0-9a-f]" }

# fsync fails for the incoming file, for the folder that it is moved to, or for a newly created one.
subtest 'an upload that cannot be made durable is not acknowledged' => sub {
    $site->expect_log(qr/event=upload_failed .*reason="Input\/output error"/);
    my %object = (incoming => 'the incoming file', '!incoming' => 'its folder', '!incoming, new' => 'its new folder');
    for my $name (sort keys %UPLOADS) {
        for my $part ('incoming', '!incoming', '!incoming, new') {
            my $upload_type = $UPLOADS{$name};
            my $video = add_video();
            my $upload = $upload_type->{begin} && $upload_type->{begin}->($video);
            rmdir for $part =~ /new/ ? folders() : ();
            my @before = (folders(), $site->media_files);
            $faults->fail(fsync => EIO, $part =~ s/,.*//r);
            my $where = "$name, fsync fails for $object{$part}";
            $upload_type->{send}->($video, $upload)->is(500, "$where: the upload is not acknowledged")->problem('005');
            is_deeply [folders(), $site->media_files], \@before, "$where: no file and no folder is left";
            is_consistent($where);
            $faults->clear('fsync');
            $upload_type->{resume}->($video, $upload);
            ok is_stored($name, $video), "$where: after the resumption the stored file equals the uploaded one";
            $site->soon(sub { !incoming() }, "$where: no incoming file is left");
        }
    }
};

# As when nginx has timed out and released the reservation.
subtest 'an upload whose reservation was released meanwhile is not published' => sub {
    my $video = add_video();
    my %uploads = (
        'a raw body' => sub () { $ann->open('POST', "/stream/videos/$video", body => $content) },
        'a poster'   => sub () { $ann->open('PUT', "/stream/videos/$video/poster", body => "\xff\xd8\xff\xe0" . 'x' x 1000) },
    );
    for my $name (sort keys %uploads) {
        $faults->hold_at('after_rename');
        my $upload = $uploads{$name}->();
        $site->soon(sub { $faults->is_held('after_rename') }, "$name is about to be published", TIMEOUT);
        $site->sql('DELETE FROM uploads WHERE NOT resumable');
        $faults->clear('after_rename');
        like $upload->answer($name eq 'a raw body' ? 'POST' : 'PUT'), qr{^HTTP/1\.1 404 }, "$name returns 404";
        $upload->close;
        is_consistent($name);
    }
    $site->get("/stream/videos/$video$_")->is(404) for '', '/poster';
};

subtest 'an upload whose worker is killed before it is admitted returns 503' => sub {
    my $video = add_video();
    my $upload = Tus->create($ann, $video, $length);
    my %requests = (
        'a raw body' => sub (%options) { $ann->post("/stream/videos/$video", $content, %options) },
        'a chunk'    => sub (%options) { $ann->request('PATCH', $upload->url, %options, Tus->chunk(0, $content, Expect => '100-continue')) },
        'a poster'   => sub (%options) { $ann->put("/stream/videos/$video/poster", 'x' x 1000, %options) },
    );
    for my $name (sort keys %requests) {
        $faults->kill_at('after_query');
        my $answer = $requests{$name}->(headers => {Expect => '100-continue'}, on => $site->connect);
        $answer->is(503, "$name returns 503, and the client may retry")->problem('012')->header_is('Retry-After', 1);
        is $answer->sent, 0, "$name: no byte of the body is sent";
    }
    $upload->delete->is(204);
    is_consistent('worker killed before admission');
    reservations_are_released();
};

# Kills a program. Returns a function that waits until it has been restarted: the workers of a dead nginx
# answer for a while, and then nothing does.
sub kill_program ($program) {
    my ($pid) = $site->kill(KILL => $program);
    $site->soon(sub { !Site::Processes::is_alive($pid) }, "$program has died");
    return sub () { $site->soon(sub { grep { $_ != $pid } ($site->pids($program))[0] // () }, "$program is restarted", TIMEOUT) };
}

# What PostgreSQL logs about its crash, and about a restart while processes of the crashed server still run.
my @POSTGRES = qr/database system (?:was|is)|terminating connection|pre-existing shared memory block/;

# The steps of a complete upload and of the last chunk of one, as far as they differ.
my @HELD = (['before_rename', 1], ['after_rename', 1], ['half_copy', 1], ['after_copy', 1], map { ['after_query', $_] } 3 .. 6);

# Holds the worker at the step while the program is killed. Returns false if the upload does not reach the
# step for the Nth time.
sub die_at ($program, $name, $step, $time) {
    my $video = add_video();
    my $upload = $name eq 'a second chunk' && $UPLOADS{$name}{begin}->($video);
    $faults->hold_at($step, $time);
    my $connection = $upload
        ? $upload->open($half, substr($content, $half), $half)
        : $ann->open('POST', "/stream/videos/$video", body => $content);
    my $held;
    $site->soon(sub { $held = $faults->is_held($step); $held || $connection->await(qr/./, 0.01) }, "$name: the upload reaches $step #$time or ends", TIMEOUT);
    my $await = $held && kill_program($program);
    $faults->clear($step);
    $connection->close;
    return 0 if !$held;
    $await->();
    my $where = "$name, $program killed at $step #$time";
    retry(sub { $site->get("/api/videos/$video") });
    $site->soon(sub { $UPLOADS{$name}{resume}->($video, $upload); $site->get("/stream/videos/$video")->body eq $content },
        "$where: after the resumption the stored file equals the uploaded one", TIMEOUT);
    is_consistent($where);
    return 1;
}

# Each step with one of the programs, in turn; with VS_SOAK each step with every program, which takes minutes.
subtest 'another program is killed at each step of an upload' => sub {
    $site->expect_log(qr/(?:nginx|fcgi-stream|postgresql) died/, @POSTGRES, qr/level=error/);
    my @programs = qw(nginx fcgi-stream postgres);
    my $deaths = 0;
    for my $name ('a raw body', 'a second chunk') {
        for my $held (@HELD) {
            my @next = $ENV{VS_SOAK} ? @programs : $programs[$deaths % @programs];
            $deaths += die_at($_, $name, @$held) for @next;
        }
    }
    cmp_ok $deaths, '>=', 9, "programs were killed $deaths times";
    reservations_are_released();
};

subtest 'another program is killed while a chunk is being received' => sub {
    $site->expect_log(qr/(?:nginx|fcgi-stream|postgresql) died/, @POSTGRES, qr/level=error/);
    for my $program (qw(nginx fcgi-stream postgres)) {
        my $video = add_video();
        my $upload = Tus->create($ann, $video, $length);
        $upload->patch(0, substr $content, 0, 1000)->is(204, "$program: a first chunk is acknowledged");
        my $chunk = $upload->open(1000, substr($content, 1000, 300_000), $length - 1000);
        $site->soon(sub { grep { /^\d+$/ && -s "$site->{media}/incoming/$_" > 100_000 } incoming() }, "$program: a second chunk is being received");
        my $await = kill_program($program);
        $chunk->close;
        $await->();
        my $head = retry(sub { $upload->head });
        cmp_ok $head->header('Upload-Offset'), '>=', 1000, "$program: the acknowledged bytes are stored";
        $site->soon(sub { finish($video, $upload); $site->get("/stream/videos/$video")->body eq $content },
            "$program: the upload can be resumed and completed", TIMEOUT);
        is_consistent($program);
        my @uploads = grep { /-/ } incoming();
        is "@uploads", '', "$program: no file of the upload is left";
    }
};

done_testing;
