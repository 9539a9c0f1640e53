# Delivery while the database is down: what was asked for in the last minute goes on, on every worker, and
# nothing that was deleted comes back.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Cluster;
use Site;

use constant ROUNDS => 10;    # so that each worker answers some

my $cluster = Cluster->start;
my $site = Site->start(cluster => $cluster);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $bytes = Site::Media::content('mp4');
$site->expect_log(qr/event=db_\w+/, qr/FATAL|ERROR/);

sub add ($title) {
    my $id = $ann->post('/api/videos', {title => $title})->json->{id};
    $ann->upload($id, 'bunny.mp4')->is(201);
    return $id;
}

# How often which status comes.
sub statuses ($id, $actor = $site) {
    my %count;
    for (1 .. ROUNDS) {
        my $response = $actor->get("/stream/videos/$id");
        $count{$response->status}++;
        $count{other}++ if $response->status == 200 && $response->body ne $bytes;
    }
    return \%count;
}

my ($seen, $unseen, $gone, $replaced, $scheduled) = map { add($_) } qw(seen unseen gone replaced scheduled);
$site->get("/stream/videos/$_")->is(200) for $seen, $gone, $replaced, $scheduled;
$ann->delete("/api/videos/$gone")->is(204);
$ann->upload($replaced, 'other.mp4')->is(201);
$site->delete("/scheduler/videos/$scheduled")->is(200);

subtest 'the database goes' => sub {
    $cluster->down;
    is_deeply statuses($seen), {200 => ROUNDS}, 'a video that was seen before is still sent';
    is_deeply statuses($seen, $ann), {200 => ROUNDS}, 'also to who has a session';
    $site->get("/stream/videos/$seen", headers => {Range => 'bytes=8-15'})->is(206)->body_is(substr $bytes, 8, 8);
    $site->head("/stream/videos/$seen?download=1")->is(200)
        ->header_is('Content-Disposition', qq(attachment; filename="video-$seen.mp4"; filename*=UTF-8''video-$seen.mp4));
    is_deeply statuses($unseen), {503 => ROUNDS}, 'one that was not is refused';
    $site->get("/stream/videos/$unseen")->problem('004');
    is_deeply statuses(999_999), {503 => ROUNDS}, 'so is one that there never was';
    is_deeply statuses($gone), {503 => ROUNDS}, 'one that was deleted stays so';
    is_deeply statuses($replaced), {503 => ROUNDS}, 'a file that was replaced does, too';
    is_deeply statuses($scheduled), {503 => ROUNDS}, 'and one that the scheduler was told of';
    $site->soon(sub { !$bucket->in_use }, 'all tokens are back');
};

subtest 'the pool is restarted meanwhile' => sub {
    my @before = $site->pids('fcgi-stream');
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/(?:recv|writev)\(\) failed|prematurely closed/);
    $site->kill(KILL => $before[1], $before[2]);
    $site->soon(sub { $site->get("/stream/videos/$seen")->status == 200 }, 'new workers know the videos, too');
};

subtest 'the database comes back' => sub {
    $cluster->up;
    $site->soon(sub { $site->get("/stream/videos/$unseen")->status == 200 }, 'all videos are sent', 30);
    $site->soon(sub { $site->get("/stream/videos/$gone")->status == 404 }, 'and what was deleted is gone', 30);
    is_deeply statuses($seen), {200 => ROUNDS}, 'nothing has changed for the others';
};

subtest 'the database hangs' => sub {
    $cluster->freeze($site);
    is_deeply statuses($seen), {200 => ROUNDS}, 'what was seen is still sent';
    $site->get("/stream/videos/$gone")->is(503);
    $cluster->thaw;
    $site->soon(sub { $site->get("/stream/videos/$unseen")->status == 200 }, 'and all of it when it goes on', 30);
};

done_testing;
