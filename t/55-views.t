# Views: a viewer counts once per video and hour, and no process that dies loses or repeats a count.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Cluster;
use Site;

my $cluster = Cluster->start;
my $site = Site->start(cluster => $cluster);
my $ann = $site->user('ann');
my $size = length Site::Media::content('mp4');

sub add_video ($title) {
    my $id = $ann->post('/api/videos', {title => $title})->json->{id};
    $ann->upload($id, 'bunny.mp4')->is(201);
    return $id;
}

sub watch ($id, $first, $last, $actor = $site, %options) {
    return $actor->get("/stream/videos/$id", headers => {Range => "bytes=$first-$last"}, %options);
}

# The views that the API shows, and the bytes counted in the database.
sub views ($id) { return $site->get("/api/videos/$id")->json->{views} }
sub sent  ($id) { return scalar $site->sql("SELECT coalesce(sum(bytes_sent), 0) FROM video_traffic WHERE video_id = $id") }

sub are_counted ($id, $bytes, $views, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $good = $site->soon(sub { sent($id) == $bytes && views($id) == $views }, "$name: $bytes bytes and $views views are counted");
    diag 'seen: ', views($id), ' views, ', scalar sent($id), ' bytes' if !$good;
    return;
}

subtest 'more than a quarter of a video is a view, once per viewer and hour' => sub {
    my $id = add_video('A video');
    is views($id), 0, 'a new video has no views';
    $site->head("/stream/videos/$id")->is(200);
    $site->get("/stream/videos/$id", headers => {'If-None-Match' => '*'})->is(304);
    watch($id, $size, $size + 1)->is(416);
    watch($id, 0, 24_999)->is(206);
    are_counted($id, 25_000, 0, 'after a quarter of the video');
    watch($id, 0, 0)->is(206);
    are_counted($id, 25_001, 1, 'after one byte more than a quarter');
    $site->get("/stream/videos/$id")->is(200);
    are_counted($id, 125_001, 1, 'after the same viewer watches again');
    $ann->get("/stream/videos/$id")->is(200);
    are_counted($id, 225_001, 2, 'after another viewer, identified by the session');
    $site->get("/stream/videos/$id", from => '127.0.0.2')->is(200);
    are_counted($id, 325_001, 3, 'after another viewer, identified by the address');
    $site->get("/stream/videos/$id", from => '127.0.0.2') for 1 .. 5;
    are_counted($id, 825_001, 3, 'after that viewer watches five more times');
    is_deeply [map { $_->{views} } grep { $_->{id} == $id } @{$site->get('/api/videos')->json}], [3], 'the list of videos shows the same number of views';

    my $other = add_video('Another video');
    $site->get("/stream/videos/$other")->is(200);
    are_counted($other, 100_000, 1, 'after a viewer watches another video');
    is views($id), 3, 'the views of the first video are unchanged';

    $site->sql("UPDATE video_viewers SET expires_at = now() WHERE video_id = $id");
    watch($id, 0, 9)->is(206);
    are_counted($id, 825_011, 3, 'after ten bytes in the next hour');
    $site->get("/stream/videos/$id")->is(200);
    are_counted($id, 925_011, 4, 'after the whole video in the next hour');

    $ann->delete("/api/videos/$id")->is(204);
    is sent($id), 0, 'the counts of a deleted video are deleted';
    $ann->get("/stream/videos/$other")->is(200);
    are_counted($other, 200_000, 2, 'after another video has been deleted');
};

subtest 'a video that is deleted before its bytes are counted does not disturb other counts' => sub {
    my ($gone, $stays) = (add_video('gone'), add_video('stays'));
    my $counter = $site->pids('fcgi-stream');
    $site->get("/stream/videos/$_")->is(200) for $gone, $stays;
    $ann->delete("/api/videos/$gone")->is(204);
    are_counted($stays, 100_000, 1, 'after the other video has been deleted');

    my $goes = add_video('goes');
    my $deletion = $site->transaction("SELECT video_delete($goes, 0)");
    watch($_, 0, 99)->is(206) for $goes, $stays;
    $site->soon(sub { $site->waiting('video_stream') }, 'the accounting process waits for a deletion in progress');
    $deletion->commit;
    are_counted($stays, 100_100, 1, 'after the deletion has been committed');
    is_deeply [$site->log_lines(qr{event=db_refused})], [], 'no statement of the accounting process is rejected';
};

# The pid of the accounting process.
sub accounting_pid () {
    my ($line) = reverse $site->log_lines(qr/event=worker_started pool=accounting/);
    return $line =~ /worker=(\d+)/ ? $1 : die "there is no accounting process\n";
}

subtest 'no count is lost or repeated when a process is killed' => sub {
    my $id = add_video('Killed');
    my $sum = 0;
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/fcgi-stream died/, qr/connect\(\) to unix:\S+ failed/,
        qr/prematurely closed connection|(?:recv|writev)\(\) failed/, qr/FATAL:  connection to client lost/);
    for my $round (1 .. 4) {
        $sum += length watch($id, 0, 99)->body for 1 .. 20;
        $site->kill(KILL => accounting_pid());
    }
    are_counted($id, $sum, 0, 'after the accounting process has been killed four times');
    my ($supervisor) = $site->kill(KILL => 'fcgi-stream');
    $site->soon(sub { watch($id, 0, 99)->status == 206 }, 'a new supervisor starts, and videos are delivered');
    $sum += 100;
    are_counted($id, $sum, 0, 'after the supervisor has been killed');
};

subtest 'bytes sent while the database is down are counted later' => sub {
    my $id = add_video('Down');
    watch($id, 0, 9)->is(206);
    are_counted($id, 10, 0, 'before the database goes down');
    $site->expect_log(qr/event=db_\w+/, qr/FATAL|ERROR/);
    $cluster->down;
    $site->get("/stream/videos/$id")->is(200) for 1 .. 5;
    $site->kill(KILL => accounting_pid());
    $cluster->up;
    $site->soon(sub { $site->get("/api/videos/$id")->status == 200 }, 'the database is available again', 30);
    are_counted($id, 500_010, 1, 'after the database has come back');
};

subtest 'views are counted when the site is stopped' => sub {
    my $id = add_video('Last');
    $site->get("/stream/videos/$id")->is(200);
    $site->stop;
    is $cluster->sql("SELECT views FROM video_traffic WHERE video_id = $id", Cluster::DATABASE), 1, 'the last view is counted';
};

done_testing;
