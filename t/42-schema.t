# The schema: who brings it up to date and when, what is refused, and what each program's role may do.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Cluster;
use Program;
use Site;

use constant LOCK => 7_305_790_812;    # of lib/migrate.c

my @PROGRAMS   = qw(fcgi-api fcgi-stream scheduler);
my @ROLES      = qw(video_api video_stream video_scheduler);
my @MIGRATIONS = map { m{/(\d+)_(\w+)\.sql$} ? [$1 + 0, $2] : () } sort glob "$FindBin::Bin/../db/*.sql";

my $cluster = Cluster->start;

# Programs on a database: they are launched, and may wait or fail.
sub launch ($database, @names) {
    return map { Program->launch($_, VS_DATABASE_URL => $cluster->url(database => $database)) } @names;
}

# A program that must not start, fcgi-api if not another one. Returns its log.
sub refused ($database, %other) {
    my $name = delete $other{program} // 'fcgi-api';
    my $program = Program->launch($name, VS_DATABASE_URL => $cluster->url(database => $database, %other));
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $program->await_end, 1 << 8, 'the program ends';
    return $program->log;
}

sub starts (@programs) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    for my $program (@programs) {
        wait_until(sub { $program->log =~ /event=started/ || $program->has_ended }, "$program->{name} starts");
        $program->stop;
    }
    return;
}

sub wait_until ($check, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Site->soon($check, $name, 60);
}

sub versions (@programs) { return [sort { $a <=> $b } map { $_->log =~ /event=migrated version=(\d+)/g } @programs] }
sub migrations ($database) { return [$cluster->sql('SELECT version, name FROM schema_migrations ORDER BY version', $database)] }

# All that there is in a database, less what says which migrations it has.
sub tables ($database) {
    return [map { $_->[0] } $cluster->sql("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        . " AND relname NOT LIKE 'schema_migrations%' ORDER BY relname", $database)];
}

# Holds up whoever wants to bring the database up to date.
sub hold ($database, $and = '') {
    return Site::Transaction->new($cluster->psql($database), "SELECT pg_advisory_xact_lock(${\LOCK}); $and");
}

sub waiting ($database) {
    return $cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND wait_event_type = 'Lock'");
}

subtest 'programs that start at once' => sub {
    my @databases = qw(one other);
    my (%hold, %programs);
    for my $database (@databases) {
        $cluster->make_database($database);
        $hold{$database} = hold($database);
        $programs{$database} = [launch($database, (@PROGRAMS) x 2)];
        my $count = @{$programs{$database}};
        wait_until(sub { waiting($database) == $count }, "$database: all wait for the lock");
    }
    $_->commit for values %hold;
    for my $database (@databases) {
        my @all = @{$programs{$database}};
        starts(@all);
        is_deeply versions(@all), [map { $_->[0] } @MIGRATIONS], "$database: each migration was applied once";
        is_deeply migrations($database), \@MIGRATIONS, "$database: all are recorded";
    }
    is_deeply tables('one'), tables('other'), 'and the outcome is the same';
};

my $TIMES = 'SELECT version, apply_time FROM schema_migrations ORDER BY version';

subtest 'a second start' => sub {
    my @before = $cluster->sql($TIMES, 'one');
    my @programs = launch('one', @PROGRAMS);
    starts(@programs);
    is_deeply versions(@programs), [], 'applies nothing';
    is_deeply [$cluster->sql($TIMES, 'one')], \@before, 'and changes nothing';
};

# A release may bring a migration whose number is below that of one which a database has.
subtest 'a migration that is missing' => sub {
    $cluster->make_database('gap');
    starts(launch('gap', 'fcgi-api'));
    $cluster->sql("DELETE FROM schema_migrations WHERE version = $MIGRATIONS[0][0]", 'gap');
    like refused('gap'), qr/purpose="?$MIGRATIONS[0][1]\b.*already exists/, 'is applied, which here cannot work';
};

subtest 'a database of a newer version' => sub {
    $cluster->make_database('newer');
    starts(launch('newer', 'fcgi-api'));
    my $next = $MIGRATIONS[-1][0] + 1;
    $cluster->sql("INSERT INTO schema_migrations VALUES ($next, 'next')", 'newer');
    my $newer = qr/level=error .*newer version \($next\) than this program \($MIGRATIONS[-1][0]\)/;
    like refused('newer'), $newer, 'and says why';

    # The newer program was faster.
    $cluster->sql('DELETE FROM schema_migrations', 'newer');
    my $hold = hold('newer', "INSERT INTO schema_migrations VALUES ($next, 'next')");
    my ($program) = launch('newer', 'fcgi-api');
    wait_until(sub { waiting('newer') }, 'another waits while a newer program brings it up to date');
    $hold->commit;
    is $program->await_end, 1 << 8, 'it ends';
    like $program->log, $newer, 'and says why';
};

subtest 'a migration that fails' => sub {
    $cluster->make_database('failing');
    $cluster->sql('CREATE TABLE comments ()', 'failing');
    my $log = refused('failing');
    like $log, qr/level=error .*purpose="?$MIGRATIONS[0][1]\b.*relation \W*comments\W* already exists/, 'and says why';
    is_deeply tables('failing'), ['comments'], 'nothing of it is left';
    is_deeply migrations('failing'), [], 'nor recorded';
    $cluster->sql('DROP TABLE comments', 'failing');
    starts(launch('failing', @PROGRAMS));
    is_deeply migrations('failing'), \@MIGRATIONS, 'the next start works';
};

subtest 'a program that is killed in the middle of a migration' => sub {
    $cluster->make_database('killed');
    my $other = Site::Transaction->new($cluster->psql('killed'), 'CREATE TABLE comments ()');
    my ($program) = launch('killed', 'fcgi-api');
    wait_until(sub { waiting('killed') }, 'it waits in the middle');
    $program->kill('KILL');
    $program->await_end;
    undef $other;
    wait_until(sub { !$cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'killed'") }, 'it has gone');
    is_deeply tables('killed'), [], 'nothing of it is left';
    starts(launch('killed', @PROGRAMS));
    is_deeply migrations('killed'), \@MIGRATIONS, 'the next start works';
};

subtest 'a database in another encoding' => sub {
    $cluster->make_database('latin', "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    like refused('latin'), qr/level=error .*encoding is LATIN1, not UTF8/, 'and says why';
    is $cluster->sql("SELECT to_regclass('schema_migrations') IS NULL", 'latin'), 't', 'nothing is made';
};

# --- who may do what

# What a role may not do; the others may be asked for by name.
sub denied ($role, $statement) {
    my (undef, $error) = $cluster->psql('one')->ask("SET ROLE $role;\n$statement");
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return like $error // 'nothing', qr/permission denied|must be (?:owner|superuser|a superuser)/, "$role: $statement";
}

subtest 'each role: nothing but rows' => sub {
    my @tables = map { $_->[0] } $cluster->sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", 'one');
    for my $role (@ROLES) {
        is_deeply [$cluster->sql("SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication"
                . " FROM pg_roles WHERE rolname = '$role'")], [[('f') x 6]], "$role: no login and no attribute";
        for my $table (@tables) {
            denied($role, $_) for "TRUNCATE $table", "ALTER TABLE $table ADD extra text", "DROP TABLE $table";
            is $cluster->sql("SELECT has_table_privilege('$role', '$table', 'REFERENCES, TRIGGER')", 'one'), 'f',
                "$role: no trigger on $table and no reference to it";
        }
        denied($role, $_) for 'CREATE TABLE extra ()', 'CREATE SCHEMA extra', 'CREATE ROLE extra',
            "CREATE FUNCTION extra() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "COPY users TO '/tmp/users'",
            "INSERT INTO schema_migrations VALUES (9999, 'extra')", 'DELETE FROM schema_migrations';
    }
};

subtest 'each role: not what is the others\'' => sub {
    denied('video_api', $_) for
        'UPDATE videos SET media_key = NULL', 'UPDATE videos SET author_id = 1', 'UPDATE users SET name = name',
        'DELETE FROM users', 'UPDATE comments SET content = content', 'DELETE FROM video_deletions';
    denied('video_stream', $_) for
        'SELECT password_hash FROM users', 'SELECT * FROM users', 'UPDATE users SET password_hash = name',
        "INSERT INTO users (name, password_hash) VALUES ('eve', 'x')", 'DELETE FROM users',
        'INSERT INTO sessions SELECT * FROM sessions', "UPDATE sessions SET user_id = 1", 'DELETE FROM sessions',
        "INSERT INTO videos (author_id, title) VALUES (1, 'x')", 'UPDATE videos SET title = title',
        'UPDATE videos SET author_id = 1', 'DELETE FROM videos', 'DELETE FROM comments', 'DELETE FROM video_deletions',
        'SELECT * FROM site_secret';
    denied('video_scheduler', $_) for
        'SELECT * FROM site_secret', 'SELECT * FROM sessions', 'UPDATE sessions SET user_id = 1',
        "INSERT INTO sessions SELECT '', 1, now(), now()", 'SELECT * FROM users', 'SELECT password_hash FROM users',
        "INSERT INTO users (name, password_hash) VALUES ('eve', 'x')", 'UPDATE users SET name = name',
        'DELETE FROM users', 'DELETE FROM comments', 'UPDATE videos SET title = title';
};

# What the site needs, it can do, as somebody who only owns the database and is a member of the roles.
subtest 'who logs in' => sub {
    $cluster->make_login('plain');
    $cluster->sql('CREATE DATABASE plain OWNER plain');
    my %plain = (database => 'plain', user => 'plain');
    like refused('plain', user => 'plain'), qr/level=error .*sqlstate=42501/, 'without the roles it is refused, and says why';
    is_deeply tables('plain'), [], 'nothing is made';

    $cluster->sql('GRANT ' . join(', ', @ROLES) . ' TO plain');
    my $site = Site->start(VS_DATABASE_URL => $cluster->url(%plain));
    my $ann = $site->user('ann');
    my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
    $ann->upload($vid, 'bunny.mp4')->is(201);
    $ann->post("/api/videos/$vid/comments", {content => 'Nice.'})->is(201);
    $site->get("/stream/videos/$vid")->is(200)->body_is(Site::Media::content('mp4'));

    $cluster->sql("REVOKE SELECT ON $_->[1] FROM $_->[0]", 'plain')
        for ['video_api', 'comments'], ['video_stream', 'videos'], ['video_scheduler', 'videos'];
    $site->expect_log(qr/event=db_refused .*permission denied for table/);
    $site->get("/api/videos/$vid/comments")->is(500, 'fcgi-api acts as its role')->problem('004');
    $ann->upload($vid, 'bunny.mp4')->is(500, 'so does fcgi-stream')->problem('004');
    $site->delete("/scheduler/videos/$vid")->is(500, 'so does the scheduler')->problem('004');
    $cluster->sql("GRANT SELECT ON $_->[1] TO $_->[0]", 'plain')
        for ['video_api', 'comments'], ['video_stream', 'videos'], ['video_scheduler', 'videos'];

    $ann->delete("/api/videos/$vid")->is(204);
    $site->soon(sub { !$site->media_files && !$cluster->sql('SELECT count(*) FROM video_deletions', 'plain') },
        'the file goes, and its row');
    $site->stop;

    $cluster->make_login('guest');
    $cluster->sql('GRANT ' . join(', ', @ROLES) . ' TO guest');
    my $guest = Program->start('fcgi-api', VS_DATABASE_URL => $cluster->url(database => 'plain', user => 'guest'));
    is $guest->fastcgi('api')->request({REQUEST_URI => '/api/videos'})->{status}, 200,
        'a schema that is up to date needs no owner';
    $guest->stop;

    $cluster->make_login('stranger');
    for my $name (@PROGRAMS) {
        my $log = refused('plain', user => 'stranger', program => $name);
        like $log, qr/level=error .*event=role_refused login=stranger role=video_\w+ reason="[^"]*member/, "$name: and why";
    }
};


done_testing;
