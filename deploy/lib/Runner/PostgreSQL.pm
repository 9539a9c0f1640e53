package Runner::PostgreSQL;

# The site's own PostgreSQL: a cluster in the state folder that listens on a unix socket only and knows
# its users by peer authentication. It runs as $account.

use v5.36;

use File::Path ();

use Runner::Account;
use Runner::Command;

use constant {
    DATABASE      => 'video_server',
    PROGRAM_ROLES => [qw(video_api video_stream video_scheduler)],
};

# What the server is told on its command line, besides where its folders are.
my %OPTION = (
    listen_addresses           => '',
    unix_socket_permissions    => '0777',
    max_connections            => 200,
    logging_collector          => 'off',
    log_line_prefix            => '%m [%p] %q%u ',
    password_encryption        => 'scram-sha-256',
    log_min_duration_statement => '2s',
);

# account        whom it runs as
# data           the cluster's folder
# socket_folder  where clients find it
# roles          the statements that make the programs' roles
# durable        whether what it holds must survive a power cut
sub new ($class, %where) {
    my $self = bless {%where}, $class;
    $self->{programs} = $self->_programs;
    return $self;
}

sub database_url ($self) { return "host=$self->{socket_folder} dbname=" . DATABASE }

# The cluster appears under its name only when it is whole.
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

# How to run the server; see Runner::Children.
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

# Whether the server takes connections: it says so in the eighth line of postmaster.pid, where pg_ctl
# looks, too. (To knock would leave a FATAL line in its log.)
sub is_ready ($self) {
    open my $file, '<', "$self->{data}/postmaster.pid" or return 0;
    my @lines = <$file>;
    return @lines >= 8 && $lines[7] =~ /^ready/;
}

# A dead server's pid file stops a new one from starting when its number is now another process's. No
# process works in the folder, so there is no server.
sub forget_dead_server ($self) {
    return if grep { (readlink($_) // '') eq $self->{data} } glob '/proc/[0-9]*/cwd';
    unlink "$self->{data}/postmaster.pid";
    return;
}

# The database, and who may use it: this user owns it, the pools' user can take the programs' roles on.
# What is there already stays as it is.
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

# The folder of PostgreSQL's programs: those that made the cluster, else the newest.
sub _programs ($self) {
    my $version = $self->_cluster_version;
    my @found = sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] } grep { -x "$_/initdb" }
        glob '/usr/lib/postgresql/' . ($version // '*') . '/bin';
    return $found[0] if @found;
    die defined $version
        ? "$self->{data} was made by PostgreSQL $version, which is not installed: install postgresql-$version\n"
        : "PostgreSQL is not installed: run deploy/install-packages\n";
}

sub _cluster_version ($self) {
    open my $file, '<', "$self->{data}/PG_VERSION" or return;
    chomp(my $version = <$file> // '');
    return $version;
}

1;
