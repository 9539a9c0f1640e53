# Requests that come together: those for the same list share one reading of it, and lookups of videos share a query.
# Each is still answered with its own, and with all that was acknowledged before it came.

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
my @videos = map { $ann->post('/api/videos', {title => "Film $_"})->is(201)->json->{id} } 1 .. 12;

# Asks for all the paths while nothing can be read, and returns how many connections waited for that, and the answers.
sub while_locked (@paths) {
    my $lock  = $site->transaction('LOCK TABLE videos IN ACCESS EXCLUSIVE MODE');
    my @asked = map { $ann->open('GET', $_) } @paths;
    # One that shares with nobody: when it has arrived, the others have.
    my $last = $ann->open('GET', '/api/users/' . $ann->id . '/videos?limit=99');
    $site->soon(sub { $site->waiting('video_api') >= 2 }, 'they wait');
    $site->get('/livez')->is(200) for 1 .. 5;
    my $waiting = $site->waiting('video_api');
    $lock->commit;
    my @answers = map { Site::Response->new(bytes => $_->answer('GET', 20), request => 'it', site => $site)->is(200) } @asked, $last;
    pop @answers;
    return ($waiting - 1, @answers);
}

subtest 'the same list' => sub {
    for my $path ('/api/videos?limit=3', '/api/users/' . $ann->id . '/videos?limit=3', "/api/videos/$videos[0]/comments") {
        my ($waiting, @answers) = while_locked(($path) x CROWD);
        is $waiting, 1, "$path is read once";
        my ($first, @others) = map { join "\n", $_->body, $_->header('Link') // '' } @answers;
        is $_, $first, 'for all' for @others;
    }
    my ($waiting, @answers) = while_locked(map { "/api/videos?limit=$_" } 1 .. CROWD);
    is $waiting, CROWD, 'others are read for themselves';
    is scalar @{$answers[$_ - 1]->json}, $_, "as long as is asked for" for 1 .. CROWD;
    my $ids = join ',', map { $_->header('X-Request-Id') } @answers;
    unlike $ids, qr/\b(\w+),.*\b\1\b/, 'each has a request id of its own';
};

subtest 'videos' => sub {
    my ($waiting, @answers) = while_locked(map { "/api/videos/$_" } @videos);
    is $waiting, 1, 'one connection waits for all';
    is $answers[$_]->json->{id}, $videos[$_], "each is answered with its own ($_)" for 0 .. $#videos;
    is $answers[-1]->json->{title}, 'Film ' . @videos, 'in full';
    $site->get('/api/videos/999999')->is(404, 'and what there is not with nothing');
};

# The first one's time is over before it can be read; those who waited for it have waited for nothing.
subtest 'who waits for one that fails' => sub {
    my $impatient = Site->start(VS_DATABASE_TIMEOUT_MS => 1500);
    my $eve = $impatient->user('eve');
    my $id = $eve->post('/api/videos', {title => 'Late'})->is(201)->json->{id};
    for my $path ("/api/videos/$id", '/api/videos?limit=3') {
        my $lock = $impatient->transaction('LOCK TABLE videos IN ACCESS EXCLUSIVE MODE');
        my $first = $eve->open('GET', $path);
        $impatient->soon(sub { $impatient->waiting('video_api') == 1 }, 'one waits for the database');
        my @others = map { $eve->open('GET', $path) } 1 .. 3;
        like $first->answer('GET', 20), qr{^HTTP/1[.]1 503}, "$path: in vain";
        $impatient->soon(sub { $impatient->waiting('video_api') >= 1 }, 'then another one does');
        $lock->commit;
        like $_->answer('GET', 20), qr{^HTTP/1[.]1 200}, 'and then all of them are answered' for @others;
    }
    $impatient->expect_log(qr/connection to client lost|canceling statement due to statement timeout/);
    $impatient->stop;
};

# Reads until the writer is done. Returns what was wrong.
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

# Changes what the others read, and looks whether each change is seen at once. Returns what was wrong.
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

subtest 'what was acknowledged is seen' => sub {
    my $done = $site->folder . '/done';
    is_deeply [Parallel::at_once((sub { keep_reading($done) }) x READERS, sub { keep_writing($done) })],
        [('done') x (READERS + 1)], 'by everybody who asks afterwards';
};

done_testing;
