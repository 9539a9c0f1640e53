# Views: what was sent of a video counts, once per viewer and hour, whoever dies meanwhile.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Cluster;
use Site;

my $cluster = Cluster->start;
my $site = Site->start(cluster => $cluster);
my $ann = $site->user('ann');
my $size = length Site::Media::content('mp4');

sub add ($title) {
    my $id = $ann->post('/api/videos', {title => $title})->json->{id};
    $ann->upload($id, 'bunny.mp4')->is(201);
    return $id;
}

sub watch ($id, $first, $last, $actor = $site, %options) {
    return $actor->get("/stream/videos/$id", headers => {Range => "bytes=$first-$last"}, %options);
}

# What the video's record says, and the bytes that were counted of it.
sub views ($id) { return $site->get("/api/videos/$id")->json->{views} }
sub sent  ($id) { return scalar $site->sql("SELECT coalesce(sum(bytes_sent), 0) FROM video_traffic WHERE video_id = $id") }

sub counted ($id, $bytes, $views, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $good = $site->soon(sub { sent($id) == $bytes && views($id) == $views }, "$name: $views views");
    diag 'seen: ', views($id), ' views, ', scalar sent($id), ' bytes' if !$good;
    return;
}

subtest 'what a view is' => sub {
    my $id = add('A film');
    is views($id), 0, 'a new video has none';
    $site->head("/stream/videos/$id")->is(200);
    $site->get("/stream/videos/$id", headers => {'If-None-Match' => '*'})->is(304);
    watch($id, $size, $size + 1)->is(416);
    watch($id, 0, 24_999)->is(206);
    counted($id, 25_000, 0, 'a quarter');
    watch($id, 0, 0)->is(206);
    counted($id, 25_001, 1, 'and one byte more');
    $site->get("/stream/videos/$id")->is(200);
    counted($id, 125_001, 1, 'the same viewer again');
    $ann->get("/stream/videos/$id")->is(200);
    counted($id, 225_001, 2, 'another, by the session');
    $site->get("/stream/videos/$id", from => '127.0.0.2')->is(200);
    counted($id, 325_001, 3, 'another, by the address');
    $site->get("/stream/videos/$id", from => '127.0.0.2') for 1 .. 5;
    counted($id, 825_001, 3, 'who does not count again');
    is_deeply [map { $_->{views} } grep { $_->{id} == $id } @{$site->get('/api/videos')->json}], [3], 'lists say so, too';

    my $other = add('Another film');
    $site->get("/stream/videos/$other")->is(200);
    counted($other, 100_000, 1, 'another video');
    is views($id), 3, 'has views of its own';

    $site->sql("UPDATE video_viewers SET expires_at = now() WHERE video_id = $id");
    watch($id, 0, 9)->is(206);
    counted($id, 825_011, 3, 'ten bytes, after an hour');
    $site->get("/stream/videos/$id")->is(200);
    counted($id, 925_011, 4, 'all of it, after an hour');

    $ann->delete("/api/videos/$id")->is(204);
    is sent($id), 0, 'with a video its numbers go';
    $ann->get("/stream/videos/$other")->is(200);
    counted($other, 200_000, 2, 'and the counting goes on');
};

subtest 'a video that goes before it is counted' => sub {
    my ($gone, $stays) = (add('gone'), add('stays'));
    my $counter = $site->pids('fcgi-stream');
    $site->get("/stream/videos/$_")->is(200) for $gone, $stays;
    $ann->delete("/api/videos/$gone")->is(204);
    counted($stays, 100_000, 1, 'another one');

    my $goes = add('goes');
    my $deletion = $site->transaction("SELECT video_delete($goes, 0)");
    watch($_, 0, 99)->is(206) for $goes, $stays;
    $site->soon(sub { $site->waiting('video_stream') }, 'one that is being deleted is waited for');
    $deletion->commit;
    counted($stays, 100_100, 1, 'then it is none, and the other one');
    is_deeply [$site->log_lines(qr{event=db_refused})], [], 'and nothing is refused';
};

# The process that counts: the pool's last one, with one thread.
sub counter () {
    my ($line) = reverse $site->log_lines(qr/event=worker_started pool=accounting/);
    return $line =~ /worker=(\d+)/ ? $1 : die "nobody counts\n";
}

subtest 'whoever dies' => sub {
    my $id = add('Killed');
    my $sum = 0;
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/fcgi-stream died/, qr/connect\(\) to unix:\S+ failed/,
        qr/prematurely closed connection|(?:recv|writev)\(\) failed/, qr/FATAL:  connection to client lost/);
    for my $round (1 .. 4) {
        $sum += length watch($id, 0, 99)->body for 1 .. 20;
        $site->kill(KILL => counter());
    }
    counted($id, $sum, 0, 'the one that counts');
    my ($supervisor) = $site->kill(KILL => 'fcgi-stream');
    $site->soon(sub { watch($id, 0, 99)->status == 206 }, 'the supervisor: the next one goes on');
    $sum += 100;
    counted($id, $sum, 0, 'and counts from where it was');
};

subtest 'while the database is down' => sub {
    my $id = add('Down');
    watch($id, 0, 9)->is(206);
    counted($id, 10, 0, 'before');
    $site->expect_log(qr/event=db_\w+/, qr/FATAL|ERROR/);
    $cluster->down;
    $site->get("/stream/videos/$id")->is(200) for 1 .. 5;
    $site->kill(KILL => counter());
    $cluster->up;
    $site->soon(sub { $site->get("/api/videos/$id")->status == 200 }, 'it comes back', 30);
    counted($id, 500_010, 1, 'what was sent meanwhile is counted');
};

subtest 'when the site is stopped' => sub {
    my $id = add('Last');
    $site->get("/stream/videos/$id")->is(200);
    $site->stop;
    is $cluster->sql("SELECT views FROM video_traffic WHERE video_id = $id", 'films'), 1, 'the last view is counted';
};

done_testing;
