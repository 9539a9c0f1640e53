package Runner::Children;

# The processes of the site: starts them, starts again what dies unasked, stops them.
#
# Each child has a session of its own, so that Ctrl-C reaches the runner alone, and gets a signal from
# the kernel when the runner dies. The runner's signals are blocked except while it waits for one, so
# none can come between a look and a wait.

use v5.36;

use POSIX qw(SIG_BLOCK WNOHANG);
use Time::HiRes ();

use Runner::Command;

use constant {
    FIRST_DELAY    => 0.1,    # seconds before a child that died is started again; doubles
    LONGEST_DELAY  => 5,
    STEADY_SECONDS => 10,     # one that ran for so long starts over with the first delay
    GONE_SECONDS   => 5,      # for the rest of a killed group to end
    LOOK_SECONDS   => 0.05,
    TAIL_LINES     => 15,
};

sub new ($class) {
    my $self = bless {children => [], stop_asked => 0}, $class;
    $SIG{$_} = sub { $self->{stop_asked} = 1 } for qw(INT TERM HUP);
    $SIG{$_} = sub { }                         for qw(CHLD ALRM);
    $SIG{PIPE} = 'IGNORE';
    my $signals = POSIX::SigSet->new(map { POSIX->can("SIG$_")->() } qw(INT TERM HUP CHLD ALRM));
    POSIX::sigprocmask(SIG_BLOCK, $signals) or die "cannot block signals: $!\n";
    return $self;
}

sub stop_asked ($self) { return $self->{stop_asked} }

# Starts a child:
#   name     for messages
#   command  with its arguments
#   account  the user to run as; left out, the runner's own
#   log      the file that gets its output
#   stop     [signal, seconds], ...: how to end it, each step when the one before was not enough; KILL
#            follows. The first is also what the kernel sends when the runner dies.
#   group    whether its processes must not outlive the first of them
sub start ($self, %child) {
    my $child = {%child, delay => FIRST_DELAY};
    push @{$self->{children}}, $child;
    _spawn($child);
    return;
}

# Waits until $check says yes. Fails when a child dies meanwhile, when a stop is asked for, or when it
# takes longer than $seconds.
sub await ($self, $what, $seconds, $check) {
    my $deadline = Time::HiRes::time() + $seconds;
    until ($check->()) {
        $self->_wait(0.02);
        die "stopped while waiting for $what\n" if $self->{stop_asked};
        my ($dead) = $self->_reap;
        die _obituary($dead) if $dead;
        die "waited $seconds seconds for $what\n" if Time::HiRes::time() > $deadline;
    }
    return;
}

# Looks after the children until a stop is asked for.
sub supervise ($self) {
    until ($self->{stop_asked}) {
        $self->_bury($_) for $self->_reap;
        my $now = Time::HiRes::time();
        my @waiting = grep { !$_->{pid} } @{$self->{children}};
        for my $child (grep { $_->{due} <= $now } @waiting) {
            _remains($child, $now) ? ($child->{due} = $now + LOOK_SECONDS) : _spawn($child);
        }
        my ($next) = sort { $a <=> $b } map { $_->{due} } grep { !$_->{pid} } @waiting;
        $self->_wait(defined $next ? $next - $now : undef);
    }
    return;
}

# Ends the children of these names together.
sub stop ($self, @names) {
    my %named = map { $_ => 1 } @names;
    $self->_end(grep { $named{$_->{name}} } @{$self->{children}});
    return;
}

sub _end ($self, @children) {
    for my $child (@children) {
        $child->{ending} = [@{$child->{stop}}, ['KILL', 5]];
        $child->{deadline} = 0;
    }
    while (@children = grep { $_->{pid} } @children) {
        my $now = Time::HiRes::time();
        for my $child (grep { $_->{deadline} <= $now } @children) {
            my ($signal, $seconds) = @{shift @{$child->{ending}} // return};
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
    $child->{log_start} = -s $log;
    $child->{since}     = Time::HiRes::time();
    $child->{pid}       = fork // die "cannot fork: $!\n";
    Runner::Command::become(\@command, $null, $log) if !$child->{pid};
    return;
}

# The children that have ended since the last look.
sub _reap ($self) {
    my @dead;
    for my $child (grep { $_->{pid} } @{$self->{children}}) {
        waitpid($child->{pid}, WNOHANG) == $child->{pid} or next;
        $child->{status} = $?;
        kill 'KILL', -$child->{pid} if $child->{group};
        $child->{was} = delete $child->{pid};
        push @dead, $child;
    }
    return @dead;
}

# Says that a child died, and when it will be started again.
sub _bury ($self, $child) {
    my $now = Time::HiRes::time();
    $child->{delay} = FIRST_DELAY if $now - $child->{since} > STEADY_SECONDS;
    say STDERR sprintf 'video-server: %s died (%s); starting it again in %.1f s',
        $child->{name}, _describe($child->{status}), $child->{delay};
    $child->{died} = $now;
    $child->{due} = $now + $child->{delay};
    $child->{delay} = 2 * $child->{delay} < LONGEST_DELAY ? 2 * $child->{delay} : LONGEST_DELAY;
    return;
}

# Whether something of the one that died has not ended yet, and still has its port or its memory.
sub _remains ($child, $now) {
    return 0 if !$child->{group} || $now > $child->{died} + GONE_SECONDS || !kill 0, -$child->{was};
    return scalar grep { _is_alive_in($_, $child->{was}) } glob '/proc/[0-9]*/stat';
}

# Whether the process, which that file is about (proc(5)), is in the group and more than a zombie.
sub _is_alive_in ($stat, $group) {
    open my $file, '<', $stat or return 0;
    my ($state, $its) = (<$file> // '') =~ /.*\) (\S) \d+ (\d+) /s or return 0;
    return $its == $group && $state !~ /[ZX]/;
}

sub _obituary ($child) {
    return sprintf "%s could not start (%s). The end of %s:\n%s", $child->{name},
        _describe($child->{status}), $child->{log}, _tail($child);
}

sub _describe ($status) {
    return $status & 127 ? 'signal ' . ($status & 127) : 'exit status ' . ($status >> 8);
}

# The last lines that the child wrote, of those since it was started.
sub _tail ($child) {
    open my $log, '<', $child->{log} or return "(cannot be read: $!)\n";
    seek $log, $child->{log_start}, 0;
    my @lines = <$log>;
    splice @lines, 0, @lines - TAIL_LINES if @lines > TAIL_LINES;
    return @lines ? join '', map { "    $_" } @lines : "    (nothing)\n";
}

# Waits for a signal, at most $seconds when they are given.
sub _wait ($self, $seconds) {
    Time::HiRes::alarm($seconds > 0.001 ? $seconds : 0.001) if defined $seconds;
    POSIX::sigsuspend(POSIX::SigSet->new);
    Time::HiRes::alarm(0);
    return;
}

1;
