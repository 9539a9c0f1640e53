# What became of a statement when something happens in the middle of it: nothing is done twice, nothing is
# said to be done that may not be, and what only had bad luck is repeated before anybody notices.

use v5.36;

use FindBin;
use Time::HiRes qw(time);

use lib "$FindBin::Bin/lib";
use Cluster;
use Site;

use constant {
    DEADLINE => 5,     # seconds that a request may wait for the database
    SLACK    => 10,    # of a machine that does other things, too
};

my $PROGRAMS = "application_name ~ '^video_'";

my $cluster = Cluster->start;
my $site = Site->start(
    cluster                => $cluster,
    VS_DATABASE_TIMEOUT_MS => 1000 * DEADLINE,
    map { $_ => 1 } qw(VS_API_PROCESSES VS_API_THREADS),
);
my $ann = $site->user('ann');
my $video = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};

# Of what a program has given up the server knows a little later.
$site->expect_log(Cluster::HUNG);

sub change_database ($how) { return $cluster->sql('ALTER DATABASE ' . Cluster::DATABASE . " $how") }

# Has all programs connect anew, so that they see a change of the database.
sub reconnect () {
    return $cluster->sql("SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE $PROGRAMS");
}

sub is_in_time ($start, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return cmp_ok time - $start, '<', DEADLINE + SLACK, "$name: in time";
}

# The server process that waits for a lock, or for a standby.
sub waiting ($type = '^Lock') {
    my $pid;
    $site->soon(sub {
        $pid = $cluster->sql("SELECT pid FROM pg_stat_activity WHERE $PROGRAMS AND wait_event_type || wait_event ~ '$type'");
    }, 'the request waits');
    return $pid // die "no server process waits\n";
}

sub response ($connection) {
    return Site::Response->new(bytes => $connection->rest, request => 'the request that waited', site => $site);
}

sub count ($title) { return $site->sql("SELECT count(*) FROM videos WHERE title = '$title'") }

sub is_ended ($pid) {
    return is $cluster->sql("SELECT pg_terminate_backend($pid, 30000)"), 't', 'its server process ends';
}

subtest 'a write whose server process ends' => sub {
    my $lock = $site->transaction('LOCK TABLE videos IN SHARE MODE');
    my $request = $ann->open('POST', '/api/videos', json => {title => 'Once'});
    is_ended(waiting());
    response($request)->is(503, 'is not said to be done')->problem('004');
    $lock->commit;
    is count('Once'), 0, 'nor done behind the client\'s back';
    $ann->post('/api/videos', {title => 'Once'})->is(201, 'asked for once more, it is');
    is count('Once'), 1, 'once';
};

subtest 'an upload whose server process ends' => sub {
    my $video = $ann->post('/api/videos', {title => 'Uploaded'})->is(201)->json->{id};
    my $lock = $site->transaction("SELECT FROM videos WHERE id = $video FOR UPDATE");
    my $path = Site::Media::path($site->folder, 'film.mp4');
    my $request = $ann->open('POST', "/stream/videos/$video", file => $path);
    is_ended(waiting());
    response($request)->is(503, 'is not said to have arrived')->problem('004');
    $lock->commit;
    $site->get("/stream/videos/$video")->is(404, 'the video has no film');
    $ann->upload($video, 'film.mp4')->is(201, 'sent once more, it has');
    $site->get("/stream/videos/$video")->is(200)->body_is(Site::Media::content('mp4'));
};

subtest 'a read whose server process ends' => sub {
    my $lock = $site->transaction('LOCK TABLE videos IN ACCESS EXCLUSIVE MODE');
    my $request = $site->open('GET', "/api/videos/$video");
    is_ended(waiting());
    waiting();
    $lock->commit;
    response($request)->is(200, 'is repeated');
};

subtest 'a write that waits for too long' => sub {
    my $lock = $site->transaction("SELECT FROM videos WHERE id = $video FOR UPDATE");
    my $start = time;
    $ann->post("/api/videos/$video/comments", {content => 'Nice.'})->is(503, 'is given up')->problem('004');
    is_in_time($start, 'it');
    $ann->post('/api/videos', {title => 'Free'})->is(201, 'the next request, which need not wait, is served');
    $lock->commit;
    cmp_ok $site->sql("SELECT count(*) FROM comments WHERE video_id = $video"), '<=', 1, 'it was not done twice';
};

subtest 'a program that connects while a table is locked' => sub {
    my $lock = $site->transaction('LOCK TABLE videos IN ACCESS EXCLUSIVE MODE');
    reconnect();
    $site->get('/api/videos')->is(503, 'does not wait for longer')->problem('004');
    $lock->commit;
    $site->soon(sub { $site->get('/api/videos')->status == 200 }, 'and tries again');
};

subtest 'a server process that crashes' => sub {
    $site->expect_log(qr/FATAL:  the database system is (?:in recovery mode|not yet accepting|starting up)|WARNING:  terminating connection/);
    my $lock = $site->transaction('LOCK TABLE videos IN SHARE MODE');
    my $request = $ann->open('POST', '/api/videos', json => {title => 'Crash'});
    kill 'KILL', waiting();
    response($request)->is(503, 'takes all others with it')->problem('004');
    undef $lock;
    $site->soon(sub { $ann->post('/api/videos', {title => 'Crash'})->status == 201 }, 'then it works again');
    is count('Crash'), 1, 'and nothing was done twice';
};

# A commit that waits for a standby is there already, but may be lost with the server.
subtest 'a commit that is not confirmed' => sub {
    $site->expect_log(qr/FATAL:  the database system is/);
    my %disturb = (
        'its wait is cancelled'    => sub ($pid) { $cluster->sql("SELECT pg_cancel_backend($pid)") },
        'its server process ends'  => sub ($pid) { is_ended($pid) },
        'nothing happens any more' => sub ($pid) { },
    );
    $cluster->sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    $cluster->down;
    $cluster->up;
    for my $name (sort keys %disturb) {
        my $start = time;
        my $request = $ann->open('POST', '/api/videos', json => {title => $name});
        $disturb{$name}->(waiting('SyncRep'));
        response($request)->is(503, "$name: it is not acknowledged")->problem('004');
        is_in_time($start, $name);
    }
    $cluster->sql('ALTER SYSTEM RESET synchronous_standby_names');
    $cluster->sql('SELECT pg_reload_conf()');
    for my $name (sort keys %disturb) {
        $site->soon(sub { count($name) }, "$name: it is done");
        is count($name), 1, "$name: once";
    }
};

# --- what is repeated

sub refusals ($sqlstate) { return scalar(my @lines = $site->log_lines(qr/event=db_refused .*sqlstate=$sqlstate/)) }

subtest 'a serialization failure' => sub {
    $site->expect_log(qr/ERROR:  could not serialize access/);
    change_database('SET default_transaction_isolation = serializable');
    reconnect();
    my $gone = $ann->post('/api/videos', {title => 'Gone'})->is(201)->json->{id};
    my $other = $site->transaction("UPDATE videos SET title = 'Changed' WHERE id = $gone");
    my $request = $ann->open('DELETE', "/api/videos/$gone");
    waiting();
    $other->commit;
    response($request)->is(204, 'is not noticed');
    cmp_ok refusals('40001'), '>=', 1, 'there was one';
    $site->get("/api/videos/$gone")->is(404, 'the video has gone');
    change_database('RESET default_transaction_isolation');
    reconnect();
};

subtest 'a deadlock' => sub {
    $site->expect_log(qr/ERROR:  deadlock detected/);
    # The server looks for a deadlock once for each wait. The test's own wait is not to end that way.
    change_database("SET deadlock_timeout = '100ms'");
    reconnect();
    my $gone = $ann->post('/api/videos', {title => 'Locked'})->is(201)->json->{id};
    my $comment = $ann->post("/api/videos/$gone/comments", {content => 'Nice.'})->is(201)->json->{id};
    my $other = Site::Transaction->new($cluster->psql, "SET LOCAL deadlock_timeout = '60s';"
        . " SELECT FROM comments WHERE id = '$comment' FOR UPDATE");

    # The request stops between the two locks, until the test's own transaction waits for the first of them.
    $site->sql(q{
        CREATE FUNCTION pause() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock(45); RETURN NULL; END $$;
        CREATE TRIGGER pause BEFORE DELETE ON comments FOR EACH STATEMENT EXECUTE FUNCTION pause()});
    my $pause = $site->transaction('SELECT pg_advisory_xact_lock(45)');
    my $request = $ann->open('DELETE', "/api/videos/$gone");
    waiting('^Lockadvisory');
    $other->send("SELECT FROM videos WHERE id = $gone FOR UPDATE");
    $site->soon(sub { $cluster->sql(q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'}) == 2 },
        'the other transaction waits for the video');
    $pause->commit;
    $other->await;
    $other->commit;
    response($request)->is(204, 'is not noticed');
    cmp_ok refusals('40P01'), '>=', 1, 'there was one';
    is $site->sql("SELECT count(*) FROM comments WHERE id = '$comment'"), 0, 'the video has gone with its comments';
    $site->sql('DROP FUNCTION pause CASCADE');
    change_database('RESET deadlock_timeout');
    reconnect();
};

$site->stop;

done_testing;
