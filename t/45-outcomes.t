# Failures of the database in the middle of a statement: no request is executed twice, none is acknowledged
# whose outcome is unknown, and transient failures are retried without the client noticing.

use v5.36;

use FindBin;
use Time::HiRes qw(time);

use lib "$FindBin::Bin/lib";
use Cluster;
use Site;

use constant {
    DEADLINE => 5,     # seconds that a request may wait for the database
    SLACK    => 10,    # seconds, for a busy machine
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

# The server notices a little later that a program no longer waits for a statement.
$site->expect_log(Cluster::HUNG);

sub change_database ($how) { return $cluster->sql('ALTER DATABASE ' . Cluster::DATABASE . " $how") }

# Ends the connections of all programs, so that they reconnect and see changed settings.
sub reconnect () {
    return $cluster->sql("SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE $PROGRAMS");
}

# Waits until the API has a connection again. After a timeout it tries only briefly to connect, and a
# busy machine may need more than one attempt.
sub await_connection () {
    return $site->soon(sub { $site->get('/api/videos')->status == 200 }, 'the API has reconnected');
}

sub is_in_time ($start, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return cmp_ok time - $start, '<', DEADLINE + SLACK, "$name: answered in time";
}

# Waits until a server process of a program waits for a lock, or for what the pattern says. Returns its pid.
sub waiting ($type = '^Lock') {
    my $pid;
    $site->soon(sub {
        $pid = $cluster->sql("SELECT pid FROM pg_stat_activity WHERE $PROGRAMS AND wait_event_type || wait_event ~ '$type'");
    }, 'the request waits in the database');
    return $pid // die "no server process waits\n";
}

sub response ($connection) {
    return Site::Response->new(bytes => $connection->rest, request => 'the request that waited', site => $site);
}

sub count ($title) { return $site->sql("SELECT count(*) FROM videos WHERE title = '$title'") }

sub end_server_process ($pid) {
    return is $cluster->sql("SELECT pg_terminate_backend($pid, 30000)"), 't',
        'the server process of the request is ended';
}

subtest 'a write whose server process ends returns 503 and has no effect' => sub {
    my $lock = $site->transaction('LOCK TABLE videos IN SHARE MODE');
    my $request = $ann->open('POST', '/api/videos', json => {title => 'Once'});
    end_server_process(waiting());
    response($request)->is(503, 'the write returns 503')->problem('004');
    $lock->commit;
    is count('Once'), 0, 'the write has no effect';
    $ann->post('/api/videos', {title => 'Once'})->is(201, 'the retry succeeds');
    is count('Once'), 1, 'the retry takes effect once';
};

subtest 'an upload whose server process ends returns 503 and has no effect' => sub {
    my $video = $ann->post('/api/videos', {title => 'Uploaded'})->is(201)->json->{id};
    my $lock = $site->transaction("SELECT FROM videos WHERE id = $video FOR UPDATE");
    my $path = Site::Media::path($site->folder, 'video.mp4');
    my $request = $ann->open('POST', "/stream/videos/$video", file => $path);
    end_server_process(waiting());
    response($request)->is(503, 'the upload returns 503')->problem('004');
    $lock->commit;
    $site->get("/stream/videos/$video")->is(404, 'the video has no file');
    $ann->upload($video, 'video.mp4')->is(201, 'the retry succeeds');
    $site->get("/stream/videos/$video")->is(200)->body_is(Site::Media::content('mp4'));
};

subtest 'a read whose server process ends is retried' => sub {
    my $lock = $site->transaction('LOCK TABLE videos IN ACCESS EXCLUSIVE MODE');
    my $request = $site->open('GET', "/api/videos/$video");
    end_server_process(waiting());
    waiting();
    $lock->commit;
    response($request)->is(200, 'the read succeeds');
};

subtest 'a write that waits for too long returns 503' => sub {
    my $lock = $site->transaction("SELECT FROM videos WHERE id = $video FOR UPDATE");
    my $start = time;
    $ann->post("/api/videos/$video/comments", {content => 'Nice.'})->is(503, 'the write returns 503')->problem('004');
    is_in_time($start, 'the write');
    $ann->post('/api/videos', {title => 'Free'})->is(201, 'the next request, which need not wait, succeeds');
    $lock->commit;
    cmp_ok $site->sql("SELECT count(*) FROM comments WHERE video_id = $video"), '<=', 1,
        'the write has not taken effect twice';
};

subtest 'a program that connects while a table is locked returns 503 in time' => sub {
    my $lock = $site->transaction('LOCK TABLE videos IN ACCESS EXCLUSIVE MODE');
    reconnect();
    $site->get('/api/videos')->is(503, 'the read returns 503')->problem('004');
    $lock->commit;
    $site->soon(sub { $site->get('/api/videos')->status == 200 }, 'reads succeed after the lock is released');
};

subtest 'a write during a crash of the server returns 503 and has no effect' => sub {
    $site->expect_log(qr/FATAL:  the database system is (?:in recovery mode|not yet accepting|starting up)|WARNING:  terminating connection/);
    my $lock = $site->transaction('LOCK TABLE videos IN SHARE MODE');
    my $request = $ann->open('POST', '/api/videos', json => {title => 'Crash'});
    kill 'KILL', waiting();
    response($request)->is(503, 'the write returns 503')->problem('004');
    undef $lock;
    $site->soon(sub { $ann->post('/api/videos', {title => 'Crash'})->status == 201 },
        'a retry succeeds after the recovery');
    is count('Crash'), 1, 'only the retry has taken effect';
};

# A commit that waits for a standby has been written, but may be lost together with the server.
subtest 'a commit that no standby confirms is not acknowledged' => sub {
    $site->expect_log(qr/FATAL:  the database system is/);
    my %disturb = (
        'the wait is cancelled'   => sub ($pid) { $cluster->sql("SELECT pg_cancel_backend($pid)") },
        'the server process ends' => sub ($pid) { end_server_process($pid) },
        'the wait never ends'     => sub ($pid) { },
    );
    $cluster->sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    $cluster->down;
    $cluster->up;
    for my $name (sort keys %disturb) {
        my $start = time;
        my $request = $ann->open('POST', '/api/videos', json => {title => $name});
        $disturb{$name}->(waiting('SyncRep'));
        response($request)->is(503, "$name: the request returns 503")->problem('004');
        is_in_time($start, $name);
    }
    $cluster->sql('ALTER SYSTEM RESET synchronous_standby_names');
    $cluster->sql('SELECT pg_reload_conf()');
    for my $name (sort keys %disturb) {
        $site->soon(sub { count($name) }, "$name: the write is committed");
        is count($name), 1, "$name: the write is committed once";
    }
};

# --- transient failures

# The number of statements that failed with the SQLSTATE, according to the log.
sub failures ($sqlstate) { return scalar(my @lines = $site->log_lines(qr/event=db_refused .*sqlstate=$sqlstate/)) }

subtest 'a statement is retried after a serialization failure' => sub {
    $site->expect_log(qr/ERROR:  could not serialize access/);
    change_database('SET default_transaction_isolation = serializable');
    reconnect();
    await_connection();
    my $deleted = $ann->post('/api/videos', {title => 'Gone'})->is(201)->json->{id};
    my $other = $site->transaction("UPDATE videos SET title = 'Changed' WHERE id = $deleted");
    my $request = $ann->open('DELETE', "/api/videos/$deleted");
    waiting();
    $other->commit;
    response($request)->is(204, 'the deletion succeeds');
    cmp_ok failures('40001'), '>=', 1, 'a serialization failure occurred';
    $site->get("/api/videos/$deleted")->is(404, 'the video is deleted');
    change_database('RESET default_transaction_isolation');
    reconnect();
};

subtest 'a statement is retried after a deadlock' => sub {
    $site->expect_log(qr/ERROR:  deadlock detected/);
    # PostgreSQL checks for a deadlock once per wait, after this time. The long timeout of the test's own
    # transaction makes the request the one that fails.
    change_database("SET deadlock_timeout = '100ms'");
    reconnect();
    await_connection();
    my $deleted = $ann->post('/api/videos', {title => 'Locked'})->is(201)->json->{id};
    my $comment = $ann->post("/api/videos/$deleted/comments", {content => 'Nice.'})->is(201)->json->{id};
    my $other = Site::Transaction->new($cluster->psql, "SET LOCAL deadlock_timeout = '60s';"
        . " SELECT FROM comments WHERE id = '$comment' FOR UPDATE");

    # The trigger stops the request when it has locked the video and not yet the comment. It continues when
    # the test's transaction, which has locked the comment, waits for the video.
    $site->sql(q{
        CREATE FUNCTION pause() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock(45); RETURN NULL; END $$;
        CREATE TRIGGER pause BEFORE DELETE ON comments FOR EACH STATEMENT EXECUTE FUNCTION pause()});
    my $pause = $site->transaction('SELECT pg_advisory_xact_lock(45)');
    my $request = $ann->open('DELETE', "/api/videos/$deleted");
    waiting('^Lockadvisory');
    $other->send("SELECT FROM videos WHERE id = $deleted FOR UPDATE");
    $site->soon(sub { $cluster->sql(q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'}) == 2 },
        q{the test's transaction waits for the video});
    $pause->commit;
    $other->await;
    $other->commit;
    response($request)->is(204, 'the deletion succeeds');
    cmp_ok failures('40P01'), '>=', 1, 'a deadlock occurred';
    is $site->sql("SELECT count(*) FROM comments WHERE id = '$comment'"), 0, 'the comments of the video are deleted';
    $site->sql('DROP FUNCTION pause CASCADE');
    change_database('RESET deadlock_timeout');
    reconnect();
};

$site->stop;

done_testing;
