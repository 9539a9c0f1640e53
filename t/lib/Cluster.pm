package Cluster;

# A PostgreSQL server for one test, set up as an administrator would do it: it listens on TCP, and the
# site logs in with a password. The test can stop, freeze and restart it while the site runs.
#
#   my $cluster = Cluster->start;
#   my $site = Site->start(cluster => $cluster);

use v5.36;

use FindBin    ();
use POSIX      ();
use Time::HiRes ();

use lib "$FindBin::Bin/../deploy/lib";
use Runner::Account;
use Runner::PostgreSQL;
use Scratch;
use Site::Port;
use Site::Processes;
use Site::Psql;

use constant {
    DATABASE      => 'video_site',
    LOGIN         => 'site',
    PASSWORD      => q{it's 1 secret\\},
    READY_SECONDS => 60,

    # What a server that was frozen may log about abandoned statements and connections.
    HUNG => qr/ERROR:[ ]+canceling[ ]statement[ ]due[ ]to[ ]statement[ ]timeout
        |FATAL:[ ]+(?:connection[ ]to[ ]client[ ]lost|canceling[ ]authentication[ ]due[ ]to[ ]timeout)/x,
};

sub start ($class) {
    my $self = bless {port => Site::Port::free(), test => $$}, $class;
    $self->{account} = $> == 0 ? Runner::Account->named('postgres') : Runner::Account->current;
    $self->{folder} = Scratch::folder('cluster');
    $self->{account}->own_folder($self->{folder}, 0711);
    $self->{postgresql} = Runner::PostgreSQL->new(
        account       => $self->{account},
        data          => "$self->{folder}/data",
        socket_folder => $self->{folder},
        durable       => 0,
    );
    $self->{postgresql}->make_cluster;
    $self->_allow_passwords;
    $self->up;
    $self->make_login(LOGIN, 'CREATEROLE');
    $self->make_database(DATABASE);
    return $self;
}

sub log_file ($self) { return "$self->{folder}/postgresql.log" }

# The connection string for the site's database. Options: database, user.
sub url ($self, %other) {
    my $password = PASSWORD =~ s/([\\'])/\\$1/gr;
    return sprintf "host=127.0.0.1 port=%d dbname=%s user=%s password='%s'",
        $self->{port}, $other{database} // DATABASE, $other{user} // LOGIN, $password;
}

# Creates another role that logs in, with the same password.
sub make_login ($self, $name, $attributes = '') {
    return $self->sql("CREATE ROLE $name LOGIN $attributes PASSWORD '" . PASSWORD =~ s/'/''/gr . "'");
}

sub make_database ($self, $name, $options = '') {
    return $self->sql("CREATE DATABASE $name OWNER " . LOGIN . " $options");
}

# Executes a statement as the administrator. Returns its rows, each an array; in scalar context the first
# value of the first row.
sub sql ($self, $statement, $database = 'postgres') {
    my ($rows, $error) = $self->psql($database)->ask($statement);
    die $error if defined $error;
    return wantarray ? @$rows : $rows->[0] && $rows->[0][0];
}

# Connects to a database as the administrator.
sub psql ($self, $database = DATABASE) {
    return Site::Psql->new(
        account => $self->{account},
        url     => "host=$self->{folder} port=$self->{port} dbname=$database",
    );
}

# Starts the server and waits until it accepts connections.
sub up ($self) {
    my %child = $self->{postgresql}->child;
    my @options = ('-c', 'listen_addresses=127.0.0.1', '-p', $self->{port});
    my @command = ('setpriv', '--pdeathsig=INT', $self->{account}->setpriv_options, '--', @{$child{command}}, @options);
    open my $log, '>>', $self->log_file or die "cannot write $self->{folder}/postgresql.log: $!\n";
    open my $null, '<', '/dev/null' or die "cannot open /dev/null: $!\n";
    $self->{pid} = fork // die "cannot fork: $!\n";
    Runner::Command::become(\@command, $null, $log) if !$self->{pid};
    my $deadline = time + READY_SECONDS;
    until ($self->{postgresql}->is_ready) {
        die "PostgreSQL does not start; see $self->{folder}\n" if time > $deadline || waitpid $self->{pid}, POSIX::WNOHANG;
        Time::HiRes::sleep(0.02);
    }
    return;
}

# Stops the server, by default with a fast shutdown.
sub down ($self, $signal = 'INT') {
    my $pid = delete $self->{pid} or return;
    kill $signal, $pid;
    waitpid $pid, 0;
    return;
}

# Suspends the server with all its connections. Messages about that may then be in the site's log.
sub freeze ($self, $site) {
    $site->expect_log(HUNG);
    return kill 'STOP', $self->_pids;
}

# Resumes a server that is frozen.
sub thaw ($self) { return kill 'CONT', $self->_pids }

sub _pids ($self) {
    return ($self->{pid}, map { $_->[0] } Site::Processes::below($self->{pid}));
}

sub _allow_passwords ($self) {
    open my $file, '>', "$self->{folder}/data/pg_hba.conf" or die "cannot write pg_hba.conf: $!\n";
    print {$file} "local all all peer\nhost all all 127.0.0.1/32 scram-sha-256\n";
    close $file or die "cannot write pg_hba.conf: $!\n";
    return;
}

sub DESTROY ($self) {
    return if $$ != $self->{test};
    local ($?, $!);
    $self->thaw if $self->{pid};
    $self->down;
    Scratch::remove($self->{folder});
    return;
}

1;
