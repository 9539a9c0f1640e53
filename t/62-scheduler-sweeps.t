# The scheduler's sweeps: expired sessions and uploads, orphaned files, and the comparison
# of disk and database.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Deletions;
use Program;
use Site;

use constant {
    TIMEOUT  => 60,    # seconds
    KIB      => 1024,
    # VS_ORPHAN_AGE in seconds. A busy machine takes a few between two chunks of an
    # upload.
    AGE      => 6,
    SWEEPS   => 6,
};

my $site = Site->start(VS_SCHEDULER_INTERVAL => '1s', VS_ORPHAN_AGE => AGE . 's');
my $deletions = Deletions->new($site);
my $ann = $site->user('ann');

# Creates a video with a file. Returns its id.
sub make_video () {
    my $video = $ann->post('/api/videos', {title => 'A video'})->json->{id};
    $ann->upload($video, 'bunny.mp4')->is(201, 'the video file is uploaded');
    return $video;
}

# Makes a sweep due and waits until it has run.
sub sweep ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $site->sql("UPDATE sweeps SET next_run_at = 'epoch', attempts = 0 WHERE name = '$name'");
    return $site->soon(
        sub { $site->sql("SELECT next_run_at > now() AND leased_by IS NULL FROM sweeps WHERE name = '$name'") eq 't' },
        "$name has run", TIMEOUT);
}

# Runs a sweep repeatedly until the check holds: files must reach the age.
sub sweep_until ($name, $check, $what) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub {
        $site->sql("UPDATE sweeps SET next_run_at = 'epoch' WHERE name = '$name'");
        return $check->();
    }, $what, TIMEOUT);
}

subtest 'each sweep runs by itself' => sub {
    $site->soon(sub {
        $site->sql("SELECT count(*) FROM sweeps WHERE next_run_at > now() AND leased_by IS NULL") == SWEEPS
    }, 'all sweeps have run after the start', TIMEOUT);
    is_deeply [map { $_->[0] } $site->sql('SELECT name FROM sweeps WHERE last_error IS NOT NULL')], [], 'no sweep has failed';
};

subtest 'expired sessions are deleted' => sub {
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
    is $site->sql('SELECT count(*) FROM sessions WHERE expires_at <= now()'), 0, 'all expired sessions are deleted, in several statements';
    $late->post('/api/videos', {title => 'Late'})->is(401, 'an expired session is refused');
    $here->post('/api/videos', {title => 'Here'})->is(201, 'another session of the user still works');
};

sub incoming ($name) { return "$site->{media}/incoming/$name" }

subtest 'old files in incoming/ are deleted, but not those of running uploads' => sub {
    my $path = incoming('0000009999');
    open my $file, '>', $path or die "cannot write $path: $!\n";
    close $file;
    my ($published) = $deletions->make_files(1);
    mkdir incoming('folder') or die "cannot mkdir: $!\n";
    sweep_until('incoming_sweep', sub { !-e $path }, 'an old file without an upload is deleted');
    ok -d incoming('folder'), 'a folder is left alone';
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
    like $upload->answer('POST'), qr{^HTTP/1\.1 201}, 'a running upload succeeds, whatever the sweeps did meanwhile';
    $site->get("/stream/videos/$video")->body_is($bytes, 'its file is complete');
    $ann->delete("/api/videos/$video")->is(204);
};

subtest 'expired uploads are deleted with their files' => sub {
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
    is_deeply [map { $_->[0] } $site->sql('SELECT id FROM uploads')], [$id{live}], 'the row of an expired upload is deleted, even when its file is already queued';
    $site->soon(sub { !$deletions->left($id{over}) }, 'its published file is deleted', TIMEOUT);
    sweep_until('incoming_sweep', sub { !-e incoming($id{over}) }, 'its file in incoming/ is deleted');
    ok -e incoming($id{live}), 'the incoming file of an upload that can be resumed is kept, however old';
    sweep('reconcile');
    is $deletions->left(@published), 1, 'its published file is kept, too';
    $ann->delete("/api/videos/$video")->is(204);
    $site->soon(sub { !$deletions->left(@published) }, 'the published file is deleted with the video', TIMEOUT);
    sweep_until('incoming_sweep', sub { !-e incoming($id{live}) }, 'the incoming file is deleted with the video');
};

subtest 'orphans are deleted when they are old' => sub {
    my $video = make_video();
    my ($known) = $site->media_files;
    my @orphans = $deletions->make_files(20);
    my ($waiting) = $deletions->make_files(1);
    $deletions->queue_leased('6 seconds', $waiting);
    $site->sql("UPDATE video_deletions SET next_attempt_at = now() + interval '1 hour', leased_until = NULL");
    my $other = $deletions->folder($orphans[0]) . '/notes.txt';
    open my $file, '>', $other or die "cannot write $other: $!\n";
    close $file;
    sweep('reconcile');
    is $deletions->left(@orphans), scalar @orphans, 'young orphans are kept' if -M $deletions->path($orphans[0]) < AGE / 86_400;
    sweep_until('reconcile', sub { !$deletions->left(@orphans) }, 'old orphans are deleted');
    ok -e $other, 'a file whose name is not a key is kept';
    unlink $other;
    ok -e "$site->{media}/$known", 'the file of a video is kept';
    ok -e $deletions->path($waiting), 'a file that is queued for later is kept';
    my $keys = join '|', @orphans;
    $site->soon(sub { my @removed = $site->log_lines(qr/event=orphan_removed key=(?:$keys)/); @removed == @orphans },
        'each removal is logged', TIMEOUT);
    $site->get("/stream/videos/$video")->is(200);
    $site->sql("UPDATE video_deletions SET next_attempt_at = 'epoch'");
    $site->soon(sub { !$deletions->rows }, 'the queued file is deleted when it is due');
    $ann->delete("/api/videos/$video")->is(204);
};

subtest 'orphans are kept when most files are orphans' => sub {
    my $video = make_video();
    my @orphans = $deletions->make_files(150);
    $site->soon(sub { time - (stat $deletions->path($orphans[-1]))[10] > AGE + 1 }, 'all orphans are old');
    sweep_until('reconcile', sub { $site->sql("SELECT last_error FROM sweeps WHERE name = 'reconcile'") },
        'the sweep fails');
    like $site->sql("SELECT last_error FROM sweeps WHERE name = 'reconcile'"), qr/^most files have no row/, 'the error says why';
    is $deletions->left(@orphans), 150, 'all orphans are kept';
    unlink map { $deletions->path($_) } @orphans;
    sweep('reconcile');
    is $site->sql("SELECT last_error FROM sweeps WHERE name = 'reconcile'"), undef, 'without the orphans the sweep succeeds';
    $ann->delete("/api/videos/$video")->is(204);
};

subtest 'missing files are logged as errors' => sub {
    $site->expect_log(qr/event=file_missing/);
    my ($lost, $kept) = (make_video(), make_video());
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $lost");
    unlink $deletions->path($key) or die "cannot unlink: $!\n";
    sweep('reconcile');
    my @logged = $site->log_lines(qr/level=error .*event=file_missing /);
    is scalar @logged, 1, 'one missing file is logged';
    like $logged[0], qr/video=$lost key=$key$/, 'the log names the video and the key';
    is $site->get("/api/videos/$lost")->json->{state}, 'ready', 'the row is left as it is';
    rename $site->{media}, "$site->{media}-away" or die "cannot rename: $!\n";
    sweep_until('reconcile', sub { $site->sql("SELECT last_error FROM sweeps WHERE name = 'reconcile'") },
        'without a media folder the sweep fails');
    rename "$site->{media}-away", $site->{media} or die "cannot rename: $!\n";
    is scalar(@logged = $site->log_lines(qr/event=file_missing /)), 1, 'no other file counts as missing';
    $ann->delete("/api/videos/$_")->is(204) for $lost, $kept;
    $site->soon(sub { $deletions->is_done }, 'all files are deleted');
};

subtest 'one daemon at a time runs a sweep' => sub {
    # Once the second has run, the first has been logged.
    sweep($_) for qw(reconcile session_sweep);
    my $other = Program->start('scheduler', VS_DATABASE_URL => $site->database_url, VS_MEDIA_DIR => $site->{media},
        VS_SCHEDULER_INTERVAL => '1s');
    my $count = sub { scalar(() = ($site->log('scheduler') . $other->log) =~ /event=tasks_done kind=reconcile/g) };
    my $before = $count->();
    sweep('reconcile') for 1 .. 3;
    $site->soon(sub { $count->() >= $before + 3 }, 'reconcile has run three times');
    is $count->(), $before + 3, 'no daemon has run it once more';
    $site->sql("UPDATE sweeps SET next_run_at = now() + interval '1 day'");
    $site->soon(sub { $count->() >= $before + 4 }, 'a run that lies too far in the future, as after a clock was set back, is due');
    $other->stop;
};

subtest 'the metrics count the rows of the deletion table' => sub {
    my @keys = $deletions->make_files(3);
    $deletions->queue_leased('5 seconds', @keys);
    $site->sql("UPDATE video_deletions SET next_attempt_at = now() + interval '1 hour', leased_until = NULL");
    $site->sql("UPDATE video_deletions SET dead_at = now() WHERE media_key = '$keys[0]'");
    my $pending = $deletions->rows('dead_at IS NULL');
    $site->soon(sub { $site->get('/metrics')->body =~ /^video_server_deletions_pending $pending$/m }, 'pending rows are counted', TIMEOUT);
    $site->soon(sub { $site->get('/metrics')->body =~ /^video_server_deletions_dead 1$/m }, 'dead rows are counted', TIMEOUT);
    cmp_ok(($site->get('/metrics')->body =~ /^video_server_deletions_done_total (\d+)$/m)[0], '>', 0, 'done tasks are counted');
    $site->sql("UPDATE video_deletions SET dead_at = NULL, next_attempt_at = 'epoch'");
    $site->soon(sub { $deletions->is_done }, 'all files are deleted', TIMEOUT);
};

done_testing;
