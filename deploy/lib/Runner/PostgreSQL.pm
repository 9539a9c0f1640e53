package Runner::PostgreSQL;

# The site's own PostgreSQL: a cluster in the state folder. It listens only on a unix
# socket and uses peer authentication.

use v5.36;

use File::Path ();

use Runner::Account;
use Runner::Command;

use constant {
    DATABASE      => 'video_server',
    PROGRAM_ROLES => [qw(video_api video_stream video_scheduler)],
};

# Server options on the command line, besides the folders.
my %OPTION = (
    listen_addresses           => '',
    unix_socket_permissions    => '0777',
    max_connections            => 200,
    logging_collector          => 'off',
    log_line_prefix            => '%m [%p] %q%u ',
    password_encryption        => 'scram-sha-256',
    log_min_duration_statement => '2s',
);

# account        user that runs the server
# data           the cluster's data folder
# socket_folder  folder of the server's socket
# roles          SQL statements that create the programs' roles
# durable        whether the data must survive a power cut
sub new ($class, %where) {
    my $self = bless {%where}, $class;
    $self->{programs} = $self->_programs;
    return $self;
}

sub database_url ($self) { return "host=$self->{socket_folder} dbname=" . DATABASE }

# Creates the cluster if it is missing. It gets its final name only when it is complete.
sub make_cluster ($self) {
    return if -e "$self->{data}/PG_VERSION";
    my $unfinished = "$self->{data}.unfinished";
    File::Path::remove_tree($unfinished);
    $self->{account}->own_folder($unfinished, 0700);
    my @initdb = (
        "$self->{programs}/initdb", '--pgdata', $unfinished,
        '--username', $self->{account}->name,
        qw(--encoding=UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=reject --data-checksums),
        $self->{durable} ? () : '--no-sync',
    );
    Runner::Command::output([$self->{account}->command(@initdb)]);
    rename $unfinished, $self->{data} or die "cannot rename $unfinished: $!\n";
    return;
}

# The arguments for Runner::Children::start.
sub child ($self) {
    my %option = (%OPTION, unix_socket_directories => $self->{socket_folder});
    $option{fsync} = 'off' if !$self->{durable};
    return (
        name    => 'postgresql',
        account => $self->{account},
        command => [
            "$self->{programs}/postgres", '-D', $self->{data}, map { ('-c', "$_=$option{$_}") } sort keys %option
        ],
        stop => [['INT', 60], ['QUIT', 20]],
    );
}

# Whether the server accepts connections. Line 8 of postmaster.pid says so; pg_ctl reads
# it, too. Trying to connect too early would leave FATAL lines in the server's log.
sub is_ready ($self) {
    open my $file, '<', "$self->{data}/postmaster.pid" or return 0;
    my @lines = <$file>;
    return @lines >= 8 && $lines[7] =~ /^ready/;
}

# Removes the pid file of a dead server. Otherwise a new server refuses to start when the
# process id in the file has been reused. A running server's working directory is the data
# folder; when no process works there, no server is running.
sub remove_stale_pid_file ($self) {
    return if grep { (readlink($_) // '') eq $self->{data} } glob '/proc/[0-9]*/cwd';
    unlink "$self->{data}/postmaster.pid";
    return;
}

# Creates the database and the roles that are missing. This user owns the database; the
# pools' user may switch to the programs' roles.
sub make_database ($self, $pools) {
    my ($owner, $guest) = (Runner::Account->current->name, $pools->name);
    $self->_psql($self->{account}, 'postgres', join "\n",
        _create_role($owner, 'LOGIN CREATEROLE'),
        _create_role($guest, 'LOGIN'),
        sprintf "SELECT 'CREATE DATABASE %s OWNER %s' WHERE NOT EXISTS"
            . " (SELECT FROM pg_database WHERE datname = '%s') \\gexec",
        DATABASE, _identifier($owner), DATABASE);
    $self->_psql(Runner::Account->current, DATABASE, join "\n",
        $self->{roles},
        $owner eq $guest
        ? ()
        : sprintf 'GRANT %s TO %s;', join(', ', @{+PROGRAM_ROLES}), _identifier($guest));
    return;
}

sub _create_role ($name, $attributes) {
    my $identifier = _identifier($name);
    return sprintf "SELECT %s WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) \\gexec",
        _literal("CREATE ROLE $identifier $attributes"), _literal($name);
}

sub _identifier ($name) { return '"' . $name =~ s/"/""/gr . '"' }
sub _literal    ($text) { return "'" . $text =~ s/'/''/gr . "'" }

sub _psql ($self, $account, $database, $script) {
    my @psql = ("$self->{programs}/psql", qw(-X -q -v ON_ERROR_STOP=1 -h), $self->{socket_folder}, $database);
    return Runner::Command::output([$account->command(@psql)], "SET client_min_messages = warning;\n$script\n");
}

# The folder of PostgreSQL's programs: of the cluster's version, or the newest when there
# is no cluster yet.
sub _programs ($self) {
    my $version = $self->_cluster_version;
    my @found = sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] } grep { -x "$_/initdb" }
        glob '/usr/lib/postgresql/' . ($version // '*') . '/bin';
    return $found[0] if @found;
    die defined $version
        ? "$self->{data} was created by PostgreSQL $version, which is not installed; install postgresql-$version\n"
        : "PostgreSQL is not installed; run deploy/install-packages run\n";
}

sub _cluster_version ($self) {
    open my $file, '<', "$self->{data}/PG_VERSION" or return;
    chomp(my $version = <$file> // '');
    return $version;
}

1;
