package Runner::Site;

# The whole site: its parts, and the order in which they start and stop.

use v5.36;

use File::Spec ();
use HTTP::Tiny ();
use IO::Socket::UNIX;
use POSIX      ();
use Time::HiRes qw(sleep);

use Runner::Account;
use Runner::Children;
use Runner::Command;
use Runner::Lock;
use Runner::Nginx;
use Runner::Places;
use Runner::PostgreSQL;
use Runner::Settings;

# The programs in start order, with their sockets.
my @PROGRAMS = (
    ['fcgi-api',    'api.sock', 'login.sock'],
    ['fcgi-stream', 'stream.sock', 'upload.sock'],
    ['scheduler',   'scheduler.sock'],
);

# The site is ready when all these paths are answered with a status below 500.
my @PATHS = ('/', '/api/videos', '/stream/videos/1', '/scheduler');

use constant {
    POSTGRESQL_SECONDS => 300,    # includes recovery after a power cut
    PROGRAM_SECONDS    => 60,     # includes migrations
    NGINX_SECONDS      => 20,
    STOP_SECONDS       => 120,
    OPEN_FILES_MAX     => 65_536,
    LOG_BYTES_MAX      => 64 * 1024 * 1024,
};

# Reads the settings; creates nothing.
sub new ($class, $checkout) {
    my $self = bless {checkout => $checkout}, $class;
    $self->{durable} = (delete $ENV{VS_POSTGRESQL_FSYNC} // 'on') ne 'off';
    $self->{build} = File::Spec->rel2abs(delete $ENV{VS_BUILD} || 'build', $checkout);
    $self->{settings} = Runner::Settings->load($self->{build});
    my $user = $> == 0 ? $self->setting('VS_USER') : undef;
    $self->{pools} = defined $user ? Runner::Account->named($user) : Runner::Account->current;
    if ($self->setting('VS_DATABASE_URL') eq '') {
        $self->{database} = $> == 0 ? Runner::Account->named('postgres') : Runner::Account->current;
    }
    $self->{places} = Runner::Places->new(%$self{qw(checkout pools database)});
    return $self;
}

sub setting   ($self, $name) { return $self->{settings}->get($name) }
sub lock_path ($self)        { return $self->{places}->state_path('lock') }
sub log_path  ($self, $name) { return $self->{places}->state_path("log/$name.log") }
sub address   ($self)        { return 'http://127.0.0.1:' . $self->setting('VS_PORT') . '/' }

sub greeting ($self) {
    my $places = $self->{places};
    return join "\n",
        'video-server is running at ' . $self->address,
        'data: ' . $places->state_folder,
        'media: ' . $self->{media},
        'logs: ' . $places->state_path('log');
}

# Checks the settings, acquires the lock, creates the folders and checks the ports. Starts
# nothing. Dies when one of these steps fails.
sub prepare ($self) {
    my @unknown = $self->{settings}->unknown;
    die join(', ', @unknown) . ": no such setting; see $self->{build}/fcgi-api --help\n" if @unknown;
    my $places = $self->{places};
    $places->make_state;
    $self->{lock}  = Runner::Lock->acquire($self->lock_path, $self->address);
    $self->{media} = $places->media_folder($self->setting('VS_MEDIA_DIR'));
    $places->make_folders($self->{media});
    $self->_rotate_logs;
    $self->{nginx}      = $self->_nginx;
    $self->{postgresql} = $self->_postgresql if $self->{database};
    $self->{nginx}->check_port;
    $self->_set_environment;
    chdir $places->run_folder or die "cannot enter $places->{run}: $!\n";
    return;
}

# Detaches this process from the terminal and sends its output to the log.
sub detach ($self) {
    POSIX::setsid();
    open STDIN,  '<',  '/dev/null'             or die "cannot open /dev/null: $!\n";
    open STDOUT, '>>', $self->log_path('site') or die "cannot write a log: $!\n";
    open STDERR, '>&', \*STDOUT                or die "cannot write a log: $!\n";
    $self->{lock}->record_holder;
    return;
}

# Starts the site, calls $ready when it is ready, and returns after it has been stopped.
# Dies when the site fails to start.
sub run ($self, $ready) {
    my $children = $self->{children} = Runner::Children->new;
    eval {
        $self->_start_postgresql if $self->{postgresql};
        $self->_start_program(@$_) for @PROGRAMS;
        $self->_start_nginx;
        $ready->();
        $children->supervise;
    };
    my $failure = $@;
    say STDERR 'video-server: stopping' if $children->stop_requested;
    $children->stop('nginx');
    $children->stop(map { $_->[0] } @PROGRAMS);
    $children->stop('postgresql');
    die $failure if !$children->stop_requested;
    return;
}

# Stops the running site and waits until all its processes have exited. Returns false when
# no site is running.
sub stop ($self) {
    my $path = $self->lock_path;
    return 0 if Runner::Lock->is_free($path);
    my $holder = Runner::Lock->holder($path);
    kill 'TERM', $holder->{pid} if $holder;
    for (1 .. STOP_SECONDS / 0.1) {
        return 1 if Runner::Lock->is_free($path);
        sleep 0.1;
    }
    die 'the site is still running after ' . STOP_SECONDS . ' seconds; see its logs: '
        . $self->{places}->state_path('log') . "\n";
}

sub _start_postgresql ($self) {
    my ($postgresql, $children) = @$self{qw(postgresql children)};
    $postgresql->make_cluster;
    $postgresql->remove_stale_pid_file;
    $children->start($postgresql->child, log => $self->log_path('postgresql'));
    $children->await('PostgreSQL', POSTGRESQL_SECONDS, sub { $postgresql->is_ready });
    $postgresql->make_database($self->{pools});
    return;
}

sub _start_program ($self, $name, @sockets) {
    my $children = $self->{children};
    my @paths = map { $self->{places}->run_path("pool/$_") } @sockets;
    unlink @paths;
    $children->start(
        name    => $name,
        command => ["$self->{build}/$name"],
        log     => $self->log_path($name),
        stop    => [['TERM', 12]],
        group   => 1,
    );
    $children->await($name, PROGRAM_SECONDS, sub {
        return !grep { !IO::Socket::UNIX->new(Peer => $_) } @paths;
    });
    return;
}

sub _start_nginx ($self) {
    my ($nginx, $children) = @$self{qw(nginx children)};
    $nginx->configure;
    $children->start($nginx->child, log => $self->log_path('nginx'));
    my $answered = eval {
        $children->await('the site to answer requests', NGINX_SECONDS, sub {
            return !grep { $self->_status($_) >= 500 } @PATHS;
        });
        1;
    };
    return if $answered;
    die $@ =~ /Address already in use/ ? $nginx->port_is_taken : $@;
}

# The status of a GET request; 599 when there is no response.
sub _status ($self, $path) {
    my $client = HTTP::Tiny->new(timeout => 2, http_proxy => undef, all_proxy => undef);
    return $client->get($self->address =~ s{/$}{}r . $path)->{status};
}

sub _nginx ($self) {
    my $places = $self->{places};
    return Runner::Nginx->new(
        templates        => "$self->{checkout}/nginx",
        folder           => $places->run_path('nginx'),
        pool             => $places->run_path('pool'),
        log              => $places->state_path('log'),
        media            => $self->{media},
        web              => $places->web_folder,
        account          => $self->{pools},
        port             => $self->setting('VS_PORT'),
        max_upload_bytes => $self->setting('VS_MAX_UPLOAD_BYTES'),
        http2_port       => $self->setting('VS_HTTP2_PORT'),
        stream_timeout   => $self->setting('VS_STREAM_TIMEOUT'),
        stream_burst     => $self->setting('VS_STREAM_BURST'),
        open_files       => _raise_open_files_limit(),
        trusted_proxies  => [$self->{settings}->list('VS_TRUSTED_PROXIES')],
        cors_origins     => [$self->{settings}->list('VS_CORS_ORIGINS')],
    );
}

sub _postgresql ($self) {
    my $places = $self->{places};
    return Runner::PostgreSQL->new(
        account       => $self->{database},
        data          => $places->state_path('postgresql'),
        socket_folder => $places->run_path('postgresql'),
        roles         => _read("$self->{checkout}/db/roles.sql"),
        durable       => $self->{durable},
    );
}

sub _read ($path) {
    open my $file, '<', $path or die "cannot read $path: $!\n";
    local $/;
    return scalar <$file>;
}

# Sets the programs' environment. Removes libpq's variables, which would alter the
# connection to the site's own database.
sub _set_environment ($self) {
    my $places = $self->{places};
    $ENV{VS_STATE_DIR} = $places->state_folder;
    $ENV{VS_RUN_DIR}   = $places->run_path('pool');
    $ENV{VS_MEDIA_DIR} = $self->{media};
    if ($self->{postgresql}) {
        $ENV{VS_DATABASE_URL} = $self->{postgresql}->database_url;
        delete @ENV{grep { /^PG/ } keys %ENV};
    }
    return;
}

# Raises the limit of open files, which the children inherit, to the hard limit, at most
# OPEN_FILES_MAX. Returns the new limit.
sub _raise_open_files_limit () {
    open my $limits, '<', '/proc/self/limits' or die "cannot read /proc/self/limits: $!\n";
    my ($hard) = map { /^Max open files\s+\S+\s+(\d+)/ } <$limits>;
    $hard = OPEN_FILES_MAX if $hard > OPEN_FILES_MAX;
    Runner::Command::output(['prlimit', '--pid', $$, "--nofile=$hard:"]);
    return $hard;
}

# Renames each large log to NAME.log.1, replacing the previous one.
sub _rotate_logs ($self) {
    for my $log (glob "'" . $self->log_path('*') =~ s/'/\\'/gr . "'") {
        next if -s $log < LOG_BYTES_MAX;
        rename $log, "$log.1" or die "cannot rename $log: $!\n";
    }
    return;
}

1;
