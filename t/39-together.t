# Coalescing: concurrent requests for the same list share one query, and so do concurrent lookups of videos.
# Each response is still that of its request, and includes every change acknowledged before the request.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Parallel;
use Site;

use constant {
    READERS => 4,
    ROUNDS  => 60,
    SECONDS => 120,
    CROWD   => 5,
};

my $site = Site->start(VS_DATABASE_TIMEOUT_MS => 20_000);
my $ann  = $site->user('ann');
my @videos = map { $ann->post('/api/videos', {title => "Video $_"})->is(201)->json->{id} } 1 .. 12;

# Requests all paths while the table is locked. Returns the number of connections that waited for the
# lock, and the responses.
sub while_locked (@paths) {
    my $lock  = $site->transaction('LOCK TABLE videos IN ACCESS EXCLUSIVE MODE');
    my @asked = map { $ann->open('GET', $_) } @paths;
    # No other request has this path, so it isn't coalesced: when it waits, the others have arrived.
    my $last = $ann->open('GET', '/api/users/' . $ann->id . '/videos?limit=99');
    $site->soon(sub { $site->waiting('video_api') >= 2 }, 'the requests wait for the lock');
    $site->get('/livez')->is(200) for 1 .. 5;
    my $waiting = $site->waiting('video_api');
    $lock->commit;
    my @answers = map {
        Site::Response->new(bytes => $_->answer('GET', 20), request => 'the request that waited', site => $site)->is(200)
    } @asked, $last;
    pop @answers;
    return ($waiting - 1, @answers);
}

subtest 'concurrent requests for the same list are coalesced' => sub {
    for my $path ('/api/videos?limit=3', '/api/users/' . $ann->id . '/videos?limit=3', "/api/videos/$videos[0]/comments") {
        my ($waiting, @answers) = while_locked(($path) x CROWD);
        is $waiting, 1, "$path is queried once";
        my ($first, @others) = map { join "\n", $_->body, $_->header('Link') // '' } @answers;
        is $_, $first, "$path: all responses are the same" for @others;
    }
    my ($waiting, @answers) = while_locked(map { "/api/videos?limit=$_" } 1 .. CROWD);
    is $waiting, CROWD, 'lists with different limits are queried separately';
    is scalar @{$answers[$_ - 1]->json}, $_, "the list with limit $_ has $_ entries" for 1 .. CROWD;
    my $ids = join ',', map { $_->header('X-Request-Id') } @answers;
    unlike $ids, qr/\b(\w+),.*\b\1\b/, 'each response has its own request id';
};

subtest 'concurrent lookups of different videos are coalesced' => sub {
    my ($waiting, @answers) = while_locked(map { "/api/videos/$_" } @videos);
    is $waiting, 1, 'all videos are queried at once';
    is $answers[$_]->json->{id}, $videos[$_], "request $_ returns its own video" for 0 .. $#videos;
    is $answers[-1]->json->{title}, 'Video ' . @videos, 'the response has the title of its video';
    $site->get('/api/videos/999999')->is(404, 'an unknown video returns 404');
};

# The query of the first request times out. The requests that were queued behind it must not fail with it.
subtest 'queued requests are answered when the query before them fails' => sub {
    my $hurried = Site->start(VS_DATABASE_TIMEOUT_MS => 1500);
    my $eve = $hurried->user('eve');
    my $id = $eve->post('/api/videos', {title => 'Late'})->is(201)->json->{id};
    for my $path ("/api/videos/$id", '/api/videos?limit=3') {
        my $lock = $hurried->transaction('LOCK TABLE videos IN ACCESS EXCLUSIVE MODE');
        my $first = $eve->open('GET', $path);
        $hurried->soon(sub { $hurried->waiting('video_api') == 1 }, "$path: the first request waits for the lock");
        my @others = map { $eve->open('GET', $path) } 1 .. 3;
        like $first->answer('GET', 20), qr{^HTTP/1[.]1 503}, "$path: the first request times out with 503";
        $hurried->soon(sub { $hurried->waiting('video_api') >= 1 }, "$path: another request waits for the lock");
        $lock->commit;
        like $_->answer('GET', 20), qr{^HTTP/1[.]1 200}, "$path: the queued requests succeed" for @others;
    }
    $hurried->expect_log(qr/connection to client lost|canceling statement due to statement timeout/);
    $hurried->stop;
};

# Reads until the writer is done. Returns the first error, or 'done'.
sub keep_reading ($done) {
    my $end = time + SECONDS;
    while (!-e $done && time < $end) {
        my $id = $videos[rand @videos];
        my $video = $site->get("/api/videos/$id")->json;
        return "asked for $id, got $video->{id}" if $video->{id} != $id;
        my $limit = 1 + int rand 3;
        my $length = @{$site->get("/api/videos?limit=$limit")->json};
        return "asked for $limit, got $length" if $length != $limit;
    }
    return 'done';
}

# Makes changes, and checks that each is visible at once. Returns the errors, or 'done'.
sub keep_writing ($done) {
    my $wrong = '';
    for my $round (1 .. ROUNDS) {
        my $id = $ann->post('/api/videos', {title => "Round $round"})->json->{id};
        my $limit = 1 + $round % 3;
        $wrong .= " $id is not in the list" if $site->get("/api/videos?limit=$limit")->json->[0]{id} != $id;
        $ann->patch("/api/videos/$videos[0]", {title => "Edit $round"});
        $wrong .= " edit $round is not seen" if $site->get("/api/videos/$videos[0]")->json->{title} ne "Edit $round";
        $ann->delete("/api/videos/$id");
        $wrong .= " $id is still there" if $site->get("/api/videos/$id")->status != 404;
        $wrong .= " $id is still in the list" if $site->get("/api/videos?limit=$limit")->json->[0]{id} == $id;
    }
    open my $file, '>', $done or die "cannot write $done: $!\n";
    return $wrong || 'done';
}

subtest 'a change is visible to every request after its acknowledgement' => sub {
    my $done = $site->folder . '/done';
    is_deeply [Parallel::at_once((sub { keep_reading($done) }) x READERS, sub { keep_writing($done) })],
        [('done') x (READERS + 1)], 'readers and the writer see no outdated data';
};

done_testing;
