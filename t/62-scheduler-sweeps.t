# What the scheduler sweeps: sessions that have ended, files that nobody claims, and disk and rows compared.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Deletions;
use Program;
use Site;

use constant {
    TIMEOUT => 60,    # seconds
    KIB      => 1024,
    AGE      => 6,     # seconds; a busy machine takes some from one piece of an upload to the next
    SWEEPS   => 6,
};

my $site = Site->start(VS_SCHEDULER_INTERVAL => '1s', VS_ORPHAN_AGE => AGE . 's');
my $deletions = Deletions->new($site);
my $ann = $site->user('ann');

sub film () {
    my $video = $ann->post('/api/videos', {title => 'A film'})->json->{id};
    $ann->upload($video, 'bunny.mp4')->is(201, 'a film is there');
    return $video;
}

# Makes a sweep due, and waits until it has been made.
sub sweep ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $site->sql("UPDATE sweeps SET next_run_at = 'epoch', attempts = 0 WHERE name = '$name'");
    return $site->soon(
        sub { $site->sql("SELECT next_run_at > now() AND leased_by IS NULL FROM sweeps WHERE name = '$name'") eq 't' },
        "$name has been made", TIMEOUT);
}

# The same, again and again until the check holds: files must have an age.
sub sweep_until ($name, $check, $what) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub {
        $site->sql("UPDATE sweeps SET next_run_at = 'epoch' WHERE name = '$name'");
        return $check->();
    }, $what, TIMEOUT);
}

subtest 'each is made by itself' => sub {
    $site->soon(sub {
        $site->sql("SELECT count(*) FROM sweeps WHERE next_run_at > now() AND leased_by IS NULL") == SWEEPS
    }, 'after the start', TIMEOUT);
    is_deeply [map { $_->[0] } $site->sql('SELECT name FROM sweeps WHERE last_error IS NOT NULL')], [], 'without an error';
};

subtest 'sessions that have ended' => sub {
    my $here = $site->user('ann');
    my $late = $site->user('ann');
    $site->sql(<<~SQL);
        INSERT INTO sessions (token_hash, user_id, expires_at, ends_at)
            SELECT sha256(n::text::bytea), ${\$ann->id}, now() - interval '1 second', now() + interval '1 day'
            FROM generate_series(1, 2500) n
        SQL
    $site->sql("UPDATE sessions SET expires_at = now() - interval '1 second' WHERE token_hash = sha256(convert_to('"
            . $late->session . "', 'UTF8'))");
    sweep('session_sweep');
    is $site->sql('SELECT count(*) FROM sessions WHERE expires_at <= now()'), 0, 'are gone, in several steps';
    $late->post('/api/videos', {title => 'Late'})->is(401, 'the one that ended is no session');
    $here->post('/api/videos', {title => 'Here'})->is(201, 'the others still are');
};

sub incoming ($name) { return "$site->{media}/incoming/$name" }

subtest 'files that nobody has claimed' => sub {
    my $path = incoming('0000009999');
    open my $file, '>', $path or die "cannot write $path: $!\n";
    close $file;
    my ($published) = $deletions->make_files(1);
    mkdir incoming('folder') or die "cannot mkdir: $!\n";
    sweep_until('incoming_sweep', sub { !-e $path }, 'go when they are old');
    ok -d incoming('folder'), 'a folder is none of its business';
    rmdir incoming('folder');
    unlink $deletions->path($published);

    my $video = $ann->post('/api/videos', {title => 'Slow'})->json->{id};
    my $bytes = Site::Media::content('mp4', 200 * KIB);
    my $upload = $ann->open('POST', "/stream/videos/$video", body => substr($bytes, 0, KIB),
        headers => {'Content-Type' => 'video/mp4', 'Content-Length' => length $bytes});
    my $sent = KIB;
    my $sweeps = 0;
    while ($sent + 40 * KIB < length $bytes) {
        $upload->send(substr $bytes, $sent, 40 * KIB);
        $sent += 40 * KIB;
        sweep('incoming_sweep');
    }
    $site->sql('UPDATE uploads SET expires_at = now()');
    sweep('upload_sweep');
    $upload->send(substr $bytes, $sent);
    like $upload->answer('POST'), qr{^HTTP/1\.1 201}, 'an upload that goes on is safe';
    $site->get("/stream/videos/$video")->body_is($bytes, 'and whole');
    $ann->delete("/api/videos/$video")->is(204);
};

subtest 'uploads that were given up' => sub {
    my $video = $ann->post('/api/videos', {title => 'Resumed'})->json->{id};
    my %id = (live => '11111111-1111-4111-8111-111111111111', over => '22222222-2222-4222-8222-222222222222');
    my %expires = (live => '1 hour', over => '-1 second');
    for my $name (sort keys %id) {
        open my $file, '>', incoming($id{$name}) or die "cannot write: $!\n";
        close $file;
        $site->sql('INSERT INTO uploads (id, video_id, user_id, resumable, length, expires_at)'
                . " VALUES ('$id{$name}', $video, ${\$ann->id}, true, 10, now() + interval '$expires{$name}')");
    }
    my @published = map { $deletions->make_file($_); $_ } $id{live};
    $deletions->make_file($id{over});
    $deletions->queue_leased('6 seconds', $id{over});
    sweep('upload_sweep');
    is_deeply [map { $_->[0] } $site->sql('SELECT id FROM uploads')], [$id{live}], 'the row of one goes, even if its file is queued already';
    $site->soon(sub { !$deletions->left($id{over}) }, 'and what was about to be published goes with it', TIMEOUT);
    sweep_until('incoming_sweep', sub { !-e incoming($id{over}) }, 'then its file does');
    ok -e incoming($id{live}), 'the file of one that may be gone on with stays, however old';
    sweep('reconcile');
    is $deletions->left(@published), 1, 'and so does what it becomes';
    $ann->delete("/api/videos/$video")->is(204);
    $site->soon(sub { !$deletions->left(@published) }, 'until the video is gone', TIMEOUT);
    sweep_until('incoming_sweep', sub { !-e incoming($id{live}) }, 'which holds for both');
};

subtest 'files that no row knows' => sub {
    my $video = film();
    my ($known) = $site->media_files;
    my @unknown = $deletions->make_files(20);
    my ($waiting) = $deletions->make_files(1);
    $deletions->queue_leased('6 seconds', $waiting);
    $site->sql("UPDATE video_deletions SET next_attempt_at = now() + interval '1 hour', leased_until = NULL");
    my $other = $deletions->folder($unknown[0]) . '/notes.txt';
    open my $file, '>', $other or die "cannot write $other: $!\n";
    close $file;
    sweep('reconcile');
    is $deletions->left(@unknown), scalar @unknown, 'stay while they are young' if -M $deletions->path($unknown[0]) < AGE / 86_400;
    sweep_until('reconcile', sub { !$deletions->left(@unknown) }, 'go when they are old');
    ok -e $other, 'what has no name of a film stays';
    unlink $other;
    ok -e "$site->{media}/$known", 'so does what a video has';
    ok -e $deletions->path($waiting), 'and what is to be deleted later';
    my $keys = join '|', @unknown;
    $site->soon(sub { my @told = $site->log_lines(qr/event=unknown_file_removed key=(?:$keys)/); @told == @unknown },
        'the log tells of each', TIMEOUT);
    $site->get("/stream/videos/$video")->is(200);
    $site->sql("UPDATE video_deletions SET next_attempt_at = 'epoch'");
    $site->soon(sub { !$deletions->rows }, 'what waits can go');
    $ann->delete("/api/videos/$video")->is(204);
};

subtest 'most files are unknown' => sub {
    my $video = film();
    my @unknown = $deletions->make_files(150);
    $site->soon(sub { time - (stat $deletions->path($unknown[-1]))[10] > AGE + 1 }, 'all of them are old');
    sweep_until('reconcile', sub { $site->sql("SELECT last_error FROM sweeps WHERE name = 'reconcile'") },
        'which looks like a wrong database');
    like $site->sql("SELECT last_error FROM sweeps WHERE name = 'reconcile'"), qr/^most files have no row/, 'as it says';
    is $deletions->left(@unknown), 150, 'so they are left alone';
    unlink map { $deletions->path($_) } @unknown;
    sweep('reconcile');
    is $site->sql("SELECT last_error FROM sweeps WHERE name = 'reconcile'"), undef, 'without them all is well';
    $ann->delete("/api/videos/$video")->is(204);
};

subtest 'rows whose file is gone' => sub {
    $site->expect_log(qr/event=file_missing/);
    my ($lost, $kept) = (film(), film());
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $lost");
    unlink $deletions->path($key) or die "cannot unlink: $!\n";
    sweep('reconcile');
    my @told = $site->log_lines(qr/level=error .*event=file_missing /);
    is scalar @told, 1, 'are reported';
    like $told[0], qr/video=$lost key=$key$/, 'with the video';
    is $site->get("/api/videos/$lost")->json->{state}, 'ready', 'and left as they are';
    rename $site->{media}, "$site->{media}-away" or die "cannot rename: $!\n";
    sweep_until('reconcile', sub { $site->sql("SELECT last_error FROM sweeps WHERE name = 'reconcile'") },
        'without a media folder there is nothing to compare');
    rename "$site->{media}-away", $site->{media} or die "cannot rename: $!\n";
    is scalar(@told = $site->log_lines(qr/event=file_missing /)), 1, 'and nothing is missing';
    $ann->delete("/api/videos/$_")->is(204) for $lost, $kept;
    $site->soon(sub { $deletions->is_done }, 'all is gone');
};

subtest 'one daemon at a time' => sub {
    sweep($_) for qw(reconcile session_sweep);    # when the second is done, the first has been logged
    my $other = Program->start('scheduler', VS_DATABASE_URL => $site->database_url, VS_MEDIA_DIR => $site->{media},
        VS_SCHEDULER_INTERVAL => '1s');
    my $count = sub { scalar(() = ($site->log('scheduler') . $other->log) =~ /event=tasks_done kind=reconcile/g) };
    my $before = $count->();
    sweep('reconcile') for 1 .. 3;
    $site->soon(sub { $count->() >= $before + 3 }, 'it was made three times');
    is $count->(), $before + 3, 'and not once more';
    $site->sql("UPDATE sweeps SET next_run_at = now() + interval '1 day'");
    $site->soon(sub { $count->() >= $before + 4 }, 'a clock that was set back does not keep it from being made');
    $other->stop;
};

subtest 'what is in the table' => sub {
    my @keys = $deletions->make_files(3);
    $deletions->queue_leased('5 seconds', @keys);
    $site->sql("UPDATE video_deletions SET next_attempt_at = now() + interval '1 hour', leased_until = NULL");
    $site->sql("UPDATE video_deletions SET dead_at = now() WHERE media_key = '$keys[0]'");
    my $pending = $deletions->rows('dead_at IS NULL');
    $site->soon(sub { $site->get('/metrics')->body =~ /^video_server_deletions_pending $pending$/m }, 'waits', TIMEOUT);
    $site->soon(sub { $site->get('/metrics')->body =~ /^video_server_deletions_dead 1$/m }, 'or is dead', TIMEOUT);
    cmp_ok(($site->get('/metrics')->body =~ /^video_server_deletions_done_total (\d+)$/m)[0], '>', 0, 'some are done');
    $site->sql("UPDATE video_deletions SET dead_at = NULL, next_attempt_at = 'epoch'");
    $site->soon(sub { $deletions->is_done }, 'all is gone', TIMEOUT);
};

done_testing;
