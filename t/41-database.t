# PostgreSQL stops, hangs, ends connections and comes back: clients get a quick 503 during the outage and
# normal responses afterwards, and no program is restarted. Failures within a statement are in 45-outcomes.t.

use v5.36;

use FindBin;
use Time::HiRes qw(time);

use lib "$FindBin::Bin/lib";
use Bucket;
use Cluster;
use Site;
use Site::Snapshot;

use constant {
    DEADLINE => 1.5,    # VS_DATABASE_TIMEOUT_MS
    SLACK    => 6,      # seconds, for a busy machine
    CROWD    => 40,     # concurrent requests for the only thread of the API
};

my $PROGRAMS = "application_name ~ '^video_'";
my $OUTAGE   = qr/FATAL:  (?:terminating connection|the database system is|connection to client lost)/;

# Registers a user with two videos; the second one has a file.
sub fill_site ($site) {
    my $ann = $site->user('ann');
    my ($new, $ready) = map { $ann->post('/api/videos', {title => $_})->is(201)->json->{id} } 'New', 'Ready';
    $ann->upload($ready, 'video.mp4')->is(201);
    $site->soon(sub { !Bucket->new($site)->in_use('upload') }, 'the upload has released its token');
    return {site => $site, ann => $ann, new => $new, ready => $ready};
}

# One request of each kind: [name, status when the database works, function that sends it].
sub requests ($home) {
    my ($site, $ann, $new, $ready) = @$home{qw(site ann new ready)};
    my $login = {user_name => 'ann', pwd => Site::Actor::PASSWORD};
    return (
        ['getting a user',        200, sub { $site->get('/api/users/' . $ann->id) }],
        ['listing videos',        200, sub { $site->get('/api/videos') }],
        ['getting a video',       200, sub { $site->get("/api/videos/$new") }],
        ['listing comments',      200, sub { $site->get("/api/videos/$new/comments") }],
        ['streaming',             200, sub { $site->get("/stream/videos/$ready") }],
        ['registering',           201, sub { $site->post('/api/users', {%$login, user_name => 'bob'}) }],
        ['logging in',            200, sub { $site->post('/api/sessions', $login) }],
        ['adding a video',        201, sub { $ann->post('/api/videos', {title => 'Added'}) }],
        ['adding a comment',      201, sub { $ann->post("/api/videos/$new/comments", {content => 'Nice.'}) }],
        ['uploading',             201, sub { $ann->upload($new, 'other.mp4') }],
        ['uploading by a form',   201, sub { $ann->upload($new, 'video.webm', as => 'multipart') }],
        ['scheduling a deletion', 200, sub { $site->delete("/scheduler/videos/$ready") }],
        ['deleting a video',      204, sub { $ann->delete("/api/videos/$new") }],
        ['logging out',           205, sub { $ann->delete('/api/sessions') }],
    );
}

sub is_in_time ($start, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return cmp_ok time - $start, '<', DEADLINE + SLACK, "$name: answered in time";
}

# Checks that without a database every request that needs one returns 503, and every other one is answered.
sub is_unavailable ($home) {
    my $site = $home->{site};
    for my $request (requests($home)) {
        my ($name, undef, $send) = @$request;
        my $start = time;
        $send->()->is(503, "$name: 503")->problem('004', "$name: the error_code is that of the database");
        is_in_time($start, $name);
    }
    is $home->{ann}->upload($home->{new}, 'other.mp4', headers => {Expect => '100-continue'})->is(503)->sent, 0,
        'uploading: 503 is sent before 100 Continue';
    $site->get('/')->is(200, 'the start page needs no database');
    $site->get('/api/videos/0')->is(400, 'a request with an invalid id needs no database');
    $site->post('/api/videos', {title => 'x'})->is(401, 'a request without the required session needs no database');
    $site->get('/api/nowhere')->is(404, 'an unknown path needs no database');
    return;
}

# Checks that every request works at the first attempt.
sub works ($home, $when) {
    for my $request (requests($home)) {
        my ($name, $status, $send) = @$request;
        $send->()->is($status, "$name works $when");
    }
    return;
}

sub nothing_changed ($home, $before) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply Site::Snapshot::take($home->{site}), $before,
        'the data has not changed, and no process has been restarted';
    my $bucket = Bucket->new($home->{site});
    return $home->{site}->soon(sub { !grep { $bucket->in_use($_) } qw(stream upload) }, 'no token is in use');
}

# --- a PostgreSQL server of an administrator

# Each pool has one thread, so that all requests of a kind are handled by the same one.
my %ONE_THREAD = map { $_ => 1 }
    qw(VS_API_PROCESSES VS_API_THREADS VS_PASSWORD_THREADS
    VS_STREAM_PROCESSES VS_STREAM_THREADS VS_UPLOAD_PROCESSES VS_UPLOAD_THREADS);

my $cluster = Cluster->start;
my $site = Site->start(cluster => $cluster, %ONE_THREAD);
my $home = fill_site($site);
my $ann = $home->{ann};

# Ends all connections of the programs, and waits until they have ended.
sub end_connections () {
    my @ended = $cluster->sql("SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE $PROGRAMS");
    return cmp_ok scalar(grep { $_->[0] eq 't' } @ended), '>', 0, 'all connections are ended';
}

subtest 'the server is stopped and started again' => sub {
    $site->expect_log($OUTAGE);
    my $before = Site::Snapshot::take($site);
    $cluster->down;
    is_unavailable($home);
    $cluster->up;
    $site->get("/api/videos/$home->{new}")->is(200, 'the first request after the restart works');
    nothing_changed($home, $before);
};

subtest 'the server hangs and continues' => sub {
    my $before = Site::Snapshot::take($site);
    $cluster->freeze($site);
    my $start = time;
    my @crowd = map { $ann->open('POST', '/api/videos', json => {title => 'Crowd'}) } 1 .. CROWD;
    my @answers = map { $_->rest(DEADLINE + SLACK) } @crowd;
    is_in_time($start, 'many concurrent requests');
    is scalar(grep { m{^HTTP/1\.1 503 .*^Retry-After: }ms } @answers), CROWD,
        'many concurrent requests return 503 with Retry-After';
    is_unavailable($home);
    $cluster->thaw;
    $site->soon(sub { $site->get('/api/videos')->status == 200 }, 'requests work after the server has continued');
    # Statements that were sent while the server hung may be executed now, but no others.
    $site->soon(sub { !$site->sql("SELECT count(*) FROM pg_stat_activity WHERE $PROGRAMS AND state <> 'idle'") },
        'the server has executed all statements');
    cmp_ok $site->sql("SELECT count(*) FROM videos WHERE title = 'Crowd'"), '<=', CROWD, 'no request is executed twice';
    $site->sql("DELETE FROM videos WHERE title = 'Crowd'");
    nothing_changed($home, $before);
};

subtest 'the server accepts no more connections' => sub {
    $site->expect_log(qr/FATAL:  too many connections for role/);
    my $before = Site::Snapshot::take($site);
    $cluster->sql('ALTER ROLE ' . Cluster::LOGIN . ' CONNECTION LIMIT 0');
    end_connections();
    is_unavailable($home);
    $cluster->sql('ALTER ROLE ' . Cluster::LOGIN . ' CONNECTION LIMIT -1');
    $site->get("/api/videos/$home->{new}")->is(200, 'the first request works when connections are accepted again');
    nothing_changed($home, $before);
};

subtest 'the server is read-only' => sub {
    $site->expect_log(qr/ERROR:  cannot execute \w+ in a read-only transaction/);
    $cluster->sql('ALTER DATABASE ' . Cluster::DATABASE . ' SET default_transaction_read_only = on');
    end_connections();
    $site->get('/api/videos')->is(200, 'reading works');
    $ann->post('/api/videos', {title => 'Never'})->is(503, 'writing returns 503')->problem('004');
    $cluster->sql('ALTER DATABASE ' . Cluster::DATABASE . ' RESET default_transaction_read_only');
    $ann->post('/api/videos', {title => 'Soon'})->is(201, 'writing works when the server is writable again');
};

subtest 'connections are ended between requests' => sub {
    my $other = fill_site($site);
    for my $request (requests($other)) {
        my ($name, $status, $send) = @$request;
        # So that the scheduler has a connection, too.
        $site->delete('/scheduler/videos/999')->is(200);
        end_connections();
        $send->()->is($status, "$name works at the first attempt after the connections were ended");
    }
    $site->soon(sub { !$site->sql('SELECT count(*) FROM video_deletions') }, 'the scheduler carries out all deletions');
};

$site->stop;

# --- the site's own PostgreSQL server

subtest q{the site's own server is stopped, is restarted by the runner, and hangs} => sub {
    my $own = Site->start(%ONE_THREAD);
    my $its = fill_site($own);
    my $before = Site::Snapshot::take($own);
    $own->expect_log($OUTAGE, Cluster::HUNG, qr/postgresql died \(exit status 0\)/);
    my $runner = $own->pid;
    kill 'STOP', $runner;
    my ($postmaster) = $own->kill(INT => 'postgres');
    $own->soon(sub { !Site::Processes::is_alive($postmaster) }, 'the server has stopped', 30);
    is_unavailable($its);
    kill 'CONT', $runner;
    $own->soon(sub { eval { $own->sql('SELECT 1') } }, 'the runner restarts the server', 30);
    $own->get("/api/videos/$its->{new}")->is(200, 'the first request after the restart works');
    nothing_changed($its, $before);

    my @frozen = $own->kill(STOP => $own->pids('postgres'));
    my $start = time;
    $own->get("/stream/videos/$its->{ready}")->is(503, 'streaming returns 503 while the server hangs')->problem('004');
    is_in_time($start, 'streaming while the server hangs');
    $own->kill(CONT => @frozen);
    $own->soon(sub { $own->get("/stream/videos/$its->{ready}")->status == 200 },
        'streaming works when the server continues');
    works($its, 'in the end');
    $own->stop;
};

done_testing;
