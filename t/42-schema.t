# The database schema: how programs migrate it, what they refuse, and what each program's
# role may do.
#
# Most migration tests run the daemons of build/next, which have one migration more
# (t/next).

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces

use FindBin;

use lib "$FindBin::Bin/lib";
use Cluster;
use Program;
use Site;

# The advisory lock of lib/db/migrate.c.
use constant LOCK => 7_305_790_812;

my @PROGRAMS   = qw(fcgi-api fcgi-stream scheduler);
my @ROLES      = qw(video_api video_stream video_scheduler);
my @CURRENT    = migrations_in("$FindBin::Bin/../db");
my @MIGRATIONS = (@CURRENT, migrations_in("$FindBin::Bin/next"));
my $BUILD      = $ENV{VS_BUILD} // 'build';

my $cluster = Cluster->start;

# The migrations in a folder, each as [version, name].
sub migrations_in ($folder) {
    return map { m{/(\d+)_(\w+)\.sql$} ? [$1 + 0, $2] : () } sort glob "$folder/*.sql";
}

# Launches programs on a database. They may wait or fail.
sub launch ($database, @names) {
    return map { Program->launch($_, VS_DATABASE_URL => $cluster->url(database => $database)) } @names;
}

# Launches a program that must refuse to start: fcgi-api, or $other{program}. Returns its
# log.
sub refused ($database, %other) {
    my $name = delete $other{program} // 'fcgi-api';
    my $program = Program->launch($name, VS_DATABASE_URL => $cluster->url(database => $database, %other));
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is $program->await_end, 1 << 8, "$name exits with 1";
    return $program->log;
}

# Waits until the programs have started, and stops them.
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

# The versions that the programs have applied, by their logs.
sub versions (@programs) { return [sort { $a <=> $b } map { $_->log =~ /event=migrated version=(\d+)/g } @programs] }

# The migrations recorded in a database.
sub migrations ($database) { return [$cluster->sql('SELECT version, name FROM schema_migrations ORDER BY version', $database)] }

# The relations of a database, without the record of its migrations.
sub tables ($database) {
    return [map { $_->[0] } $cluster->sql("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        . " AND relname NOT LIKE 'schema_migrations%' ORDER BY relname", $database)];
}

# A transaction that holds the migration lock.
sub hold ($database, $and = '') {
    return Site::Transaction->new($cluster->psql($database), "SELECT pg_advisory_xact_lock(${\LOCK}); $and");
}

# How many connections to a database wait for a lock.
sub waiting ($database) {
    return $cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE datname = '$database' AND wait_event_type = 'Lock'");
}

# --- migrations

local $ENV{VS_BUILD} = "$BUILD/next";

cmp_ok scalar(@MIGRATIONS), '>=', 2, 'the programs have several migrations';

subtest 'programs that start together apply each migration once' => sub {
    my @databases = qw(one other);
    my (%hold, %programs);
    for my $database (@databases) {
        $cluster->make_database($database);
        $hold{$database} = hold($database);
        $programs{$database} = [launch($database, (@PROGRAMS) x 2)];
        my $count = @{$programs{$database}};
        wait_until(sub { waiting($database) == $count }, "$database: all programs wait for the lock");
    }
    $_->commit for values %hold;
    for my $database (@databases) {
        my @all = @{$programs{$database}};
        starts(@all);
        is_deeply versions(@all), [map { $_->[0] } @MIGRATIONS], "$database: each migration was applied once";
        is_deeply migrations($database), \@MIGRATIONS, "$database: all migrations are recorded";
    }
    is_deeply tables('one'), tables('other'), 'both databases have the same tables';
};

my $TIMES = 'SELECT version, apply_time FROM schema_migrations ORDER BY version';

subtest 'a second start applies nothing' => sub {
    my @before = $cluster->sql($TIMES, 'one');
    my @programs = launch('one', @PROGRAMS);
    starts(@programs);
    is_deeply versions(@programs), [], 'no migration is applied';
    is_deeply [$cluster->sql($TIMES, 'one')], \@before, 'the record is unchanged';
};

# A release may bring a migration with a number below the newest one of a database.
subtest 'a missing migration is applied although a newer one is recorded' => sub {
    $cluster->make_database('gap');
    starts(launch('gap', 'fcgi-api'));
    $cluster->sql("DELETE FROM schema_migrations WHERE version = $MIGRATIONS[0][0]", 'gap');
    is_deeply migrations('gap'), [@MIGRATIONS[1 .. $#MIGRATIONS]], 'the newest migration is still recorded';
    like refused('gap'), qr/purpose="?$MIGRATIONS[0][1]\b.*already exists/,
        'the program tries to apply the first one, which fails here because its tables exist';
};

subtest 'a database with a newer schema is refused' => sub {
    $cluster->make_database('newer');
    starts(launch('newer', 'fcgi-api'));
    my $next = $MIGRATIONS[-1][0] + 1;
    $cluster->sql("INSERT INTO schema_migrations VALUES ($next, 'next')", 'newer');
    my $newer = qr/level=error .*newer version \($next\) than this program \($MIGRATIONS[-1][0]\)/;
    like refused('newer'), $newer, 'the log names both versions';

    # A newer program migrates first.
    $cluster->sql('DELETE FROM schema_migrations', 'newer');
    my $hold = hold('newer', "INSERT INTO schema_migrations VALUES ($next, 'next')");
    my ($program) = launch('newer', 'fcgi-api');
    wait_until(sub { waiting('newer') }, 'the program waits while a newer one holds the lock');
    $hold->commit;
    is $program->await_end, 1 << 8, 'it exits with 1 once the newer one has finished';
    like $program->log, $newer, 'the log names both versions';
};

subtest 'an upgrade applies what is new, while the previous version still works' => sub {
    $cluster->make_database('upgrade');
    my ($previous) = do { local $ENV{VS_BUILD} = $BUILD; launch('upgrade', 'fcgi-api') };
    wait_until(sub { $previous->log =~ /event=started/ || $previous->has_ended }, 'the previous version starts');
    is_deeply migrations('upgrade'), \@CURRENT, 'it has applied its own migrations';
    my @next = launch('upgrade', @PROGRAMS);
    starts(@next);
    is_deeply versions(@next), [map { $_->[0] } @MIGRATIONS[@CURRENT .. $#MIGRATIONS]],
        'the next version applies only what is new';
    is $previous->fastcgi('api')->request({REQUEST_URI => '/api/videos'})->{status}, 200,
        'the previous version still answers';
    $previous->stop;
    local $ENV{VS_BUILD} = $BUILD;
    like refused('upgrade'), qr/newer version \($MIGRATIONS[-1][0]\) than this program \($CURRENT[-1][0]\)/,
        'it does not start again';
};

subtest 'a database with other migrations is refused' => sub {
    $cluster->make_database('another');
    $cluster->sql('CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text, apply_time timestamptz)', 'another');
    $cluster->sql("INSERT INTO schema_migrations VALUES (1, 'tables')", 'another');
    $cluster->sql('GRANT SELECT ON schema_migrations TO PUBLIC', 'another');
    like refused('another'), qr/level=error .*the database has another migration 1 \(tables\) than this program \(schema\)/,
        'the log names both migrations';
    is $cluster->sql('SELECT count(*) FROM schema_migrations', 'another'), 1, 'nothing is changed';
};

subtest 'a failed migration is rolled back' => sub {
    $cluster->make_database('failing');
    $cluster->sql('CREATE TABLE comments ()', 'failing');
    my $log = refused('failing');
    like $log, qr/level=error .*purpose="?$MIGRATIONS[0][1]\b.*relation \W*comments\W* already exists/,
        'the log names the migration and the reason';
    is_deeply tables('failing'), ['comments'], 'nothing of the migration is left';
    is_deeply migrations('failing'), [], 'it is not recorded';
    $cluster->sql('DROP TABLE comments', 'failing');
    starts(launch('failing', @PROGRAMS));
    is_deeply migrations('failing'), \@MIGRATIONS, 'the next start applies all migrations';
};

subtest 'migrations before a failed one are kept' => sub {
    $cluster->make_database('halfway');
    $cluster->sql('CREATE TABLE next_version ()', 'halfway');
    like refused('halfway'), qr/purpose="?$MIGRATIONS[-1][1]\b.*already exists/, 'the last migration fails';
    is_deeply migrations('halfway'), [@MIGRATIONS[0 .. $#MIGRATIONS - 1]], 'those before it are recorded';
    $cluster->sql('DROP TABLE next_version', 'halfway');
    my @programs = launch('halfway', @PROGRAMS);
    starts(@programs);
    is_deeply versions(@programs), [$MIGRATIONS[-1][0]], 'the next start applies the rest';
};

subtest 'a migration is rolled back when its program is killed' => sub {
    $cluster->make_database('killed');
    my $other = Site::Transaction->new($cluster->psql('killed'), 'CREATE TABLE comments ()');
    my ($program) = launch('killed', 'fcgi-api');
    wait_until(sub { waiting('killed') }, 'the program waits in the middle of a migration');
    $program->kill('KILL');
    $program->await_end;
    undef $other;
    wait_until(sub { !$cluster->sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'killed'") },
        'its connection is closed');
    is_deeply tables('killed'), [], 'nothing of the migration is left';
    starts(launch('killed', @PROGRAMS));
    is_deeply migrations('killed'), \@MIGRATIONS, 'the next start applies all migrations';
};

subtest 'a database in another encoding is refused' => sub {
    $cluster->make_database('latin', "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    like refused('latin'), qr/level=error .*encoding is LATIN1; create the database with UTF8/, 'the log names the encoding';
    is $cluster->sql("SELECT to_regclass('schema_migrations') IS NULL", 'latin'), 't', 'nothing is created';
};

# --- privileges

$ENV{VS_BUILD} = $BUILD;

# Checks that the statement is denied to the role.
sub denied ($role, $statement) {
    my (undef, $error) = $cluster->psql('one')->ask("SET ROLE $role;\n$statement");
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return like $error // 'nothing', qr/permission denied|must be (?:owner|superuser|a superuser)/, "$role: $statement";
}

subtest 'no role may do more than read and write rows' => sub {
    my @tables = map { $_->[0] } $cluster->sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", 'one');
    for my $role (@ROLES) {
        is_deeply [$cluster->sql("SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication"
                . " FROM pg_roles WHERE rolname = '$role'")], [[('f') x 6]], "$role: no login and no other attribute";
        for my $table (@tables) {
            denied($role, $_) for "TRUNCATE $table", "ALTER TABLE $table ADD extra text", "DROP TABLE $table";
            is $cluster->sql("SELECT has_table_privilege('$role', '$table', 'REFERENCES, TRIGGER')", 'one'), 'f',
                "$role: no triggers on $table and no references to it";
        }
        denied($role, $_) for 'CREATE TABLE extra ()', 'CREATE SCHEMA extra', 'CREATE ROLE extra',
            "CREATE FUNCTION extra() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "COPY users TO '/tmp/users'",
            "INSERT INTO schema_migrations VALUES (9999, 'extra')", 'DELETE FROM schema_migrations';
    }
};

subtest 'a role may not do what only other programs do' => sub {
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
        "INSERT INTO sessions (token_hash, user_id, expires_at, ends_at) SELECT '', 1, now(), now()", 'SELECT * FROM users', 'SELECT password_hash FROM users',
        "INSERT INTO users (name, password_hash) VALUES ('eve', 'x')", 'UPDATE users SET name = name',
        'DELETE FROM users', 'DELETE FROM comments', 'UPDATE videos SET title = title';
};

# Owning the database and being a member of the roles is enough.
subtest 'the login needs the roles, and no other privilege' => sub {
    $cluster->make_login('plain');
    $cluster->sql('CREATE DATABASE plain OWNER plain');
    my %plain = (database => 'plain', user => 'plain');
    like refused('plain', user => 'plain'), qr/level=error .*sqlstate=42501/, 'without the roles the program is refused, and the log says why';
    is_deeply tables('plain'), [], 'nothing is created';

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
    $site->get("/api/videos/$vid/comments")->is(500, 'fcgi-api uses its role')->problem('004');
    $ann->upload($vid, 'bunny.mp4')->is(500, 'fcgi-stream uses its role')->problem('004');
    $site->delete("/scheduler/videos/$vid")->is(500, 'the scheduler uses its role')->problem('004');
    $cluster->sql("GRANT SELECT ON $_->[1] TO $_->[0]", 'plain')
        for ['video_api', 'comments'], ['video_stream', 'videos'], ['video_scheduler', 'videos'];

    $ann->delete("/api/videos/$vid")->is(204);
    $site->soon(sub { !$site->media_files && !$cluster->sql('SELECT count(*) FROM video_deletions', 'plain') },
        'the file and its row are deleted');
    $site->stop;

    $cluster->make_login('guest');
    $cluster->sql('GRANT ' . join(', ', @ROLES) . ' TO guest');
    my $guest = Program->start('fcgi-api', VS_DATABASE_URL => $cluster->url(database => 'plain', user => 'guest'));
    is $guest->fastcgi('api')->request({REQUEST_URI => '/api/videos'})->{status}, 200,
        'a login that owns nothing suffices when the schema is up to date';
    $guest->stop;

    $cluster->make_login('stranger');
    for my $name (@PROGRAMS) {
        my $log = refused('plain', user => 'stranger', program => $name);
        like $log, qr/level=error .*event=role_refused login=stranger role=video_\w+ reason="[^"]*member/, "$name: a login without the roles is refused, and the log says why";
    }
};

done_testing;
