# Idempotency-Key: what is sent again because its answer was lost is done once.

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

# All of an answer but what belongs to one request.
sub essence ($response) {
    my $id = $response->header('X-Request-Id');
    return ($response->{head} =~ s/\Q$id//r =~ s/^Date: .*$//mr) . $response->body;
}

subtest 'a repeat' => sub {
    my %video = (title => 'Bunny', description => "Once,\nwith \"quotes\" and \x{e9}.");
    my $key = new_key();
    my $first = post($ann, '/api/videos', \%video, $key)->is(201);
    for my $path ('/api/videos', '/api/videos/', '/api/%76ideos') {
        my $again = post($ann, $path, \%video, $key)->is(201, "$path is answered");
        is essence($again), essence($first), 'as the first time, to the byte';
    }
    is videos('Bunny'), 1, 'there is one video';
    $ann->delete('/api/videos/' . $first->json->{id})->is(204);
    is essence(post($ann, '/api/videos', \%video, $key)), essence($first), 'whatever became of it';
    is videos('Bunny'), 0, 'and is not made again';

    $key = new_key();
    $first = post($bob, $COMMENTS, {content => 'Once'}, $key)->is(201);
    is essence(post($bob, $COMMENTS, {content => 'Once'}, $key)), essence($first), 'comments, too';
    is comments('Once'), 1, 'there is one comment';

    post($ann, '/api/videos', {title => 'Other'}, new_key())->is(201) for 1 .. 2;
    is videos('Other'), 2, 'with another key it is another request';
    $ann->post('/api/videos', {title => 'Plain'})->is(201) for 1 .. 2;
    is videos('Plain'), 2, 'and without a key, too';
};

subtest 'the key of another request' => sub {
    my $key = new_key();
    post($ann, $COMMENTS, {content => 'So'}, $key)->is(201);
    for my $case (
        ['another body',       $COMMENTS, {content => 'So?'}],
        ['other bytes',        $COMMENTS, '{"content": "So"}'],
        ['another member',     $COMMENTS, {content => 'So', x => 1}],
        ['another address',    '/api/videos', {title => 'So', content => 'So'}],
    ) {
        my ($what, $path, $body) = @$case;
        my $problem = post($ann, $path, $body, $key)->is(409, $what)->problem('008')->json;
        is $problem->{detail}, 'another request was made with this Idempotency-Key', 'says so';
    }
    is comments('So?') + videos('So'), 0, 'and nothing is made';
    post($bob, $COMMENTS, {content => 'So'}, $key)->is(201, q{another user's key is another key});
    is comments('So'), 2, 'so there is another comment';
};

subtest 'what is no key' => sub {
    for my $key ('', 'x' x 256, 'a b', "\xe9", "a\x7f", "a\tb") {
        my $problem = post($ann, '/api/videos', {title => 'No key'}, $key)->is(400)->problem('001')->json;
        is $problem->{detail}, 'Idempotency-Key is not 1 to 255 visible ASCII characters', 'says so';
    }
    is videos('No key'), 0, 'nothing is made';
    post($ann, '/api/videos', {title => 'A key'}, $_)->is(201, $_) for 'x' x 255, '"quoted"', q{';DROP/**/TABLE/**/videos;--}, '%00';
    post($ann, "/api/videos/$vid", undef, '')->is(405, 'where none is taken, it means nothing');
    $site->get('/api/videos', headers => {'Idempotency-Key' => ''})->is(200);
};

# A request that failed has done nothing, so that it may be tried again with the same key.
subtest 'failures' => sub {
    my $key = new_key();
    my $before = keys_of($ann);
    post($ann, '/api/videos', {}, $key)->is(400);
    post($ann, '/api/videos', {title => 'Late', author_id => $bob->id}, $key)->is(403);
    post($ann, '/api/videos/999999/comments', {content => 'Late'}, $key)->is(404);
    post($site, '/api/videos', {title => 'Late'}, $key)->is(401);
    is keys_of($ann), $before, 'no key is kept';
    is videos('Late') + comments('Late'), 0, 'and nothing is made';
    post($ann, '/api/videos', {title => 'Late'}, $key)->is(201, 'until it succeeds');
    is keys_of($ann), $before + 1, 'with its key';
};

subtest 'at the same moment' => sub {
    for my $round (1 .. 3) {
        my $key = new_key();
        my @ids = Parallel::at_once((sub { my $r = post($ann, '/api/videos', {title => "Race $round"}, $key); $r->status . ' ' . ($r->json->{id} // '') }) x MANY);
        like $ids[0], qr/^201 \d+$/, 'one makes the video';
        is_deeply \@ids, [($ids[0]) x MANY], 'all are told of it';
        is videos("Race $round"), 1, 'there is one';
    }
    my $key = new_key();
    my @statuses = sort(Parallel::at_once(map { my $n = $_; sub { post($ann, '/api/videos', {title => 'Different', description => "$n"}, $key)->status } } 1 .. MANY));
    is_deeply \@statuses, [201, (409) x (MANY - 1)], 'of different ones the first is done';
    is videos('Different'), 1, 'and no other';
};

subtest 'a day later' => sub {
    my @keys = map { new_key() } 1 .. 3;
    post($ann, '/api/videos', {title => 'Old'}, $_)->is(201) for @keys;
    my $age = sub ($age) { $site->sql("UPDATE idempotency_keys SET create_time = now() - interval '$age' WHERE key IN ('" . join(q{','}, @keys) . q{')}) };
    $age->('23 hours 59 minutes');
    post($ann, '/api/videos', {title => 'Old'}, $_)->is(201) for @keys;
    is videos('Old'), 3, 'the keys still count';
    $age->('1 day 1 second');
    post($ann, '/api/videos', {title => 'Old too'}, $keys[0])->is(201, 'one that has expired is new');
    post($ann, '/api/videos', {title => 'Old too'}, $keys[0])->is(201, 'and counts again');
    is videos('Old too'), 1, 'for what was asked then';
    is $site->sql("SELECT count(*) FROM idempotency_keys WHERE create_time < now() - interval '1 day'"), 0, 'what has expired goes';
};

subtest 'registering' => sub {
    my $register = sub ($name, $pwd, $key) { return post($site, '/api/users', {user_name => $name, pwd => $pwd}, $key) };
    my $key   = new_key();
    my $first = $register->('Dora', 'four score and seven', $key)->is(201);
    is essence($register->('Dora', 'four score and seven', $key)->is(201)), essence($first), 'a repeat is answered as the first time';
    $register->('Dora', 'four score and seven', new_key())->is(409)->problem('008');
    is $register->(@$_, $key)->is(409, 'with the key of another')->problem('008')->json->{detail},
        'another request was made with this Idempotency-Key', 'says so'
        for ['Dora', 'five score and seven'], ['Dorothy', 'four score and seven'], ['DORA', 'four score and seven'];
    is $site->sql(q{SELECT count(*) FROM users WHERE lower(name) LIKE 'dor%'}), 1, 'one user is made';
    is $site->sql(qq{SELECT count(*) FROM registrations WHERE password_hash LIKE '\$argon2id\$%'}), 1, 'of the password only a slow hash is kept';

    my $dora = $site->post('/api/sessions', {user_name => 'Dora', pwd => 'four score and seven'})->is(200)->json;
    $site->request('PUT', "/api/users/$dora->{user_id}/password", json => {old_pwd => 'four score and seven', pwd => 'another pass phrase'},
        headers => {'X-Session-Id' => $dora->{session_id}})->is(204);
    $register->('Dora', 'four score and seven', $key)->is(201, 'whatever the password is now');
    $register->('Dora', 'another pass phrase', $key)->is(409, 'which was not the request');

    my $taken = new_key();
    $register->('dora', 'four score and seven', $taken)->is(409, 'a name that is taken');
    $register->('Emma', 'four score and seven', $taken)->is(201, 'keeps no key');
    $register->('Nobody', 'four score and seven', 'a b')->is(400)->problem('001');

    $site->sql(qq{UPDATE registrations SET create_time = now() - interval '1 day 1 second'});
    $register->('Dora', 'four score and seven', $key)->is(409, 'after a day it is another request');
    $register->('Fern', 'four score and seven', $key)->is(201, 'and the key is new');
    is $site->sql('SELECT count(*) FROM registrations'), 1, 'what has expired goes';
};

subtest 'registering at the same moment' => sub {
    my $key = new_key();
    my $register = sub ($name) { sub { my $r = post($site, '/api/users', {user_name => $name, pwd => 'four score and seven'}, $key); $r->status . ' ' . ($r->json->{user_id} // '') } };
    my @same = Parallel::at_once(($register->('Gina')) x MANY);
    like $same[0], qr/^201 \d+$/, 'one makes the user';
    is_deeply \@same, [($same[0]) x MANY], 'all are told of it';
    $key = new_key();
    my @others = Parallel::at_once(map { $register->("Hanna $_") } 1 .. MANY);
    is scalar(grep({ /^201/ } @others)), 1, 'of different ones one is done';
    is scalar(grep({ /^409/ } @others)), MANY - 1, 'and the others are told';
    is $site->sql(q{SELECT count(*) FROM users WHERE name LIKE 'Hanna %'}), 1, 'which are not made';
};

# --- answers that are lost

# Makes commits of videos with such titles, or of what else has such a name, do something.
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

# An action for at_commit: the first commit waits until the test releases the lock that hold_commits takes.
my $WAIT = "IF nextval('commits') = 1 THEN PERFORM pg_advisory_xact_lock(${\COMMIT_LOCK}); END IF";

sub hold_commits () { return $site->transaction("SELECT pg_advisory_xact_lock(${\COMMIT_LOCK})") }

# The server processes whose commit waits for that lock.
sub committing () {
    return map { $_->[0] } $cluster->sql(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = ${\COMMIT_LOCK} AND NOT granted");
}

subtest 'a client that goes away' => sub {
    for my $end (qw(close reset)) {
        my ($key, $title) = (new_key(), "Left by $end");
        my $connection = $ann->open('POST', '/api/videos', json => {title => $title}, headers => {'Idempotency-Key' => $key});
        $connection->$end;
        my $again = post($ann, '/api/videos', {title => $title}, $key)->is(201, "$end: asks again");
        $site->get('/api/videos/' . $again->json->{id})->is(200, 'finds it');
        is videos($title), 1, 'once';
    }
};

subtest 'a worker that dies while it commits' => sub {
    my $key = new_key();
    at_commit('Orphan', $WAIT);
    my $lock = hold_commits();
    my $connection = $ann->open('POST', '/api/videos', json => {title => 'Orphan'}, headers => {'Idempotency-Key' => $key});
    $site->soon(sub { committing() == 1 }, 'the commit is under way');
    my ($supervisor, @workers) = $site->pids('fcgi-api');
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/(?:Connection reset by peer|prematurely closed).*while reading response header/);
    $site->kill('KILL', @workers);
    like $connection->rest, qr{^HTTP/1\.1 503 }, 'the client is told that it failed';
    $lock->commit;
    $site->soon(sub { videos('Orphan') == 1 }, 'but it was done');
    my $again;
    $site->soon(sub { ($again = post($ann, '/api/videos', {title => 'Orphan'}, $key))->status != 503 }, 'asked again');
    $again->is(201);
    is $again->json->{id}, $site->sql("SELECT id FROM videos WHERE title = 'Orphan'"), 'it is that one';
    is videos('Orphan'), 1, 'and there is no other';
};

subtest 'a connection to the database that is lost' => sub {
    $site->expect_log(qr/terminating connection due to administrator command/);
    my $lock = hold_commits();
    at_commit('Cut', $WAIT);
    my $connection = $ann->open('POST', '/api/videos', json => {title => 'Cut'}, headers => {'Idempotency-Key' => new_key()});
    $site->soon(sub { committing() == 1 }, 'while it commits');
    $cluster->sql("SELECT pg_terminate_backend($_)") for committing();
    like $connection->rest, qr{^HTTP/1\.1 201 }, 'with a key it is tried again';
    is videos('Cut'), 1, 'and done once';

    at_commit('Ivy', $WAIT, 'users', 'name');
    $connection = $site->open('POST', '/api/users', json => {user_name => 'Ivy', pwd => 'four score and seven'}, headers => {'Idempotency-Key' => new_key()});
    $site->soon(sub { committing() == 1 }, 'while it commits a registration');
    $cluster->sql("SELECT pg_terminate_backend($_)") for committing();
    like $connection->rest, qr{^HTTP/1\.1 201 }, 'that is tried again, too';

    at_commit('Cut off', $WAIT);
    $connection = $ann->open('POST', '/api/videos', json => {title => 'Cut off'});
    $site->soon(sub { committing() == 1 }, 'without a key');
    $cluster->sql("SELECT pg_terminate_backend($_)") for committing();
    like $connection->rest, qr{^HTTP/1\.1 503 }, 'nobody knows, so it is not';
    is videos('Cut off'), 0, 'and here it was not done';
};

subtest 'what the database wants repeated' => sub {
    for my $case ([40001 => 201, 1], ['40P01' => 201, 1], ['P0001' => 500, 0]) {
        my ($sqlstate, $status, $made) = @$case;
        my $key = new_key();
        $site->expect_log(qr/ERROR:  \Q$sqlstate\E|ERROR:  as the test wants/);
        at_commit("As $sqlstate", qq{IF nextval('commits') < 3 THEN RAISE 'as the test wants' USING ERRCODE = '$sqlstate'; END IF});
        post($ann, '/api/videos', {title => "As $sqlstate"}, $key)->is($status, "$sqlstate at the commit");
        is videos("As $sqlstate"), $made, 'is repeated as a whole, or not at all';
        is $site->sql("SELECT count(*) FROM idempotency_keys WHERE key = '$key'"), $made, 'with its key';
    }
    at_commit('nothing', 'NULL');
    my $key = new_key();
    $site->sql(q{
        CREATE SEQUENCE writes;
        CREATE FUNCTION refuse() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$
            BEGIN IF nextval('writes') < 3 THEN RAISE 'as the test wants' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON comments FOR EACH ROW EXECUTE FUNCTION refuse()});
    post($ann, $COMMENTS, {content => 'Hard'}, $key)->is(201, 'in the middle, too');
    is comments('Hard'), 1, 'once';
};

subtest 'who may see the keys' => sub {
    for my $table (qw(idempotency_keys registrations)) {
        for my $role (qw(video_stream video_scheduler)) {
            my (undef, $error) = $site->sql_as($role, "SELECT * FROM $table");
            like $error, qr/permission denied/, "$table: not $role";
        }
        $site->expect_log(qr/permission denied for table $table/);
    }
};

done_testing;
