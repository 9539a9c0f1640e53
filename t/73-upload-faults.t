# Uploads when things go wrong: the worker dies between any two steps of its work, and each of the other programs
# dies at each step, and while a piece is on its way. What was acknowledged is there; what was not is there or can be
# gone on with; every file is known by a row, and every film that a row names is there.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Errno qw(EIO);
use Faults;
use Site;
use Site::Processes;
use Tus;

use constant {
    STEPS_MAX => 30,    # of one kind in one upload
    TIMEOUT   => 60,
};

# Each is between two things that are done: before the next one.
my @STEPS = qw(after_fsync after_rename half_copy after_copy after_query after_answer);

my $faults = Faults->new;
# So many workers that those which have to wait before they start again are not missed.
my $site = Site->start(
    build               => Faults::build(),
    FAULT_DIR        => $faults->folder,
    VS_UPLOAD_PROCESSES => 16,
    VS_UPLOAD_THREADS   => 1,
);
my $ann = $site->user('ann');
my $film = Site::Media::content('mp4', 1_000_000);
my $length = length $film;
my $half = $length / 2;
my $poster = "\xff\xd8\xff\xe0" . 'x' x 100_000;

$site->expect_log(
    qr/event=worker_ended .*signal=9/,
    qr/\[(?:error|crit)\].*(?:prematurely closed connection|(?:recv|writev)\(\) failed|connect\(\) to unix:\S+ failed)/,
    qr/FATAL:  connection to client lost|could not send data to client|Connection reset by peer/,
);

sub add () { return $ann->post('/api/videos', {title => 'A film'})->json->{id} }

sub incoming () { return map { s{.*/}{}r } glob "$site->{media}/incoming/*" }

# Asks until there is an answer of a site that is whole.
sub patiently ($ask) {
    my $answer;
    $site->soon(sub { $answer = $ask->(); $answer->status != 0 && $answer->status < 500 }, 'it answers again', TIMEOUT);
    return $answer;
}

# Each way to upload: what it begins with, what is interrupted, and how one goes on. Each is told the video and
# what the one before has returned. What comes of it is the film, if nothing else is said.
my %UPLOADS = (
    'a poster' => {
        send  => \&put_poster,
        go_on => \&put_poster,
        shown => ['/poster', $poster],
    },
    'raw' => {
        send  => sub ($video, $) { $ann->post("/stream/videos/$video", $film, on => $site->connect) },
        go_on => sub ($video, $) { $ann->post("/stream/videos/$video", $film, on => $site->connect) },
    },
    'a form' => {
        send  => sub ($video, $) { $ann->upload($video, "$site->{folder}/film.mp4", as => 'multipart', on => $site->connect) },
        go_on => sub ($video, $) { $ann->upload($video, "$site->{folder}/film.mp4", as => 'multipart', on => $site->connect) },
    },
    'one piece' => {
        begin => sub ($video) { Tus->create($ann, $video, $length) },
        send  => sub ($video, $upload) { $upload->patch(0, $film) },
        go_on => \&finish,
    },
    # Nobody knows of the one that was interrupted; it would expire.
    'in one go' => {
        send  => sub ($video, $) { create($video) },
        go_on => sub ($video, $) {
            my @ids = map { $_->[0] } $site->sql('SELECT id FROM uploads WHERE resumable AND finished_at IS NULL');
            Tus->at($ann, "/stream/uploads/$_")->delete->is(204) for @ids;
            return create($video);
        },
    },
    'a second piece' => {
        begin => sub ($video) { my $upload = Tus->create($ann, $video, $length); $upload->patch(0, substr $film, 0, $half); $upload },
        send  => sub ($video, $upload) { $upload->patch($half, substr $film, $half) },
        go_on => \&finish,
    },
);

sub put_poster ($video, $) { return $ann->put("/stream/videos/$video/poster", $poster, on => $site->connect) }

# Whether the video is, byte for byte, what was uploaded that way.
sub is_whole ($name, $video) {
    my ($path, $bytes) = ($UPLOADS{$name}{shown} // ['', $film])->@*;
    return $site->get("/stream/videos/$video$path")->body eq $bytes;
}

# An upload that comes along with its creation.
sub create ($video) {
    my %piece = Tus->chunk(0, $film, 'Upload-Length' => $length, 'Upload-Offset' => undef);
    return $ann->request('POST', "/stream/videos/$video", on => $site->connect, %piece);
}

# Goes on with an upload in pieces from where it is.
sub finish ($video, $upload) {
    my $head = $upload->head;
    my $offset = $head->header('Upload-Offset') // return $head;
    return $head if $offset == $length;
    return $upload->patch($offset, substr $film, $offset);
}

# What must hold whatever has happened.
sub in_order ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @rows = $site->sql('SELECT media_key, 1 FROM videos WHERE media_key IS NOT NULL UNION ALL SELECT media_key, 1 FROM posters'
        . ' UNION ALL SELECT media_key, 0 FROM video_deletions UNION ALL SELECT id, 0 FROM uploads');
    my %known = map { $_->[0] => 1 } @rows;
    my @files = map { s{.*/}{}r } $site->media_files;
    my %there = map { $_ => 1 } @files;
    my @lost = grep { !$there{$_} } map { $_->[1] ? $_->[0] : () } @rows;
    my @strangers = grep { !$known{$_} } @files;
    return is "@lost|@strangers", '|', "$name: rows and files agree";
}

# Of films and posters that were not acknowledged, their clients have vanished or their workers died.
sub nothing_set_aside () {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub { !$site->sql('SELECT count(*) FROM uploads WHERE NOT resumable') },
        'nothing is set aside any more', TIMEOUT);
}

# Interrupts one upload at the step for that time. False when it does not come to it so often.
sub interrupt ($name, $step, $time) {
    my $way = $UPLOADS{$name};
    my $video = add();
    my $upload = $way->{begin} && $way->{begin}->($video);
    $faults->kill_at($step, $time);
    my $answer = $way->{send}->($video, $upload);
    if ($faults->is_set($step)) {
        $faults->clear($step);
        return 0;
    }
    my $where = "$name, $step $time";
    isnt int($answer->status / 100), 2, "$where: nothing is acknowledged";
    in_order($where);
    patiently(sub { $way->{go_on}->($video, $upload) });
    $site->soon(sub { is_whole($name, $video) }, "$where: then the video is what was uploaded");
    $site->soon(sub { !incoming() }, "$where: and nothing is left");
    return 1;
}

open my $file, '>:raw', "$site->{folder}/film.mp4" or die "cannot write a film: $!\n";
print {$file} $film;
close $file;

for my $name (sort keys %UPLOADS) {
    subtest "killed: $name" => sub {
        my $kills = 0;
        for my $step (@STEPS) {
            for my $time (1 .. STEPS_MAX) {
                interrupt($name, $step, $time) or last;
                $kills++;
            }
        }
        cmp_ok $kills, '>=', 13, "it was killed $kills times";
        in_order("killed: $name");
        nothing_set_aside();
    };
}

subtest 'killed: the accounting process' => sub {
    for my $time (1 .. 3) {
        $faults->kill_at('after_accounting_query', $time);
        my $upload = $ann->open('POST', '/stream/videos/' . add(), body => 'x', headers => {'Content-Length' => 1000});
        $site->soon(sub { $site->sql('SELECT count(*) FROM uploads WHERE NOT resumable') }, 'an upload begins');
        $upload->close;
        nothing_set_aside();
        $site->soon(sub { !$faults->is_set('after_accounting_query') }, 'it was killed', TIMEOUT);
    }
    in_order('killed: the accounting process');
};

sub folders () { return glob "$site->{media}/[0-9a-f][0-9a-f]" }

# Neither a file, nor the folder that it goes to, nor one that is made for it because somebody has removed it.
subtest 'what cannot be made durable' => sub {
    $site->expect_log(qr/event=upload_failed .*reason="Input\/output error"/);
    for my $name (sort keys %UPLOADS) {
        for my $part ('incoming', '!incoming', '!incoming, new') {
            my $way = $UPLOADS{$name};
            my $video = add();
            my $upload = $way->{begin} && $way->{begin}->($video);
            rmdir for $part =~ /new/ ? folders() : ();
            my @before = (folders(), $site->media_files);
            $faults->fail(fsync => EIO, $part =~ s/,.*//r);
            my $where = "$name, $part";
            $way->{send}->($video, $upload)->is(500, "$where: nothing is acknowledged")->problem('005');
            is_deeply [folders(), $site->media_files], \@before, 'no file has been published, nor is there a folder for it';
            in_order($where);
            $faults->clear('fsync');
            $way->{go_on}->($video, $upload);
            ok is_whole($name, $video), "$where: then the video is what was uploaded";
            $site->soon(sub { !incoming() }, 'and nothing is left');
        }
    }
};

# As when nginx has not waited for the answer.
subtest 'taken back too early' => sub {
    my $video = add();
    my %uploads = (
        'a film'   => sub () { $ann->open('POST', "/stream/videos/$video", body => $film) },
        'a poster' => sub () { $ann->open('PUT', "/stream/videos/$video/poster", body => "\xff\xd8\xff\xe0" . 'x' x 1000) },
    );
    for my $name (sort keys %uploads) {
        $faults->hold_at('after_rename');
        my $upload = $uploads{$name}->();
        $site->soon(sub { $faults->is_held('after_rename') }, "$name is about to be published", TIMEOUT);
        $site->sql('DELETE FROM uploads WHERE NOT resumable');
        $faults->clear('after_rename');
        like $upload->answer($name eq 'a film' ? 'POST' : 'PUT'), qr{^HTTP/1\.1 404 }, 'then it is not';
        $upload->close;
        in_order($name);
    }
    $site->get("/stream/videos/$video$_")->is(404) for '', '/poster';
};

subtest 'killed in the gate' => sub {
    my $video = add();
    my $upload = Tus->create($ann, $video, $length);
    my %asks = (
        'a raw body' => sub (%options) { $ann->post("/stream/videos/$video", $film, %options) },
        'a piece'    => sub (%options) { $ann->request('PATCH', $upload->url, %options, Tus->chunk(0, $film, Expect => '100-continue')) },
        'a poster'   => sub (%options) { $ann->put("/stream/videos/$video/poster", 'x' x 1000, %options) },
    );
    for my $name (sort keys %asks) {
        $faults->kill_at('after_query');
        my $answer = $asks{$name}->(headers => {Expect => '100-continue'}, on => $site->connect);
        $answer->is(503, "$name: the client may try again")->problem('012')->header_is('Retry-After', 1);
        is $answer->sent, 0, 'no byte of the body has been sent';
    }
    $upload->delete->is(204);
    in_order('killed in the gate');
    nothing_set_aside();
};

# Kills a program. What is returned waits until it has been started again: the workers of an nginx that has died answer
# for a while, and then nobody does.
sub kill_program ($program) {
    my ($pid) = $site->kill(KILL => $program);
    $site->soon(sub { !Site::Processes::is_alive($pid) }, "$program dies");
    return sub () { $site->soon(sub { grep { $_ != $pid } ($site->pids($program))[0] // () }, 'it is started again', TIMEOUT) };
}

# What PostgreSQL says of its death and, when it is started again before the last of its processes has noticed, of that.
my @POSTGRES = qr/database system (?:was|is)|terminating connection|pre-existing shared memory block/;

# The steps of an upload as a whole, and of the last piece of one, as far as they differ.
my @HELD = (['before_rename', 1], ['after_rename', 1], ['half_copy', 1], ['after_copy', 1], map { ['after_query', $_] } 3 .. 6);

# One whose worker is held at the step for that time while the program dies. False when it does not come there.
sub die_at ($program, $name, $step, $time) {
    my $video = add();
    my $upload = $name eq 'a second piece' && $UPLOADS{$name}{begin}->($video);
    $faults->hold_at($step, $time);
    my $connection = $upload
        ? $upload->open($half, substr($film, $half), $half)
        : $ann->open('POST', "/stream/videos/$video", body => $film);
    my $held;
    $site->soon(sub { $held = $faults->is_held($step); $held || $connection->await(qr/./, 0.01) }, "$name comes to $step $time", TIMEOUT);
    my $await = $held && kill_program($program);
    $faults->clear($step);
    $connection->close;
    return 0 if !$held;
    $await->();
    my $where = "$name, $step $time, $program";
    patiently(sub { $site->get("/api/videos/$video") });
    $site->soon(sub { $UPLOADS{$name}{go_on}->($video, $upload); $site->get("/stream/videos/$video")->body eq $film },
        "$where: then the video is what was uploaded", TIMEOUT);
    in_order($where);
    return 1;
}

# One after the other of them; each at each step, which takes minutes, with VS_SOAK.
subtest 'others die at each step' => sub {
    $site->expect_log(qr/(?:nginx|fcgi-stream|postgresql) died/, @POSTGRES, qr/level=error/);
    my @programs = qw(nginx fcgi-stream postgres);
    my $deaths = 0;
    for my $name ('raw', 'a second piece') {
        for my $held (@HELD) {
            my @next = $ENV{VS_SOAK} ? @programs : $programs[$deaths % @programs];
            $deaths += die_at($_, $name, @$held) for @next;
        }
    }
    cmp_ok $deaths, '>=', 9, "$deaths times";
    nothing_set_aside();
};

subtest 'others die while a piece is on its way' => sub {
    $site->expect_log(qr/(?:nginx|fcgi-stream|postgresql) died/, @POSTGRES, qr/level=error/);
    for my $program (qw(nginx fcgi-stream postgres)) {
        my $video = add();
        my $upload = Tus->create($ann, $video, $length);
        $upload->patch(0, substr $film, 0, 1000)->is(204, "$program: a piece is acknowledged");
        my $piece = $upload->open(1000, substr($film, 1000, 300_000), $length - 1000);
        $site->soon(sub { grep { /^\d+$/ && -s "$site->{media}/incoming/$_" > 100_000 } incoming() }, 'another one is on its way');
        my $await = kill_program($program);
        $piece->close;
        $await->();
        my $head = patiently(sub { $upload->head });
        cmp_ok $head->header('Upload-Offset'), '>=', 1000, 'what was acknowledged is there';
        $site->soon(sub { finish($video, $upload); $site->get("/stream/videos/$video")->body eq $film },
            'and the upload can be gone on with', TIMEOUT);
        in_order($program);
        my @uploads = grep { /-/ } incoming();
        is "@uploads", '', 'nothing is left of it';
    }
};

done_testing;
