package Program;

# One program without the rest of the site, for tests of how it starts and stops. The test chooses its
# settings and the descriptors that it inherits; it gets its own run folder.
#
#   my $api = Program->start('fcgi-api', VS_DATABASE_URL => $site->database_url);
#   $api->fastcgi('api')->request({REQUEST_URI => '/api/videos'});
#   $api->stop;
#   my ($status, $output) = Program->output('fcgi-api', ['--help']);

use v5.36;

use Cwd        ();
use File::Spec ();
use FindBin    ();
use POSIX      ();
use Test::More ();
use Time::HiRes qw(sleep time);

use lib "$FindBin::Bin/../deploy/lib";
use FastCGI;
use Runner::Account;
use Runner::Command;
use Scratch;
use Site::Logs;
use Site::Processes;

use constant {
    START_SECONDS => 30,
    STOP_SECONDS  => 20,
    HIGH          => 100,    # first of a range of unused descriptors
};

my $CHECKOUT = Cwd::realpath("$FindBin::Bin/..");

# Starts the program and waits until its log says that it has started. Settings with upper-case names go to
# its environment. The others are:
#   run          its run folder, when it is shared with another program
#   descriptors  {number => handle}: the descriptors that it inherits
sub start ($class, $name, %settings) {
    my $self = $class->launch($name, %settings);
    my $deadline = time + START_SECONDS;
    until ($self->log =~ /event=started/) {
        die "$name did not start:\n" . $self->log if $self->has_ended || time > $deadline;
        sleep 0.02;
    }
    return $self;
}

# As start, but does not wait.
sub launch ($class, $name, %settings) {
    my %environment = map { $_ => delete $settings{$_} } grep { /^[A-Z]/ } keys %settings;
    my $self = bless {name => $name, %settings, environment => \%environment}, $class;
    $self->{folder} = Scratch::folder('program');
    my $account = $> == 0 ? Runner::Account->named('www-data') : Runner::Account->current;
    $account->own_folder($self->{folder}, 0755);
    $self->{run} //= "$self->{folder}/run";
    $self->{logs} = Site::Logs->new(sub { $self->log_file });
    $self->_spawn;
    return $self;
}

sub _spawn ($self) {
    my $program = _path($self->{name});
    open my $log, '>>', $self->log_file or die "cannot write $self->{folder}: $!\n";
    $self->{pid} = fork // die "cannot fork: $!\n";
    return if $self->{pid};
    %ENV = (
        _environment(),
        LISTEN_PID   => $$,
        VS_STATE_DIR => $self->{folder},
        VS_RUN_DIR   => $self->{run},
        %{$self->{environment}},
    );
    open STDIN,  '<',  '/dev/null';
    open STDOUT, '>&', $log;
    open STDERR, '>&', $log;
    my $inherited = $self->{descriptors} // {};
    POSIX::dup2(fileno $inherited->{$_}, HIGH + $_) for keys %$inherited;
    POSIX::dup2(HIGH + $_, $_) && POSIX::close(HIGH + $_) for keys %$inherited;
    # The parent death signal ends the program when the test dies.
    { no warnings 'exec'; exec 'setpriv', '--pdeathsig=TERM', '--', $program }    ## no critic (NoWarnings): it may fail
    POSIX::_exit(127);
}

sub _environment () {
    my @inherited = grep { !/^(?:VS_|PG|LISTEN_)/ } keys %ENV;
    return ((map { $_ => $ENV{$_} } @inherited), UBSAN_OPTIONS => 'print_stacktrace=1');
}

sub _path ($name) { return File::Spec->rel2abs($ENV{VS_BUILD} // 'build', $CHECKOUT) . "/$name" }

# Runs a program with these arguments until it exits. Returns its exit status and its output.
sub output ($class, $name, $arguments, %settings) {
    my $program = _path($name);
    local %ENV = (_environment(), %settings);
    my ($status, $output) = Runner::Command::capture([$program, @$arguments]);
    return ($status >> 8, $output);
}

# --- its parts

sub pid      ($self)        { return $self->{pid} }
sub log_file ($self)        { return "$self->{folder}/$self->{name}.log" }
sub log      ($self)        { return $self->{logs}->text($self->{name}) }
sub run_path ($self, $file) { return "$self->{run}/$file" }
sub fastcgi  ($self, $pool) { return FastCGI->connect($self->run_path("$pool.sock")) }

sub workers ($self) { return map { $_->[0] } Site::Processes::below($self->{pid}) }

sub kill ($self, $signal) { return CORE::kill $signal, $self->{pid} // die "$self->{name} does not run\n" }

sub expect_log ($self, @patterns) { return $self->{logs}->expect(@patterns) }

# --- stopping

sub has_ended ($self) {
    return 1 if !$self->{pid};
    waitpid($self->{pid}, POSIX::WNOHANG) == $self->{pid} or return 0;
    $self->{status} = $?;
    delete $self->{pid};
    return 1;
}

# Waits until the program has ended by itself. Returns its wait status, undef when it still runs.
sub await_end ($self, $seconds = STOP_SECONDS) {
    my $deadline = time + $seconds;
    until ($self->has_ended) {
        return if time > $deadline;
        sleep 0.01;
    }
    return $self->{status};
}

# Stops the program. This is one test: it ended with status 0 and logged no unexpected error.
sub stop ($self) {
    $self->kill('TERM') if $self->{pid};
    my $status = $self->await_end;
    my @wrong;
    push @wrong, defined $status ? "it ended with the wait status $status" : 'it did not stop' if $status // 1;
    push @wrong, $self->{logs}->unexpected;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::ok(!@wrong, "$self->{name} stopped cleanly") or Test::More::diag(join "\n", @wrong);
    return;
}

sub DESTROY ($self) {
    local ($?, $!);
    if ($self->{pid}) {
        $self->kill('TERM');
        waitpid $self->{pid}, 0;
    }
    Scratch::remove($self->{folder});
    return;
}

1;
