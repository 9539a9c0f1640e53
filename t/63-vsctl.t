# vsctl: what an operator sees of the deletions and can do about them; and deleted videos that come back.

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
my $PICTURE = "\xff\xd8\xff\xe0" . 'a picture' x 100;

# Calls vsctl with the site's settings; its exit status, and what it printed.
sub vsctl (@arguments) {
    return Program->output('vsctl', \@arguments,
        VS_STATE_DIR => $site->{state}, VS_ORPHAN_AGE => '1s', VS_DELETE_GRACE => '1h');
}

sub film () {
    my $video = $ann->post('/api/videos', {title => 'A film'})->json->{id};
    $ann->upload($video, 'bunny.mp4')->is(201, 'a film is there');
    return $video;
}

sub key ($video) { return scalar $site->sql("SELECT media_key FROM videos WHERE id = $video") }

subtest 'how it is called' => sub {
    my ($status, $output) = vsctl('--help');
    is $status, 0, '--help';
    like $output, qr/^  $_ .+\n {6}\S/m, "tells of $_" for qw(deletions videos fsck);
    for my $wrong ([], ['x'], ['deletions', 'x'], ['deletions', 'list', 'x'], ['deletions', 'redrive'], ['fsck', '-f'],
        ['deletions', 'redrive', 'x'], ['videos'], ['videos', 'restore'], ['videos', 'restore', '0'], ['--help', 'x']) {
        ($status, $output) = vsctl(@$wrong);
        is $status, 2, "vsctl @$wrong";
        like $output, qr/usage: vsctl COMMAND/, 'is told how to call it';
    }
    ($status, $output) = Program->output('vsctl', ['fsck'], VS_PORT => 0);
    is $status, 1, 'a bad setting';
    like $output, qr/VS_PORT is "0"; allowed:/, 'is named';
    ($status, $output) = Program->output('vsctl', ['deletions'], VS_DATABASE_URL => 'host=/nonexistent dbname=x');
    is $status, 1, 'no database';
    like $output, qr/the database does not answer/, 'is told';
    unlike $output, qr/attempts/, 'and no list of nothing is shown';
    ($status, $output) = Program->output('vsctl', ['fsck'], VS_STATE_DIR => 'nowhere');
    is $status, 1, 'no site';
    like $output, qr{no database in nowhere/run/postgresql: No such file or directory; set VS_STATE_DIR}, 'is told where it looked';
};

subtest 'where the site is' => sub {
    for my $name ('plain', q{two words, 'one' \\ more}) {
        symlink $site->{state}, $site->folder . "/$name" or die "cannot link: $!\n";
        my ($status, $output) = Program->output('vsctl', ['videos', 'deleted'], VS_STATE_DIR => $site->folder . "/$name");
        is $status, 0, "a folder named $name";
    }
    my $here = Cwd::getcwd();
    chdir $site->folder or die "cannot chdir: $!\n";
    my ($status) = Program->output('vsctl', ['videos', 'deleted'], VS_STATE_DIR => 'plain');
    chdir $here or die "cannot chdir: $!\n";
    is $status, 0, 'as seen from here';
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
    $site->soon(sub { $deletions->rows('dead_at IS NOT NULL') == 3 }, 'three are given up', TIMEOUT);
    $site->sql("INSERT INTO video_deletions (video_id, media_key, next_attempt_at) VALUES (9, '$held', now() + interval '1 day')");
    my ($status, $output) = vsctl('deletions');
    is $status, 0, 'they are listed';
    like $output, qr/^\d+ +1 +$_ +\S+Z +dead +1 +- +Is a directory$/m, $_ for @poison;
    like $output, qr/^\d+ +9 +$held +\S+Z +waiting +0 +\S+Z +$/m, 'and what waits';
    is_deeply [vsctl('deletions', 'list')], [0, $output], 'list means the same';

    my ($first) = $output =~ /^(\d+) .*$poison[0]/m;
    rmdir $deletions->path($_) for @poison;
    ($status, $output) = vsctl('deletions', 'redrive', $first);
    is $status, 0, 'one is redriven';
    $site->soon(sub { $deletions->rows == 3 }, 'it is done now', TIMEOUT);
    is $deletions->rows('dead_at IS NOT NULL'), 2, 'the others are not tried';
    ($status, $output) = vsctl('deletions', 'redrive', $first);
    is $status, 1, 'it is not there any more';
    like $output, qr/there is no deletion $first that was given up/, 'as is told';
    is_deeply [vsctl('deletions', 'redrive', '--all')], [0, "2 will be tried again\n"], 'all are redriven';
    $site->soon(sub { $deletions->rows == 1 }, 'they are done', TIMEOUT);
    is_deeply [vsctl('deletions', 'redrive', '--all')], [0, "0 will be tried again\n"], 'there is nothing left';
    $site->sql("UPDATE video_deletions SET next_attempt_at = 'epoch'");
    $site->soon(sub { $deletions->is_done }, 'all is gone', TIMEOUT);
};

subtest 'redriven at once' => sub {
    my ($key) = $deletions->make_files(1);
    my $quiet = Site->start(VS_SCHEDULER_INTERVAL => '1d');
    my $all = Deletions->new($quiet);
    my ($file) = $all->make_files(1);
    $quiet->sql("INSERT INTO video_deletions (video_id, media_key, dead_at) VALUES (1, '$file', now())");
    my ($status) = Program->output('vsctl', [qw(deletions redrive --all)], VS_STATE_DIR => $quiet->{state});
    is $status, 0, 'a daemon that the timer does not wake';
    $quiet->soon(sub { $all->is_done }, 'is woken', TIMEOUT);
    $quiet->stop;
    unlink $deletions->path($key);
};

subtest 'fsck' => sub {
    is_deeply [vsctl('fsck')],
        [0, "0 files, of which 0 without a row: 0 removed\n0 videos with a file, of which 0 have none: 0 repaired\n"],
        'nothing is wrong with nothing';
    my ($good, $lost) = (film(), film());
    my $key = key($lost);
    unlink $deletions->path($key) or die "cannot unlink: $!\n";
    my @unknown = $deletions->make_files(200);
    $site->soon(sub { time - (stat $deletions->path($unknown[-1]))[10] > 2 }, 'all files are old');
    my ($status, $output) = vsctl('fsck');
    is $status, 3, 'it finds something';
    like $output, qr/^file without a row: $unknown[0]$/m, 'files';
    like $output, qr/^row without a file: video $lost, $key$/m, 'and rows';
    like $output, qr/^201 files, of which 200 without a row: 0 removed$/m, 'it counts';
    is $deletions->left(@unknown), 200, 'and does nothing';
    is $site->get("/api/videos/$lost")->json->{state}, 'ready', 'about either';
    ($status, $output) = vsctl('fsck', '--fix');
    is $status, 0, 'it repairs what it finds';
    like $output, qr/^201 files, of which 200 without a row: 200 removed$/m, 'the files, though they are most';
    like $output, qr/^2 videos with a file, of which 1 have none: 1 repaired$/m, 'and the row';
    is $deletions->left(@unknown), 0, 'the files are gone';
    is $site->get("/api/videos/$lost")->json->{state}, 'created', 'the video has no file';
    $ann->upload($lost, 'bunny.mp4')->is(201, 'its author can upload it again');
    $site->get("/stream/videos/$good")->is(200, 'what is well stays')->body_is($bytes);
    ($status, $output) = vsctl('fsck');
    is $status, 0, 'all is well now';
    rename $site->{media}, "$site->{media}-away" or die "cannot rename: $!\n";
    ($status, $output) = vsctl('fsck', '--fix');
    rename "$site->{media}-away", $site->{media} or die "cannot rename: $!\n";
    is_deeply [$status, $output], [1, "vsctl: No such file or directory\n"], 'without the media folder it does nothing';
    is $site->get("/api/videos/$_")->json->{state}, 'ready', "video $_ is still there" for $good, $lost;
    $site->sql("UPDATE video_deletions SET next_attempt_at = 'epoch'");
    $ann->delete("/api/videos/$_")->is(204) for $good, $lost;
};

subtest 'a video comes back' => sub {
    my $video = film();
    my $ben = $site->user('ben');
    $ben->post("/api/videos/$video/comments", {content => "Number $_"})->is(201) for 1 .. 3;
    $ann->put("/stream/videos/$video/poster", $PICTURE)->is(201, 'it has a poster');
    $site->get("/stream/videos/$video", headers => {Connection => 'close'})->is(200, 'and has been watched');
    $site->soon(sub { $site->get("/api/videos/$video")->json->{views} }, 'which has been counted', TIMEOUT);
    my $was = $site->get("/api/videos/$video")->json;
    my @rows = map { $site->sql("SELECT * FROM $_ WHERE video_id = $video") } qw(posters video_traffic);
    my $comments = $site->get("/api/videos/$video/comments")->json;
    my %file = (film => key($video), poster => scalar $site->sql("SELECT media_key FROM posters WHERE video_id = $video"));
    $ann->delete("/api/videos/$video")->is(204);
    $site->get($_)->is(404, "$_ is gone") for map { ("/api/$_", "/api/$_/comments", "/stream/$_", "/stream/$_/poster") } "videos/$video";
    my ($status, $output) = vsctl('videos', 'deleted');
    like $output, qr/^$video +\S+Z +\S+Z +3 +A film$/m, 'it is listed';
    is $deletions->rows("next_attempt_at = (SELECT purge_at FROM deleted_videos WHERE video_id = $video)"), 2,
        'two files are to be deleted when its time is over';
    ok -e $deletions->path($file{$_}), "its $_ is there" for sort keys %file;
    is_deeply [vsctl('videos', 'restore', $video)], [0, "video $video is back\n"], 'it is brought back';
    is_deeply $site->get("/api/videos/$video")->json, $was, 'as it was';
    is_deeply [map { $site->sql("SELECT * FROM $_ WHERE video_id = $video") } qw(posters video_traffic)], \@rows,
        'with the poster that counts with its user\'s bytes, and what was sent of it';
    is_deeply $site->get("/api/videos/$video/comments")->json, $comments, 'with its comments';
    $site->get("/stream/videos/$video")->is(200)->body_is($bytes, 'and its film');
    $site->get("/stream/videos/$video/poster")->is(200)->body_is($PICTURE, 'and its poster');
    is $deletions->value('id', $_), undef, 'nothing of it is to be deleted any more' for values %file;
    is scalar((vsctl('videos', 'restore', $video))[0]), 1, 'once is enough';
    $ann->patch("/api/videos/$video", {title => 'Again'})->is(200, 'it is a video as any other');

    $site->delete("/scheduler/videos/$video")->is(200, 'it is deleted by hand');
    is scalar((vsctl('videos', 'restore', $video))[0]), 0, 'and brought back';
    is $site->get("/api/videos/$video")->json->{title}, 'Again', 'as it was last';

    my $empty = $ann->post('/api/videos', {title => 'No film'})->json->{id};
    $ann->delete("/api/videos/$empty")->is(204);
    is scalar((vsctl('videos', 'restore', $empty))[0]), 0, 'one without a film comes back, too';
    is $site->get("/api/videos/$empty")->json->{title}, 'No film', 'with its title';
    $ann->delete("/api/videos/$_")->is(204) for $video, $empty;
};

subtest 'until its time is over' => sub {
    my ($video, $late, $bare) = (film(), film(), film());
    $ann->put("/stream/videos/$_/poster", $PICTURE)->is(201, 'with a poster') for $late, $bare;
    my $key = key($video);
    my ($poster, $with_film) = map { scalar $site->sql("SELECT media_key FROM posters WHERE video_id = $_") } $bare, $late;
    $ann->delete("/api/videos/$_")->is(204) for $video, $late, $bare;
    $site->sql("UPDATE deleted_videos SET purge_at = now() WHERE video_id = $video");
    is scalar((vsctl('videos', 'restore', $video))[0]), 1, 'then it stays deleted';
    ok -e $deletions->path($key), 'even if its file is there';
    $site->sql("UPDATE video_deletions SET next_attempt_at = now() WHERE video_id IN ($video, $late)");
    $site->soon(sub { !$deletions->rows("video_id IN ($video, $late)") }, 'the files go', TIMEOUT);
    ok !-e $deletions->path($with_film), 'a poster with its film';
    is $deletions->rows("video_id = $bare"), 2, 'but not those that have time left';
    is scalar((vsctl('videos', 'restore', $late))[0]), 1, 'without its file it does not come back';
    $site->sql("UPDATE video_deletions SET next_attempt_at = now() WHERE media_key = '$poster'");
    $site->soon(sub { !-e $deletions->path($poster) && !$deletions->value('id', $poster) }, 'a poster is gone', TIMEOUT);
    is scalar((vsctl('videos', 'restore', $bare))[0]), 0, 'without it a video comes back';
    is $site->get("/api/videos/$bare")->json->{poster_url}, undef, 'and has none';
    is scalar((vsctl('fsck'))[0]), 0, 'disk and rows agree';
    $site->get("/api/videos/$late")->is(404);
    $site->sql("UPDATE sweeps SET next_run_at = 'epoch' WHERE name = 'trash_sweep'");
    $site->soon(sub { !$site->sql("SELECT count(*) FROM deleted_videos WHERE video_id = $video") }, 'all that was kept goes', TIMEOUT);
    ok $site->sql('SELECT count(*) FROM deleted_videos') > 0, 'what has time left stays';
};

subtest 'a comment in the last moment' => sub {
    my $video = $ann->post('/api/videos', {title => 'Busy'})->json->{id};
    my $comment = $site->transaction("INSERT INTO comments (id, video_id, author_id, content)"
            . " VALUES (gen_random_uuid(), $video, ${\$ann->id}, 'Late')");
    my $deletion = $ann->open('DELETE', "/api/videos/$video");
    $site->soon(sub { $site->waiting('video_api') }, 'the deletion waits for it');
    $comment->commit;
    like $deletion->rest, qr{^HTTP/1\.1 204}, 'it is deleted';
    is scalar((vsctl('videos', 'restore', $video))[0]), 0, 'and brought back';
    like $site->get("/api/videos/$video/comments")->body, qr/"content":"Late"/, 'with that comment';
};

done_testing;
