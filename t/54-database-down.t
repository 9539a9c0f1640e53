# Delivery while the database is down: every worker still delivers the videos requested in the last minute,
# and no deleted video.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Cluster;
use Site;

use constant ROUNDS => 10;    # enough that each worker answers some requests

my $cluster = Cluster->start;
my $site = Site->start(cluster => $cluster);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $bytes = Site::Media::content('mp4');
$site->expect_log(qr/event=db_\w+/, qr/FATAL|ERROR/);

sub add_video ($title) {
    my $id = $ann->post('/api/videos', {title => $title})->json->{id};
    $ann->upload($id, 'bunny.mp4')->is(201);
    return $id;
}

# The number of responses by status; "other" counts wrong bodies.
sub statuses ($id, $actor = $site) {
    my %count;
    for (1 .. ROUNDS) {
        my $response = $actor->get("/stream/videos/$id");
        $count{$response->status}++;
        $count{other}++ if $response->status == 200 && $response->body ne $bytes;
    }
    return \%count;
}

my ($seen, $unseen, $gone, $replaced, $scheduled) = map { add_video($_) } qw(seen unseen gone replaced scheduled);
$site->get("/stream/videos/$_")->is(200) for $seen, $gone, $replaced, $scheduled;
$ann->delete("/api/videos/$gone")->is(204);
$ann->upload($replaced, 'other.mp4')->is(201);
$site->delete("/scheduler/videos/$scheduled")->is(200);

subtest 'while the database is down only recently requested videos are delivered' => sub {
    $cluster->down;
    is_deeply statuses($seen), {200 => ROUNDS}, 'a recently requested video is delivered';
    is_deeply statuses($seen, $ann), {200 => ROUNDS}, 'a recently requested video is delivered to a client with a session, too';
    $site->get("/stream/videos/$seen", headers => {Range => 'bytes=8-15'})->is(206)->body_is(substr $bytes, 8, 8);
    $site->head("/stream/videos/$seen?download=1")->is(200)
        ->header_is('Content-Disposition', qq(attachment; filename="video-$seen.mp4"; filename*=UTF-8''video-$seen.mp4));
    is_deeply statuses($unseen), {503 => ROUNDS}, 'a video that was not requested returns 503';
    $site->get("/stream/videos/$unseen")->problem('004');
    is_deeply statuses(999_999), {503 => ROUNDS}, 'an unknown video returns 503';
    is_deeply statuses($gone), {503 => ROUNDS}, 'a deleted video returns 503';
    is_deeply statuses($replaced), {503 => ROUNDS}, 'a video whose file was replaced returns 503';
    is_deeply statuses($scheduled), {503 => ROUNDS}, 'a video that was given to the scheduler for deletion returns 503';
    $site->soon(sub { !$bucket->in_use }, 'all tokens are released');
    like $site->get('/metrics')->is(200)->body, qr/^video_server_deletions_pending \d+$/m, 'the metrics are served without the database';
};

subtest 'restarted workers use the shared cache' => sub {
    my @before = $site->pids('fcgi-stream');
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/(?:recv|writev)\(\) failed|prematurely closed/);
    $site->kill(KILL => $before[1], $before[2]);
    $site->soon(sub { $site->get("/stream/videos/$seen")->status == 200 }, 'new workers deliver the recently requested video');
};

subtest 'all videos are delivered when the database is back' => sub {
    $cluster->up;
    $site->soon(sub { $site->get("/stream/videos/$unseen")->status == 200 }, 'a video that was not in the cache is delivered', 30);
    $site->soon(sub { $site->get("/stream/videos/$gone")->status == 404 }, 'a deleted video returns 404', 30);
    is_deeply statuses($seen), {200 => ROUNDS}, 'a cached video is still delivered';
};

subtest 'a database that hangs is treated as one that is down' => sub {
    $cluster->freeze($site);
    is_deeply statuses($seen), {200 => ROUNDS}, 'a recently requested video is delivered while the database hangs';
    $site->get("/stream/videos/$gone")->is(503);
    like $site->get('/metrics')->is(200)->body, qr/^video_server_deletions_pending \d+$/m, 'the metrics are served without the database';
    $cluster->thaw;
    $site->soon(sub { $site->get("/stream/videos/$unseen")->status == 200 }, 'all videos are delivered when the database continues', 30);
};

done_testing;
