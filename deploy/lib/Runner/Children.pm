package Runner::Children;

# The site's child processes: starts them, restarts those that die, stops them.
#
# Each child has its own session, so that Ctrl-C reaches only the runner. The kernel
# signals the children when the runner dies. The runner's signals are blocked except while
# it waits for one, so that none is lost between checking a condition and waiting.

use v5.36;

use POSIX qw(SIG_BLOCK WNOHANG);
use Time::HiRes ();

use Runner::Command;

use constant {
    DELAY_MIN          => 0.1,    # seconds before a dead child is restarted; doubles each time
    DELAY_MAX          => 5,
    STABLE_SECONDS     => 10,     # a child that ran longer starts again with DELAY_MIN
    GROUP_EXIT_SECONDS => 5,      # how long a killed process group may take to exit
    POLL_SECONDS       => 0.05,
    TAIL_LINES         => 15,
};

sub new ($class) {
    my $self = bless {children => [], stop_requested => 0}, $class;
    $SIG{$_} = sub { $self->{stop_requested} = 1 } for qw(INT TERM HUP);
    $SIG{$_} = sub { }                         for qw(CHLD ALRM);
    $SIG{PIPE} = 'IGNORE';
    my $signals = POSIX::SigSet->new(map { POSIX->can("SIG$_")->() } qw(INT TERM HUP CHLD ALRM));
    POSIX::sigprocmask(SIG_BLOCK, $signals) or die "cannot block signals: $!\n";
    return $self;
}

sub stop_requested ($self) { return $self->{stop_requested} }

# Starts a child:
#   name     for messages
#   command  program and arguments
#   account  user to run as; default: the runner's user
#   log      file for its output
#   stop     [signal, seconds], ...: the signals that stop it, with the time to wait after
#            each; SIGKILL follows. The kernel sends the first one when the runner dies.
#   group    true: when the child dies, its process group is killed, and the child is
#            restarted only after the group has exited, or after GROUP_EXIT_SECONDS
sub start ($self, %child) {
    my $child = {%child, delay => DELAY_MIN};
    push @{$self->{children}}, $child;
    _spawn($child);
    return;
}

# Waits until $check returns true. Dies when a child dies, when a stop is requested, or
# after $seconds.
sub await ($self, $what, $seconds, $check) {
    my $deadline = Time::HiRes::time() + $seconds;
    until ($check->()) {
        $self->_wait(0.02);
        die "stopped while waiting for $what\n" if $self->{stop_requested};
        my ($dead) = $self->_reap;
        die _start_failure($dead) if $dead;
        die "timed out after $seconds seconds while waiting for $what\n" if Time::HiRes::time() > $deadline;
    }
    return;
}

# Restarts children that die, until a stop is requested.
sub supervise ($self) {
    until ($self->{stop_requested}) {
        $self->_schedule_restart($_) for $self->_reap;
        my $now = Time::HiRes::time();
        my @stopped = grep { !$_->{pid} } @{$self->{children}};
        for my $child (grep { $_->{restart_time} <= $now } @stopped) {
            _is_group_alive($child, $now) ? ($child->{restart_time} = $now + POLL_SECONDS) : _spawn($child);
        }
        my ($next) = sort { $a <=> $b } map { $_->{restart_time} } grep { !$_->{pid} } @stopped;
        $self->_wait(defined $next ? $next - $now : undef);
    }
    return;
}

# Stops the children with these names, all at the same time.
sub stop ($self, @names) {
    my %named = map { $_ => 1 } @names;
    $self->_stop_children(grep { $named{$_->{name}} } @{$self->{children}});
    return;
}

sub _stop_children ($self, @children) {
    for my $child (@children) {
        $child->{stop_steps} = [@{$child->{stop}}, ['KILL', 5]];
        $child->{deadline} = 0;
    }
    while (@children = grep { $_->{pid} } @children) {
        my $now = Time::HiRes::time();
        for my $child (grep { $_->{deadline} <= $now } @children) {
            my ($signal, $seconds) = @{shift @{$child->{stop_steps}} // return};
            kill $signal, $child->{pid};
            $child->{deadline} = $now + $seconds;
        }
        $self->_wait(0.1);
        $self->_reap;
    }
    return;
}

sub _spawn ($child) {
    open my $log, '>>', $child->{log} or die "cannot open $child->{log}: $!\n";
    open my $null, '<', '/dev/null' or die "cannot open /dev/null: $!\n";
    my @identity = $child->{account} ? $child->{account}->setpriv_options : ();
    my @command = ('setpriv', "--pdeathsig=$child->{stop}[0][0]", @identity, '--', @{$child->{command}});
    $child->{log_start}  = -s $log;
    $child->{start_time} = Time::HiRes::time();
    $child->{pid}        = fork // die "cannot fork: $!\n";
    Runner::Command::become(\@command, $null, $log) if !$child->{pid};
    return;
}

# Collects and returns the children that have exited since the last call.
sub _reap ($self) {
    my @dead;
    for my $child (grep { $_->{pid} } @{$self->{children}}) {
        waitpid($child->{pid}, WNOHANG) == $child->{pid} or next;
        $child->{status} = $?;
        kill 'KILL', -$child->{pid} if $child->{group};
        $child->{old_pid} = delete $child->{pid};
        push @dead, $child;
    }
    return @dead;
}

# Reports that a child died and schedules its restart.
sub _schedule_restart ($self, $child) {
    my $now = Time::HiRes::time();
    $child->{delay} = DELAY_MIN if $now - $child->{start_time} > STABLE_SECONDS;
    say STDERR sprintf 'video-server: %s died (%s); restarting in %.1f s',
        $child->{name}, _describe($child->{status}), $child->{delay};
    $child->{died} = $now;
    $child->{restart_time} = $now + $child->{delay};
    $child->{delay} = 2 * $child->{delay} < DELAY_MAX ? 2 * $child->{delay} : DELAY_MAX;
    return;
}

# Whether processes of the dead child's group are still running. They may still hold its
# port or its shared memory.
sub _is_group_alive ($child, $now) {
    return 0 if !$child->{group} || $now > $child->{died} + GROUP_EXIT_SECONDS || !kill 0, -$child->{old_pid};
    return scalar grep { _is_alive_in($_, $child->{old_pid}) } glob '/proc/[0-9]*/stat';
}

# Whether the process of that stat file (proc(5)) belongs to the group and is not a
# zombie.
sub _is_alive_in ($stat, $group) {
    open my $file, '<', $stat or return 0;
    my ($state, $process_group) = (<$file> // '') =~ /.*\) (\S) \d+ (\d+) /s or return 0;
    return $process_group == $group && $state !~ /[ZX]/;
}

sub _start_failure ($child) {
    return sprintf "%s could not start (%s). Last lines of %s:\n%s", $child->{name},
        _describe($child->{status}), $child->{log}, _tail($child);
}

sub _describe ($status) {
    return $status & 127 ? 'signal ' . ($status & 127) : 'exit status ' . ($status >> 8);
}

# The last lines that the child has logged since it was started.
sub _tail ($child) {
    open my $log, '<', $child->{log} or return "(cannot be read: $!)\n";
    seek $log, $child->{log_start}, 0;
    my @lines = <$log>;
    splice @lines, 0, @lines - TAIL_LINES if @lines > TAIL_LINES;
    return @lines ? join '', map { "    $_" } @lines : "    (nothing)\n";
}

# Waits for a signal, at most $seconds; without a limit when undefined.
sub _wait ($self, $seconds) {
    Time::HiRes::alarm($seconds > 0.001 ? $seconds : 0.001) if defined $seconds;
    POSIX::sigsuspend(POSIX::SigSet->new);
    Time::HiRes::alarm(0);
    return;
}

1;
