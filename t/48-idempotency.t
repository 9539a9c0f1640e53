# Idempotency-Key: a request that is sent again, because its response was lost, takes effect once.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Cluster;
use Parallel;
use Site;

use constant {
    MANY        => 8,
    COMMIT_LOCK => 48,    # the advisory lock for which commits wait
};

my $cluster = Cluster->start;
my $site = Site->start(cluster => $cluster, VS_DATABASE_TIMEOUT_MS => 20_000);
my $ann  = $site->user('ann');
my $bob  = $site->user('bob');
my $vid  = $ann->post('/api/videos', {title => 'Talk of the town'})->is(201)->json->{id};
my $COMMENTS = "/api/videos/$vid/comments";

my $count = 0;
sub new_key () { return 'key-' . ++$count }

sub post ($user, $path, $body, $key) {
    return $user->post($path, $body, headers => {'Idempotency-Key' => $key});
}

sub videos   ($title)   { return $site->sql("SELECT count(*) FROM videos WHERE title = '$title'") }
sub comments ($content) { return $site->sql("SELECT count(*) FROM comments WHERE content = '$content'") }
sub keys_of  ($user)    { return $site->sql('SELECT count(*) FROM idempotency_keys WHERE user_id = ' . $user->id) }

# A response without its request id and date.
sub essence ($response) {
    my $id = $response->header('X-Request-Id');
    return ($response->{head} =~ s/\Q$id//r =~ s/^Date: .*$//mr) . $response->body;
}

subtest 'a repeated request returns the first response and takes effect once' => sub {
    my %video = (title => 'Bunny', description => "Once,\nwith \"quotes\" and \x{e9}.");
    my $key = new_key();
    my $first = post($ann, '/api/videos', \%video, $key)->is(201);
    for my $path ('/api/videos', '/api/videos/', '/api/%76ideos') {
        my $again = post($ann, $path, \%video, $key)->is(201, "a repetition at $path returns 201");
        is essence($again), essence($first), "a repetition at $path returns the same bytes";
    }
    is videos('Bunny'), 1, 'one video is added';
    $ann->delete('/api/videos/' . $first->json->{id})->is(204);
    is essence(post($ann, '/api/videos', \%video, $key)), essence($first),
        'a repetition after the deletion of the video returns the same response';
    is videos('Bunny'), 0, 'the deleted video is not added again';

    $key = new_key();
    $first = post($bob, $COMMENTS, {content => 'Once'}, $key)->is(201);
    is essence(post($bob, $COMMENTS, {content => 'Once'}, $key)), essence($first),
        'a repeated comment returns the same response';
    is comments('Once'), 1, 'one comment is added';

    post($ann, '/api/videos', {title => 'Other'}, new_key())->is(201) for 1 .. 2;
    is videos('Other'), 2, 'requests with different keys each add a video';
    $ann->post('/api/videos', {title => 'Plain'})->is(201) for 1 .. 2;
    is videos('Plain'), 2, 'requests without a key each add a video';
};

subtest 'a key that was used for another request is rejected with 409' => sub {
    my $key = new_key();
    post($ann, $COMMENTS, {content => 'So'}, $key)->is(201);
    for my $case (
        ['another value',   $COMMENTS, {content => 'So?'}],
        ['other bytes',     $COMMENTS, '{"content": "So"}'],
        ['another member',  $COMMENTS, {content => 'So', x => 1}],
        ['another path',    '/api/videos', {title => 'So', content => 'So'}],
    ) {
        my ($what, $path, $body) = @$case;
        my $problem = post($ann, $path, $body, $key)->is(409, "$what: 409")->problem('008')->json;
        is $problem->{detail}, 'this Idempotency-Key was used for a different request', "$what: the detail says why";
    }
    is comments('So?') + videos('So'), 0, 'the rejected requests have no effect';
    post($bob, $COMMENTS, {content => 'So'}, $key)->is(201, 'another user can use the same key');
    is comments('So'), 2, q{the other user's comment is added};
};

subtest 'invalid keys are rejected with 400' => sub {
    for my $key ('', 'x' x 256, 'a b', "\xe9", "a\x7f", "a\tb") {
        my $problem = post($ann, '/api/videos', {title => 'No key'}, $key)
            ->is(400, 'an invalid key is rejected')->problem('001')->json;
        is $problem->{detail}, 'Idempotency-Key must be 1 to 255 visible ASCII characters',
            'the detail says what a key is';
    }
    is videos('No key'), 0, 'requests with an invalid key have no effect';
    post($ann, '/api/videos', {title => 'A key'}, $_)
        ->is(201, "the key $_ is accepted") for 'x' x 255, '"quoted"', q{';DROP/**/TABLE/**/videos;--}, '%00';
    post($ann, "/api/videos/$vid", undef, '')->is(405, 'the header is ignored for a path that takes no POST');
    $site->get('/api/videos', headers => {'Idempotency-Key' => ''})->is(200, 'the header is ignored for GET');
};

# A failed request has no effect, so it may be retried with the same key.
subtest 'the key of a failed request can be used again' => sub {
    my $key = new_key();
    my $before = keys_of($ann);
    post($ann, '/api/videos', {}, $key)->is(400);
    post($ann, '/api/videos', {title => 'Late', author_id => $bob->id}, $key)->is(403);
    post($ann, '/api/videos/999999/comments', {content => 'Late'}, $key)->is(404);
    post($site, '/api/videos', {title => 'Late'}, $key)->is(401);
    is keys_of($ann), $before, 'the keys of failed requests are not stored';
    is videos('Late') + comments('Late'), 0, 'failed requests have no effect';
    post($ann, '/api/videos', {title => 'Late'}, $key)->is(201, 'a valid request with the same key succeeds');
    is keys_of($ann), $before + 1, 'the key of the successful request is stored';
};

subtest 'of concurrent requests with the same key one takes effect' => sub {
    for my $round (1 .. 3) {
        my $key = new_key();
        my @ids = Parallel::at_once((sub { my $r = post($ann, '/api/videos', {title => "Race $round"}, $key); $r->status . ' ' . ($r->json->{id} // '') }) x MANY);
        like $ids[0], qr/^201 \d+$/, "round $round: the video is added";
        is_deeply \@ids, [($ids[0]) x MANY], "round $round: all requests return the same video";
        is videos("Race $round"), 1, "round $round: one video is added";
    }
    my $key = new_key();
    my @statuses = sort(Parallel::at_once(map { my $n = $_; sub { post($ann, '/api/videos', {title => 'Different', description => "$n"}, $key)->status } } 1 .. MANY));
    is_deeply \@statuses, [201, (409) x (MANY - 1)],
        'of different requests with the same key one succeeds, the others return 409';
    is videos('Different'), 1, 'one video is added';
};

subtest 'keys expire after a day' => sub {
    my @keys = map { new_key() } 1 .. 3;
    post($ann, '/api/videos', {title => 'Old'}, $_)->is(201) for @keys;
    my $age = sub ($age) { $site->sql("UPDATE idempotency_keys SET create_time = now() - interval '$age' WHERE key IN ('" . join(q{','}, @keys) . q{')}) };
    $age->('23 hours 59 minutes');
    post($ann, '/api/videos', {title => 'Old'}, $_)->is(201) for @keys;
    is videos('Old'), 3, 'keys are valid for a day';
    $age->('1 day 1 second');
    post($ann, '/api/videos', {title => 'Old too'}, $keys[0])
        ->is(201, 'an expired key can be used for another request');
    post($ann, '/api/videos', {title => 'Old too'}, $keys[0])->is(201, 'the key is valid again');
    is videos('Old too'), 1, 'one video is added with the key';
    is $site->sql("SELECT count(*) FROM idempotency_keys WHERE create_time < now() - interval '1 day'"), 0,
        'expired keys are deleted';
};

subtest 'registrations accept keys' => sub {
    my $register = sub ($name, $pwd, $key) { return post($site, '/api/users', {user_name => $name, pwd => $pwd}, $key) };
    my $key   = new_key();
    my $first = $register->('Dora', 'four score and seven', $key)->is(201);
    is essence($register->('Dora', 'four score and seven', $key)->is(201)), essence($first),
        'a repeated registration returns the same response';
    $register->('Dora', 'four score and seven', new_key())->is(409)->problem('008');
    is $register->(@$_, $key)->is(409, 'another registration with the same key is rejected')->problem('008')->json->{detail},
        'this Idempotency-Key was used for a different request', 'the detail says why'
        for ['Dora', 'five score and seven'], ['Dorothy', 'four score and seven'], ['DORA', 'four score and seven'];
    is $site->sql(q{SELECT count(*) FROM users WHERE lower(name) LIKE 'dor%'}), 1, 'one user is added';
    is $site->sql(qq{SELECT count(*) FROM registrations WHERE password_hash LIKE '\$argon2id\$%'}), 1,
        'the password is stored with the key only as an argon2id hash';

    my $dora = $site->post('/api/sessions', {user_name => 'Dora', pwd => 'four score and seven'})->is(200)->json;
    $site->request('PUT', "/api/users/$dora->{user_id}/password", json => {old_pwd => 'four score and seven', pwd => 'another pass phrase'},
        headers => {'X-Session-Id' => $dora->{session_id}})->is(204);
    $register->('Dora', 'four score and seven', $key)
        ->is(201, 'a repetition with the original password succeeds after the password has changed');
    $register->('Dora', 'another pass phrase', $key)->is(409, 'a repetition with the new password is another request');

    my $taken = new_key();
    $register->('dora', 'four score and seven', $taken)->is(409, 'a registration with a taken name is rejected');
    $register->('Emma', 'four score and seven', $taken)->is(201, 'the key of a failed registration can be used again');
    $register->('Nobody', 'four score and seven', 'a b')->is(400)->problem('001');

    $site->sql(qq{UPDATE registrations SET create_time = now() - interval '1 day 1 second'});
    $register->('Dora', 'four score and seven', $key)
        ->is(409, 'after a day the repetition is a new request for a taken name');
    $register->('Fern', 'four score and seven', $key)
        ->is(201, 'after a day the key can be used for another registration');
    is $site->sql('SELECT count(*) FROM registrations'), 1, 'expired registrations are deleted';
};

subtest 'of concurrent registrations with the same key one takes effect' => sub {
    my $key = new_key();
    my $register = sub ($name) { sub { my $r = post($site, '/api/users', {user_name => $name, pwd => 'four score and seven'}, $key); $r->status . ' ' . ($r->json->{user_id} // '') } };
    my @same = Parallel::at_once(($register->('Gina')) x MANY);
    like $same[0], qr/^201 \d+$/, 'the user is added';
    is_deeply \@same, [($same[0]) x MANY], 'all registrations return the same user';
    $key = new_key();
    my @others = Parallel::at_once(map { $register->("Hanna $_") } 1 .. MANY);
    is scalar(grep({ /^201/ } @others)), 1, 'one of different registrations succeeds';
    is scalar(grep({ /^409/ } @others)), MANY - 1, 'the other registrations return 409';
    is $site->sql(q{SELECT count(*) FROM users WHERE name LIKE 'Hanna %'}), 1, 'one user is added';
};

# --- lost responses

# Executes the action whenever a row with this title is committed. Other tables have other columns.
sub at_commit ($title, $action, $table = 'videos', $column = 'title') {
    $site->sql(qq{
        DROP TRIGGER IF EXISTS at_commit ON $table;
        DROP FUNCTION IF EXISTS at_commit CASCADE;
        DROP SEQUENCE IF EXISTS commits;
        CREATE SEQUENCE commits;
        CREATE FUNCTION at_commit() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS \$\$
            BEGIN $action; RETURN NULL; END \$\$;
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON $table DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.$column = '$title') EXECUTE FUNCTION at_commit()});
    return;
}

# An action for at_commit: the first commit waits until the test commits the transaction of hold_commits.
my $WAIT = "IF nextval('commits') = 1 THEN PERFORM pg_advisory_xact_lock(${\COMMIT_LOCK}); END IF";

sub hold_commits () { return $site->transaction("SELECT pg_advisory_xact_lock(${\COMMIT_LOCK})") }

# The server processes whose commits wait.
sub committing () {
    return map { $_->[0] } $cluster->sql(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = ${\COMMIT_LOCK} AND NOT granted");
}

subtest 'a client that disconnects can repeat its request' => sub {
    for my $end (qw(close reset)) {
        my ($key, $title) = (new_key(), "Left by $end");
        my $connection = $ann->open('POST', '/api/videos', json => {title => $title}, headers => {'Idempotency-Key' => $key});
        $connection->$end;
        my $again = post($ann, '/api/videos', {title => $title}, $key)->is(201, "$end: the repeated request succeeds");
        $site->get('/api/videos/' . $again->json->{id})->is(200, "$end: the video exists");
        is videos($title), 1, "$end: one video is added";
    }
};

subtest 'a request whose worker dies during the commit can be repeated' => sub {
    my $key = new_key();
    at_commit('Orphan', $WAIT);
    my $lock = hold_commits();
    my $connection = $ann->open('POST', '/api/videos', json => {title => 'Orphan'}, headers => {'Idempotency-Key' => $key});
    $site->soon(sub { committing() == 1 }, 'the commit waits');
    my ($supervisor, @workers) = $site->pids('fcgi-api');
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/(?:Connection reset by peer|prematurely closed).*while reading response header/);
    $site->kill('KILL', @workers);
    like $connection->rest, qr{^HTTP/1\.1 503 }, 'the client gets 503';
    $lock->commit;
    $site->soon(sub { videos('Orphan') == 1 }, 'the commit is completed');
    my $again;
    $site->soon(sub { ($again = post($ann, '/api/videos', {title => 'Orphan'}, $key))->status != 503 },
        'a new worker answers the repeated request');
    $again->is(201, 'the repeated request succeeds');
    is $again->json->{id}, $site->sql("SELECT id FROM videos WHERE title = 'Orphan'"),
        'the repeated request returns the committed video';
    is videos('Orphan'), 1, 'one video is added';
};

subtest 'a request with a key is retried when the connection to the database is lost during the commit' => sub {
    $site->expect_log(qr/terminating connection due to administrator command/);
    my $lock = hold_commits();
    at_commit('Cut', $WAIT);
    my $connection = $ann->open('POST', '/api/videos', json => {title => 'Cut'}, headers => {'Idempotency-Key' => new_key()});
    $site->soon(sub { committing() == 1 }, 'the commit of a video waits');
    $cluster->sql("SELECT pg_terminate_backend($_)") for committing();
    like $connection->rest, qr{^HTTP/1\.1 201 }, 'the request with a key succeeds';
    is videos('Cut'), 1, 'one video is added';

    at_commit('Ivy', $WAIT, 'users', 'name');
    $connection = $site->open('POST', '/api/users', json => {user_name => 'Ivy', pwd => 'four score and seven'}, headers => {'Idempotency-Key' => new_key()});
    $site->soon(sub { committing() == 1 }, 'the commit of a registration waits');
    $cluster->sql("SELECT pg_terminate_backend($_)") for committing();
    like $connection->rest, qr{^HTTP/1\.1 201 }, 'the registration with a key succeeds';

    at_commit('Cut off', $WAIT);
    $connection = $ann->open('POST', '/api/videos', json => {title => 'Cut off'});
    $site->soon(sub { committing() == 1 }, 'the commit of a video without a key waits');
    $cluster->sql("SELECT pg_terminate_backend($_)") for committing();
    like $connection->rest, qr{^HTTP/1\.1 503 },
        'the request without a key returns 503, because its outcome is unknown';
    is videos('Cut off'), 0, 'the request without a key has no effect';
};

subtest 'a transaction that the database aborts is retried as a whole' => sub {
    for my $case ([40001 => 201, 1], ['40P01' => 201, 1], ['P0001' => 500, 0]) {
        my ($sqlstate, $status, $made) = @$case;
        my $key = new_key();
        $site->expect_log(qr/ERROR:  \Q$sqlstate\E|ERROR:  as the test wants/);
        at_commit("As $sqlstate", qq{IF nextval('commits') < 3 THEN RAISE 'as the test wants' USING ERRCODE = '$sqlstate'; END IF});
        post($ann, '/api/videos', {title => "As $sqlstate"}, $key)
            ->is($status, "SQLSTATE $sqlstate at the commit: the request returns $status");
        is videos("As $sqlstate"), $made, "SQLSTATE $sqlstate at the commit: videos that are added: $made";
        is $site->sql("SELECT count(*) FROM idempotency_keys WHERE key = '$key'"), $made,
            "SQLSTATE $sqlstate at the commit: keys that are stored: $made";
    }
    at_commit('nothing', 'NULL');
    my $key = new_key();
    $site->sql(q{
        CREATE SEQUENCE writes;
        CREATE FUNCTION refuse() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$
            BEGIN IF nextval('writes') < 3 THEN RAISE 'as the test wants' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON comments FOR EACH ROW EXECUTE FUNCTION refuse()});
    post($ann, $COMMENTS, {content => 'Hard'}, $key)
        ->is(201, 'a serialization failure within the transaction is retried');
    is comments('Hard'), 1, 'one comment is added';
};

subtest 'only video_api can read the keys' => sub {
    for my $table (qw(idempotency_keys registrations)) {
        for my $role (qw(video_stream video_scheduler)) {
            my (undef, $error) = $site->sql_as($role, "SELECT * FROM $table");
            like $error, qr/permission denied/, "$role cannot read $table";
        }
        $site->expect_log(qr/permission denied for table $table/);
    }
};

done_testing;
