# PostgreSQL stops, hangs, throws programs out and comes back: clients get a quick 503, and then what they ask
# for; no program of ours is started again. (What happens in the middle of a statement is in 45-outcomes.t.)

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
    SLACK    => 6,      # of a machine that does other things, too
    CROWD    => 40,     # for the one thread that answers /api
};

my $PROGRAMS = "application_name ~ '^video_'";
my $OUTAGE   = qr/FATAL:  (?:terminating connection|the database system is|connection to client lost)/;

# A user with two videos, of which the second has a film that nobody has seen.
sub inhabit ($site) {
    my $ann = $site->user('ann');
    my ($new, $film) = map { $ann->post('/api/videos', {title => $_})->is(201)->json->{id} } 'New', 'Film';
    $ann->upload($film, 'film.mp4')->is(201);
    $site->soon(sub { !Bucket->new($site)->in_use('upload') }, 'the film has arrived');
    return {site => $site, ann => $ann, new => $new, film => $film};
}

# One request of each kind, as [name, status when all is well, request].
sub requests ($home) {
    my ($site, $ann, $new, $film) = @$home{qw(site ann new film)};
    my $login = {user_name => 'ann', pwd => Site::Actor::PASSWORD};
    return (
        ['a user',              200, sub { $site->get('/api/users/' . $ann->id) }],
        ['a list',              200, sub { $site->get('/api/videos') }],
        ['a video',             200, sub { $site->get("/api/videos/$new") }],
        ['comments',            200, sub { $site->get("/api/videos/$new/comments") }],
        ['a film',              200, sub { $site->get("/stream/videos/$film") }],
        ['registering',         201, sub { $site->post('/api/users', {%$login, user_name => 'bob'}) }],
        ['logging in',          200, sub { $site->post('/api/sessions', $login) }],
        ['adding a video',      201, sub { $ann->post('/api/videos', {title => 'Added'}) }],
        ['a comment',           201, sub { $ann->post("/api/videos/$new/comments", {content => 'Nice.'}) }],
        ['uploading',           201, sub { $ann->upload($new, 'other.mp4') }],
        ['uploading by a form', 201, sub { $ann->upload($new, 'film.webm', as => 'multipart') }],
        ['scheduling',          200, sub { $site->delete("/scheduler/videos/$film") }],
        ['deleting',            204, sub { $ann->delete("/api/videos/$new") }],
        ['logging out',         205, sub { $ann->delete('/api/sessions') }],
    );
}

sub is_in_time ($start, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return cmp_ok time - $start, '<', DEADLINE + SLACK, "$name: in time";
}

# While there is no database, all that needs one is refused, and the rest goes on.
sub is_refused ($home) {
    my $site = $home->{site};
    for my $request (requests($home)) {
        my ($name, undef, $ask) = @$request;
        my $start = time;
        $ask->()->is(503, "$name: 503")->problem('004', "$name: says that it is the database");
        is_in_time($start, $name);
    }
    is $home->{ann}->upload($home->{new}, 'other.mp4', headers => {Expect => '100-continue'})->is(503)->sent, 0,
        'uploading: no byte of the body is asked for';
    $site->get('/')->is(200, 'the start page needs none');
    $site->get('/api/videos/0')->is(400, 'nor does what is wrong');
    $site->post('/api/videos', {title => 'x'})->is(401, 'nor what needs a session and has none');
    $site->get('/api/nowhere')->is(404, 'nor what there isn\'t');
    return;
}

# All of it works at the first try.
sub works ($home, $when) {
    for my $request (requests($home)) {
        my ($name, $status, $ask) = @$request;
        $ask->()->is($status, "$name $when");
    }
    return;
}

sub nothing_changed ($home, $before) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply Site::Snapshot::take($home->{site}), $before, 'nothing has changed, and no process is another';
    my $bucket = Bucket->new($home->{site});
    return $home->{site}->soon(sub { !grep { $bucket->in_use($_) } qw(stream upload) }, 'no token is held');
}

# --- a server that somebody else runs

# So that each request of a kind comes to the thread to which the last one came.
my %ONE_THREAD = map { $_ => 1 }
    qw(VS_API_PROCESSES VS_API_THREADS VS_PASSWORD_THREADS
    VS_STREAM_PROCESSES VS_STREAM_THREADS VS_UPLOAD_PROCESSES VS_UPLOAD_THREADS);

my $cluster = Cluster->start;
my $site = Site->start(cluster => $cluster, %ONE_THREAD);
my $home = inhabit($site);
my $ann = $home->{ann};

# Throws all programs out, and returns when they are out.
sub throw_out () {
    my @gone = $cluster->sql("SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE $PROGRAMS");
    return cmp_ok scalar(grep { $_->[0] eq 't' } @gone), '>', 0, 'all connections are ended';
}

subtest 'a server that is stopped, and started again' => sub {
    $site->expect_log($OUTAGE);
    my $before = Site::Snapshot::take($site);
    $cluster->down;
    is_refused($home);
    $cluster->up;
    $site->get("/api/videos/$home->{new}")->is(200, 'the next request works');
    nothing_changed($home, $before);
};

subtest 'a server that hangs, and goes on' => sub {
    my $before = Site::Snapshot::take($site);
    $cluster->freeze($site);
    my $start = time;
    my @crowd = map { $ann->open('POST', '/api/videos', json => {title => 'Crowd'}) } 1 .. CROWD;
    my @answers = map { $_->rest(DEADLINE + SLACK) } @crowd;
    is_in_time($start, 'many at once');
    is scalar(grep { m{^HTTP/1\.1 503 .*^Retry-After: }ms } @answers), CROWD, 'all are refused';
    is_refused($home);
    $cluster->thaw;
    $site->soon(sub { $site->get('/api/videos')->status == 200 }, 'it works again');
    # What was sent before it hung may be done now, and only that.
    $site->soon(sub { !$site->sql("SELECT count(*) FROM pg_stat_activity WHERE $PROGRAMS AND state <> 'idle'") },
        'the server has done what it was asked');
    cmp_ok $site->sql("SELECT count(*) FROM videos WHERE title = 'Crowd'"), '<=', CROWD, 'nothing is done twice';
    $site->sql("DELETE FROM videos WHERE title = 'Crowd'");
    nothing_changed($home, $before);
};

subtest 'a server that takes no more connections' => sub {
    $site->expect_log(qr/FATAL:  too many connections for role/);
    my $before = Site::Snapshot::take($site);
    $cluster->sql('ALTER ROLE ' . Cluster::LOGIN . ' CONNECTION LIMIT 0');
    throw_out();
    is_refused($home);
    $cluster->sql('ALTER ROLE ' . Cluster::LOGIN . ' CONNECTION LIMIT -1');
    $site->get("/api/videos/$home->{new}")->is(200, 'the next request works');
    nothing_changed($home, $before);
};

subtest 'a server that only reads' => sub {
    $site->expect_log(qr/ERROR:  cannot execute \w+ in a read-only transaction/);
    $cluster->sql('ALTER DATABASE ' . Cluster::DATABASE . ' SET default_transaction_read_only = on');
    throw_out();
    $site->get('/api/videos')->is(200, 'reading goes on');
    $ann->post('/api/videos', {title => 'Never'})->is(503, 'writing is refused')->problem('004');
    $cluster->sql('ALTER DATABASE ' . Cluster::DATABASE . ' RESET default_transaction_read_only');
    $ann->post('/api/videos', {title => 'Soon'})->is(201, 'and works when another server can be written');
};

subtest 'connections that are ended between requests' => sub {
    my $other = inhabit($site);
    for my $request (requests($other)) {
        my ($name, $status, $ask) = @$request;
        $site->delete('/scheduler/videos/999')->is(200);    # alone, it would have no connection to lose
        throw_out();
        $ask->()->is($status, "$name: nobody notices");
    }
    $site->soon(sub { !$site->sql('SELECT count(*) FROM video_deletions') }, 'the scheduler has not noticed either');
};

$site->stop;

# --- the server that is the site's own

subtest 'a server of the site\'s own' => sub {
    my $own = Site->start(%ONE_THREAD);
    my $its = inhabit($own);
    my $before = Site::Snapshot::take($own);
    $own->expect_log($OUTAGE, Cluster::HUNG, qr/postgresql died \(exit status 0\)/);
    my $runner = $own->pid;
    kill 'STOP', $runner;
    my ($postmaster) = $own->kill(INT => 'postgres');
    $own->soon(sub { !Site::Processes::is_alive($postmaster) }, 'it is stopped', 30);
    is_refused($its);
    kill 'CONT', $runner;
    $own->soon(sub { eval { $own->sql('SELECT 1') } }, 'it is started again', 30);
    $own->get("/api/videos/$its->{new}")->is(200, 'the next request works');
    nothing_changed($its, $before);

    my @frozen = $own->kill(STOP => $own->pids('postgres'));
    my $start = time;
    $own->get("/stream/videos/$its->{film}")->is(503, 'it hangs')->problem('004');
    is_in_time($start, 'it hangs');
    $own->kill(CONT => @frozen);
    $own->soon(sub { $own->get("/stream/videos/$its->{film}")->status == 200 }, 'it goes on');
    works($its, 'in the end');
    $own->stop;
};

done_testing;
