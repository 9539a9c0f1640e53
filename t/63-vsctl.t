# vsctl: listing and retrying deletions, fsck, and restoring deleted videos.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Cwd ();

use Deletions;
use Program;
use Site;

use constant TIMEOUT => 60;    # seconds

my $site = Site->start(VS_SCHEDULER_INTERVAL => '1s', VS_SCHEDULER_ATTEMPTS => 1, VS_ORPHAN_AGE => '1s',
    VS_DELETE_GRACE => '1h');
my $deletions = Deletions->new($site);
my $ann = $site->user('ann');
my $bytes = Site::Media::content('mp4');
my $POSTER = "\xff\xd8\xff\xe0" . 'an image' x 100;

# Runs vsctl with the site's settings. Returns its exit status and its output.
sub vsctl (@arguments) {
    return Program->output('vsctl', \@arguments,
        VS_STATE_DIR => $site->{state}, VS_ORPHAN_AGE => '1s', VS_DELETE_GRACE => '1h');
}

sub video_with_file () {
    my $video = $ann->post('/api/videos', {title => 'A video'})->json->{id};
    $ann->upload($video, 'bunny.mp4')->is(201, 'a video file is uploaded');
    return $video;
}

sub key ($video) { return scalar $site->sql("SELECT media_key FROM videos WHERE id = $video") }

subtest 'arguments and settings' => sub {
    my ($status, $output) = vsctl('--help');
    is $status, 0, '--help succeeds';
    like $output, qr/^  $_ .+\n {6}\S/m, "--help describes $_" for qw(deletions videos fsck);
    for my $wrong ([], ['x'], ['deletions', 'x'], ['deletions', 'list', 'x'], ['deletions', 'redrive'], ['fsck', '-f'],
        ['deletions', 'redrive', 'x'], ['videos'], ['videos', 'restore'], ['videos', 'restore', '0'], ['--help', 'x']) {
        ($status, $output) = vsctl(@$wrong);
        is $status, 2, "vsctl @$wrong is rejected with status 2";
        like $output, qr/usage: vsctl COMMAND/, "vsctl @$wrong prints the usage";
    }
    ($status, $output) = Program->output('vsctl', ['fsck'], VS_PORT => 0);
    is $status, 1, 'a bad setting fails with status 1';
    like $output, qr/VS_PORT is "0"; allowed:/, 'the error names the bad setting';
    ($status, $output) = Program->output('vsctl', ['deletions'], VS_DATABASE_URL => 'host=/nonexistent dbname=x');
    is $status, 1, 'an unreachable database fails with status 1';
    like $output, qr/the database does not answer/, 'the error says that the database does not answer';
    unlike $output, qr/attempts/, 'no table heading is printed without a database';
    ($status, $output) = Program->output('vsctl', ['fsck'], VS_STATE_DIR => 'nowhere');
    is $status, 1, 'a state directory without a site fails with status 1';
    like $output, qr{no database found in nowhere/run/postgresql: No such file or directory; set VS_STATE_DIR}, 'the error names the path it tried';
};

subtest 'the state directory' => sub {
    for my $name ('plain', q{two words, 'one' \\ more}) {
        symlink $site->{state}, $site->folder . "/$name" or die "cannot link: $!\n";
        my ($status, $output) = Program->output('vsctl', ['videos', 'deleted'], VS_STATE_DIR => $site->folder . "/$name");
        is $status, 0, "a state directory named $name is found";
    }
    my $here = Cwd::getcwd();
    chdir $site->folder or die "cannot chdir: $!\n";
    my ($status) = Program->output('vsctl', ['videos', 'deleted'], VS_STATE_DIR => 'plain');
    chdir $here or die "cannot chdir: $!\n";
    is $status, 0, 'a relative state directory is found';
};

subtest 'deletions' => sub {
    $site->expect_log(qr/event=task_dead/);
    my @poison = $deletions->make_files(3);
    for my $key (@poison) {
        unlink $deletions->path($key);
        mkdir $deletions->path($key) or die "cannot mkdir: $!\n";
    }
    my ($held) = $deletions->make_files(1);
    $deletions->queue(@poison);
    $site->soon(sub { $deletions->rows('dead_at IS NOT NULL') == 3 }, 'three deletions are dead', TIMEOUT);
    $site->sql("INSERT INTO video_deletions (video_id, media_key, next_attempt_at) VALUES (9, '$held', now() + interval '1 day')");
    my ($status, $output) = vsctl('deletions');
    is $status, 0, 'vsctl deletions succeeds';
    like $output, qr/^\d+ +1 +$_ +\S+Z +dead +1 +- +Is a directory$/m, "dead deletion $_ is listed with its error" for @poison;
    like $output, qr/^\d+ +9 +$held +\S+Z +waiting +0 +\S+Z +$/m, 'a waiting deletion is listed';
    is_deeply [vsctl('deletions', 'list')], [0, $output], 'vsctl deletions list prints the same';

    my ($first) = $output =~ /^(\d+) .*$poison[0]/m;
    rmdir $deletions->path($_) for @poison;
    ($status, $output) = vsctl('deletions', 'redrive', $first);
    is $status, 0, 'a dead deletion is redriven by id';
    $site->soon(sub { $deletions->rows == 3 }, 'the redriven deletion is done', TIMEOUT);
    is $deletions->rows('dead_at IS NOT NULL'), 2, 'the other dead deletions are not retried';
    ($status, $output) = vsctl('deletions', 'redrive', $first);
    is $status, 1, 'redriving a deletion that is done fails with status 1';
    like $output, qr/there is no dead deletion with id $first/, 'the error names the id';
    is_deeply [vsctl('deletions', 'redrive', '--all')], [0, "2 deletions will be retried\n"], '--all redrives every dead deletion';
    $site->soon(sub { $deletions->rows == 1 }, 'all redriven deletions are done', TIMEOUT);
    is_deeply [vsctl('deletions', 'redrive', '--all')], [0, "0 deletions will be retried\n"], '--all succeeds when no deletion is dead';
    $site->sql("UPDATE video_deletions SET next_attempt_at = 'epoch'");
    $site->soon(sub { $deletions->is_done }, 'the waiting deletion is done when it is due', TIMEOUT);
};

subtest 'redrive wakes the scheduler' => sub {
    my ($key) = $deletions->make_files(1);
    my $quiet = Site->start(VS_SCHEDULER_INTERVAL => '1d');
    my $all = Deletions->new($quiet);
    my ($file) = $all->make_files(1);
    $quiet->sql("INSERT INTO video_deletions (video_id, media_key, dead_at) VALUES (1, '$file', now())");
    my ($status) = Program->output('vsctl', [qw(deletions redrive --all)], VS_STATE_DIR => $quiet->{state});
    is $status, 0, 'a dead deletion is redriven on a site with a timer of one day';
    $quiet->soon(sub { $all->is_done }, 'the deletion is done without waiting for the timer', TIMEOUT);
    $quiet->stop;
    unlink $deletions->path($key);
};

subtest 'fsck' => sub {
    is_deeply [vsctl('fsck')],
        [0, "0 files: 0 orphaned, 0 deleted\n0 videos with a file: 0 files missing, 0 videos repaired\n"],
        'an empty site has no problems';
    my ($good, $lost) = (video_with_file(), video_with_file());
    my $key = key($lost);
    unlink $deletions->path($key) or die "cannot unlink: $!\n";
    my @orphans = $deletions->make_files(200);
    $site->soon(sub { time - (stat $deletions->path($orphans[-1]))[10] > 2 }, 'all files are older than VS_ORPHAN_AGE');
    my ($status, $output) = vsctl('fsck');
    is $status, 3, 'fsck ends with status 3 when it finds problems';
    like $output, qr/^orphaned file: $orphans[0]$/m, 'an orphaned file is reported';
    like $output, qr/^missing file: $key of video $lost$/m, 'a missing file is reported';
    like $output, qr/^201 files: 200 orphaned, 0 deleted$/m, 'orphaned files are counted';
    is $deletions->left(@orphans), 200, 'without --fix, no orphaned file is deleted';
    is $site->get("/api/videos/$lost")->json->{state}, 'ready', 'without --fix, the video with the missing file is unchanged';
    ($status, $output) = vsctl('fsck', '--fix');
    is $status, 0, '--fix repairs every problem';
    like $output, qr/^201 files: 200 orphaned, 200 deleted$/m, '--fix deletes orphaned files even if most files are orphaned';
    like $output, qr/^2 videos with a file: 1 files missing, 1 videos repaired$/m, '--fix repairs the video with the missing file';
    is $deletions->left(@orphans), 0, 'all orphaned files are deleted';
    is $site->get("/api/videos/$lost")->json->{state}, 'created', 'the repaired video has no file';
    $ann->upload($lost, 'bunny.mp4')->is(201, 'the author can upload the file again');
    $site->get("/stream/videos/$good")->is(200, 'the intact video is unchanged')->body_is($bytes);
    ($status, $output) = vsctl('fsck');
    is $status, 0, 'fsck finds no problems after the repair';
    rename $site->{media}, "$site->{media}-away" or die "cannot rename: $!\n";
    ($status, $output) = vsctl('fsck', '--fix');
    rename "$site->{media}-away", $site->{media} or die "cannot rename: $!\n";
    is_deeply [$status, $output], [1, "vsctl: No such file or directory\n"], 'without the media directory, --fix fails and repairs nothing';
    is $site->get("/api/videos/$_")->json->{state}, 'ready', "video $_ is unchanged" for $good, $lost;
    $site->sql("UPDATE video_deletions SET next_attempt_at = 'epoch'");
    $ann->delete("/api/videos/$_")->is(204) for $good, $lost;
};

subtest 'a deleted video is restored' => sub {
    my $video = video_with_file();
    my $ben = $site->user('ben');
    $ben->post("/api/videos/$video/comments", {content => "Number $_"})->is(201) for 1 .. 3;
    $ann->put("/stream/videos/$video/poster", $POSTER)->is(201, 'a poster is uploaded');
    $site->get("/stream/videos/$video", headers => {Connection => 'close'})->is(200, 'the video is watched');
    $site->soon(sub { $site->get("/api/videos/$video")->json->{views} }, 'the view is counted', TIMEOUT);
    my $was = $site->get("/api/videos/$video")->json;
    my @rows = map { $site->sql("SELECT * FROM $_ WHERE video_id = $video") } qw(posters video_traffic);
    my $comments = $site->get("/api/videos/$video/comments")->json;
    my %file = (video => key($video), poster => scalar $site->sql("SELECT media_key FROM posters WHERE video_id = $video"));
    $ann->delete("/api/videos/$video")->is(204);
    $site->get($_)->is(404, "$_ is not found after the deletion") for map { ("/api/$_", "/api/$_/comments", "/stream/$_", "/stream/$_/poster") } "videos/$video";
    my ($status, $output) = vsctl('videos', 'deleted');
    like $output, qr/^$video +\S+Z +\S+Z +3 +A video$/m, 'the deleted video is listed';
    is $deletions->rows("next_attempt_at = (SELECT purge_at FROM deleted_videos WHERE video_id = $video)"), 2,
        'both files are deleted only after the grace period';
    ok -e $deletions->path($file{$_}), "the $_ file still exists" for sort keys %file;
    is_deeply [vsctl('videos', 'restore', $video)], [0, "video $video restored\n"], 'vsctl videos restore succeeds';
    is_deeply $site->get("/api/videos/$video")->json, $was, 'the restored video is the same as before';
    is_deeply [map { $site->sql("SELECT * FROM $_ WHERE video_id = $video") } qw(posters video_traffic)], \@rows,
        'the rows of the poster and of the traffic are restored';
    is_deeply $site->get("/api/videos/$video/comments")->json, $comments, 'the comments are restored';
    $site->get("/stream/videos/$video")->is(200)->body_is($bytes, 'the video file is served again');
    $site->get("/stream/videos/$video/poster")->is(200)->body_is($POSTER, 'the poster is served again');
    is $deletions->value('id', $_), undef, 'the file is no longer queued for deletion' for values %file;
    is scalar((vsctl('videos', 'restore', $video))[0]), 1, 'restoring a video twice fails with status 1';
    $ann->patch("/api/videos/$video", {title => 'Again'})->is(200, 'the restored video can be edited');

    $site->delete("/scheduler/videos/$video")->is(200, 'the video is deleted through the scheduler');
    is scalar((vsctl('videos', 'restore', $video))[0]), 0, 'a video deleted through the scheduler can be restored';
    is $site->get("/api/videos/$video")->json->{title}, 'Again', 'the restored video has its last title';

    my $empty = $ann->post('/api/videos', {title => 'No file'})->json->{id};
    $ann->delete("/api/videos/$empty")->is(204);
    is scalar((vsctl('videos', 'restore', $empty))[0]), 0, 'a video without a file can be restored';
    is $site->get("/api/videos/$empty")->json->{title}, 'No file', 'a restored video without a file has its title';
    $ann->delete("/api/videos/$_")->is(204) for $video, $empty;
};

subtest 'a video cannot be restored after the grace period' => sub {
    my ($video, $late, $bare) = (video_with_file(), video_with_file(), video_with_file());
    $ann->put("/stream/videos/$_/poster", $POSTER)->is(201, 'a poster is uploaded') for $late, $bare;
    my $key = key($video);
    my ($poster, $late_poster) = map { scalar $site->sql("SELECT media_key FROM posters WHERE video_id = $_") } $bare, $late;
    $ann->delete("/api/videos/$_")->is(204) for $video, $late, $bare;
    $site->sql("UPDATE deleted_videos SET purge_at = now() WHERE video_id = $video");
    is scalar((vsctl('videos', 'restore', $video))[0]), 1, 'a video whose grace period is over cannot be restored';
    ok -e $deletions->path($key), 'the file of that video still exists';
    $site->sql("UPDATE video_deletions SET next_attempt_at = now() WHERE video_id IN ($video, $late)");
    $site->soon(sub { !$deletions->rows("video_id IN ($video, $late)") }, 'the files whose deletion is due are deleted', TIMEOUT);
    ok !-e $deletions->path($late_poster), 'the poster is deleted with the video file';
    is $deletions->rows("video_id = $bare"), 2, 'files within the grace period are not deleted';
    is scalar((vsctl('videos', 'restore', $late))[0]), 1, 'a video whose file is deleted cannot be restored';
    $site->sql("UPDATE video_deletions SET next_attempt_at = now() WHERE media_key = '$poster'");
    $site->soon(sub { !-e $deletions->path($poster) && !$deletions->value('id', $poster) }, 'the poster is deleted', TIMEOUT);
    is scalar((vsctl('videos', 'restore', $bare))[0]), 0, 'a video whose poster is deleted can be restored';
    is $site->get("/api/videos/$bare")->json->{poster_url}, undef, 'the restored video has no poster';
    is scalar((vsctl('fsck'))[0]), 0, 'fsck finds no problems';
    $site->get("/api/videos/$late")->is(404, 'the video that was not restored is not found');
    $site->sql("UPDATE sweeps SET next_run_at = 'epoch' WHERE name = 'trash_sweep'");
    $site->soon(sub { !$site->sql("SELECT count(*) FROM deleted_videos WHERE video_id = $video") }, 'the sweep removes the deleted video after the grace period', TIMEOUT);
    ok $site->sql('SELECT count(*) FROM deleted_videos') > 0, 'deleted videos within the grace period are kept';
};

subtest 'a comment concurrent with the deletion' => sub {
    my $video = $ann->post('/api/videos', {title => 'Busy'})->json->{id};
    my $comment = $site->transaction("INSERT INTO comments (id, video_id, author_id, content)"
            . " VALUES (gen_random_uuid(), $video, ${\$ann->id}, 'Late')");
    my $deletion = $ann->open('DELETE', "/api/videos/$video");
    $site->soon(sub { $site->waiting('video_api') }, 'the deletion waits for the transaction of the comment');
    $comment->commit;
    like $deletion->rest, qr{^HTTP/1\.1 204}, 'the video is deleted';
    is scalar((vsctl('videos', 'restore', $video))[0]), 0, 'the video is restored';
    like $site->get("/api/videos/$video/comments")->body, qr/"content":"Late"/, 'the concurrent comment is restored';
};

done_testing;
