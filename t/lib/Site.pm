package Site;

# A complete site for a test, started as a user would start it: in a temporary folder, on a free port, with
# its own PostgreSQL. `use Site` also imports Test::More.
#
#   my $site = Site->start;
#   my $ann = $site->user('ann');
#   my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
#   $ann->upload($vid, 'bunny.mp4')->is(201);
#   $site->get("/stream/videos/$vid")->is(200)->body_is(...);
#   done_testing;
#
# done_testing first stops all sites. Each stop is a test. It fails if a log contains an error that the test
# did not expect or a sanitizer report, if a process died unexpectedly or if one is left behind. When any
# test of the file has failed, the folder is kept.

use v5.36;
use parent 'Site::Actor';

use Cwd            ();
use File::Basename ();
use File::Find     ();
use File::Path ();
use FindBin    ();
use POSIX      ();
use Test::More ();
use Time::HiRes qw(sleep time);

use lib File::Basename::dirname(__FILE__) . '/../../deploy/lib';
use FastCGI;
use Runner::Account;
use Runner::Command;
use Scratch;
use Site::Connection;
use Site::Logs;
use Site::Port;
use Site::Processes;
use Site::Psql;
use Site::Transaction;

use constant {
    START_SECONDS => 90,
    STOP_SECONDS  => 60,
    PORT_TRIES    => 5,
};

my $CHECKOUT = Cwd::realpath(File::Basename::dirname(__FILE__) . '/../..');
my @sites;    # the sites that run
my @made;     # all sites, running or not

sub import ($class) {
    my $caller = caller;
    no strict 'refs';    ## no critic (NoStrict): names are made from text
    for my $name (grep { /^\w/ } @Test::More::EXPORT, 'done_testing') {
        *{"${caller}::$name"} = \&{$name eq 'done_testing' ? "Site::$name" : "Test::More::$name"};
    }
    return;
}

sub done_testing {
    my @running = @sites;    # a copy: stop removes the site from the list
    $_->stop for @running;
    return Test::More::done_testing();
}

# Cleans up when the test has died.
END {
    local $?;
    for my $site (grep { $$ == $_->{test} } @made) {
        $site->_end;
        $site->_remove_run;
    }
}

# Starts a site and waits until it answers. Settings with upper-case names go to its environment. The others
# are:
#   folder    an existing folder with a state/ to reuse (stop the previous site with keep => 1)
#   cluster   the Cluster to use instead of the site's own PostgreSQL
#   checkout  the source tree to run, if not this one
#   as        the account to start it as, when the test runs as root
#   build     the folder of the compiled programs
sub start ($class, %settings) {
    my $self = $class->new(%settings);
    for my $try (1 .. PORT_TRIES) {
        $self->{port} = $settings{VS_PORT} // Site::Port::free();
        $self->run;
        return $self if $self->await_answer;
        last if $self->output !~ /port \d+ is taken/ || $settings{VS_PORT};
    }
    die "the site did not start, see $self->{folder}:\n" . $self->output;
}

# Creates a site without starting it; run starts it.
sub new ($class, %settings) {
    my %environment = map { $_ => delete $settings{$_} } grep { /^[A-Z]/ } keys %settings;
    my $self = bless {checkout => $CHECKOUT, %settings, environment => \%environment, test => $$}, $class;
    $self->{site} = $self;
    $self->{account} = defined $self->{as} ? Runner::Account->named($self->{as}) : Runner::Account->current;
    $self->{folder} //= Scratch::folder('test');
    $self->{account}->own_folder($self->{folder}, 0755);
    $self->{state} = $environment{VS_STATE_DIR} // "$self->{folder}/state";    # '': the site's default
    $self->{logs} = Site::Logs->new(sub { $self->log_files });
    push @made, $self;
    return $self;
}

# --- the process

# Runs `deploy/site run` in the background.
sub run ($self) {
    my $output = "$self->{folder}/site.log";
    open my $log, '>', $output or die "cannot write $output: $!\n";
    open my $null, '<', '/dev/null' or die "cannot open /dev/null: $!\n";
    my @identity = $self->{account}->setpriv_options;
    my @command = ('setpriv', '--pdeathsig=TERM', @identity, '--', "$self->{checkout}/deploy/site", 'run');
    $self->{pid} = fork // die "cannot fork: $!\n";
    if (!$self->{pid}) {
        %ENV = $self->environment;
        Runner::Command::become(\@command, $null, $log);
    }
    push @sites, $self;
    return;
}

# The environment for `deploy/site`.
sub environment ($self) {
    my $build = $self->{build} // $ENV{VS_BUILD} // 'build';
    return (
        (map { $_ => $ENV{$_} } grep { !/^(?:VS_|PG|MAKE|LISTEN_|PERL5LIB$)/ } keys %ENV),
        UBSAN_OPTIONS       => 'print_stacktrace=1',
        VS_BUILD            => $build,
        VS_POSTGRESQL_FSYNC => 'off',
        VS_REGISTRATIONS_PER_ADDRESS => 0,    # the users of a test share one address
        VS_STATE_DIR        => $self->{state},
        VS_PORT             => $self->{port} // '',
        VS_DATABASE_URL     => $self->{cluster} ? $self->{cluster}->url : '',
        %{$self->{environment}},
    );
}

# Waits until the site reports that it is ready. Returns false if it has ended instead; output tells why.
sub await_answer ($self) {
    my $deadline = time + START_SECONDS;
    until ($self->output =~ /^video-server is running at /m) {
        die "the site does not answer, see $self->{folder}:\n" . $self->output if time > $deadline;
        return 0 if $self->has_ended;
        sleep 0.02;
    }
    ($self->{state}) = $self->output =~ /^data: (.+)$/m;
    ($self->{media}) = $self->output =~ /^media: (.+)$/m;
    return 1;
}

# Whether the runner has ended; then {status} holds its wait status.
sub has_ended ($self) {
    return 1 if !$self->{pid};
    waitpid($self->{pid}, POSIX::WNOHANG) == $self->{pid} or return 0;
    $self->{status} = $?;
    delete $self->{pid};
    @sites = grep { $_ != $self } @sites;
    return 1;
}

# Waits until the runner has ended.
sub await_end ($self, $seconds = STOP_SECONDS) {
    my $deadline = time + $seconds;
    until ($self->has_ended) {
        return 0 if time > $deadline;
        sleep 0.02;
    }
    return 1;
}

# Kills only the runner, which cannot stop the other processes then; run starts it again.
sub crash ($self) {
    CORE::kill 'KILL', $self->{pid};
    $self->await_end;
    $self->{status} = 0;
    return;
}

# Stops the site. This is one test, see above. keep => 1 leaves the folder for another site.
sub stop ($self, %options) {
    CORE::kill 'TERM', $self->{pid} if $self->{pid};
    my @wrong;
    push @wrong, 'it did not stop in ' . STOP_SECONDS . ' seconds' if !$self->await_end;
    push @wrong, 'it ended with the wait status ' . $self->{status} if $self->{status};
    push @wrong, map { "left behind: $_" } $self->processes;
    push @wrong, $self->{logs}->unexpected;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::ok(!@wrong, 'the site stopped cleanly') or Test::More::diag(join "\n", @wrong);
    $self->_end;
    $self->remove unless $options{keep};
    return;
}

# Removes the site's folders, unless a test has failed.
sub remove ($self) {
    $self->_remove_run;
    Scratch::remove($self->{folder}, grep { !m{^\Q$self->{folder}\E/} } $self->{state});
    return;
}

# The run folder is in shared memory. It does not help to diagnose a failure, so it is never kept.
sub _remove_run ($self) {
    my $run = $self->_run_folder;
    File::Path::remove_tree($run) if defined $run;
    return;
}

# Undef as long as the site has no run folder.
sub _run_folder ($self) { return length $self->{state} ? readlink "$self->{state}/run" : undef }

# Ends all processes that still run.
sub _end ($self) {
    @sites = grep { $_ != $self } @sites;
    if (my $pid = delete $self->{pid}) {
        CORE::kill 'TERM', $pid;
        waitpid $pid, 0;
    }
    Site::Processes::kill_using($self->_folders);
    return;
}

# --- its parts

sub port   ($self) { return $self->{port} }
sub folder ($self) { return $self->{folder} }
sub pid    ($self) { return $self->{pid} }          # the runner's
sub output ($self) { return _read("$self->{folder}/site.log") }

# Paths of files in the state folder, and of sockets and the journal in the run folder.
sub state_path ($self, $name) { return "$self->{state}/$name" }
sub run_path   ($self, $name) { return "$self->{state}/run/pool/$name" }

# All processes of the site, as text.
sub processes ($self) { return Site::Processes::using($self->_folders) }

# The folders by which the site's processes are recognised.
sub _folders ($self) { return ($self->{state}, $self->_run_folder // '') }

# The pids of a program: fcgi-api, fcgi-stream, scheduler, nginx or postgres. The first is the supervisor
# (master, postmaster), followed by its workers.
sub pids ($self, $program) {
    return map { $_->[0] } grep { $_->[2] eq $program } Site::Processes::below($self->{pid});
}

# Sends a signal to processes, each given by its pid or by its program's name, which means the supervisor.
# Returns the pids.
sub kill ($self, $signal, @targets) {
    my @pids = map { /^\d+$/ ? $_ : ($self->pids($_))[0] // die "no $_ runs\n" } @targets;
    CORE::kill $signal, @pids;
    return @pids;
}

# The paths of the published media files, relative to the media folder.
sub media_files ($self) {
    my @files;
    File::Find::find({no_chdir => 1, wanted => sub { push @files, $_ if -f }}, $self->{media});
    my @published = sort grep { !m{^incoming/} } map { s{^\Q$self->{media}\E/}{}r } @files;
    return @published;
}

# --- logs

sub log_files ($self) {
    my $logs = "$self->{state}/log";
    opendir my $folder, $logs or return "$self->{folder}/site.log";
    my @files = map { "$logs/$_" } grep { /\.log$/ } sort readdir $folder;
    return (@files, "$self->{folder}/site.log", $self->{cluster} ? $self->{cluster}->log_file : ());
}

sub log        ($self, $name)     { return $self->{logs}->text($name) }
sub log_lines  ($self, $pattern)  { return $self->{logs}->matching($pattern) }
sub expect_log ($self, @patterns) { return $self->{logs}->expect(@patterns) }

# --- low-level connections

# Connects to nginx, for raw bytes.
sub connect ($self) { return Site::Connection->new($self->port) }

# Sends raw bytes to nginx. Returns all that it sends until it closes the connection or the timeout expires.
sub raw ($self, $bytes, $seconds = 5) {
    return $self->connect->send($bytes)->rest($seconds);
}

# Connects to a pool by FastCGI: api, login, stream or scheduler.
sub fastcgi ($self, $pool) { return FastCGI->connect($self->run_path("$pool.sock")) }

# --- the database

# Executes a statement as the database's owner. Returns its rows, each an array; in scalar context the first
# value of the first row.
sub sql ($self, $statement) {
    my ($rows, $error) = $self->_psql->ask($statement);
    die $error if defined $error;
    return wantarray ? @$rows : $rows->[0] && $rows->[0][0];
}

# Executes a statement as a program's role. Returns the rows and the error (undef if it succeeded).
sub sql_as ($self, $role, $statement) {
    return $self->_psql->ask("SET ROLE $role;\n$statement");
}

# The number of a role's connections that are waiting for a lock.
sub waiting ($self, $role) {
    return $self->sql("SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        . " WHERE NOT granted AND application_name = '$role'");
}

# Opens a transaction, executes the statement and keeps the transaction open, see Site::Transaction.
sub transaction ($self, $statement) { return Site::Transaction->new($self->_psql, $statement) }

sub database_url ($self) {
    my $own = $self->_run_folder;
    return $self->{cluster} ? $self->{cluster}->url : "host=$own/postgresql dbname=video_server";
}

sub _psql ($self) {
    return Site::Psql->new(account => $self->{account}, url => $self->database_url);
}

# --- waiting

# A test that passes as soon as the function returns true. It is called repeatedly until the timeout.
sub soon ($self, $check, $name, $seconds = 10) {
    my $deadline = time + $seconds;
    my $good;
    until ($good = $check->()) {
        last if time > $deadline;
        sleep 0.05;
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::ok($good, $name);
}

sub _read ($path) {
    open my $file, '<', $path or return '';
    local $/;
    return <$file> // '';
}

1;
