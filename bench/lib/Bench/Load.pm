package Bench::Load;

# Runs wrk against an address, and tells what it has measured.

use v5.36;

use Cwd     ();
use FindBin ();

use constant {
    THREADS         => 2,
    TIMEOUT_SECONDS => 60,    # what takes longer is an error, and its latency unknown
};

my $SCRIPT = Cwd::realpath("$FindBin::Bin/wrk.lua");

# address      what to ask for; with videos or paths: of the server, or anything on it
# videos       ask for random ones of so many
# paths        a file that has a path in each line: ask for random ones of these
# does         'login': try to log in with a wrong password instead
# connections  how many requests are under way all the time
# seconds      for how long
# refused      whether the answers are refusals, which count then
# Returns {requests, bytes, us, mean_us, p50_us, p99_us, worst_us} and, made from them, per second,
# {requests_rate, bytes_rate}.
sub run ($class, %load) { return $class->begin(%load)->end }

# The same in two steps.
sub begin ($class, %load) {
    my $what = $load{does} // $load{videos} // ($load{paths} ? "paths=$load{paths}" : '');
    my @wrk = (
        'wrk', '-t', THREADS, '-c', $load{connections}, '-d', "$load{seconds}s",
        '--timeout', TIMEOUT_SECONDS . 's', '-s', $SCRIPT, $load{address}, '--', $what,
    );
    my $self = bless {%load}, $class;
    $self->{pid} = open $self->{out}, '-|', 'setpriv', '--pdeathsig=TERM', '--', @wrk or die "cannot run wrk: $!\n";
    return $self;
}

sub end ($self) {
    my $output = $self->_output;
    my ($line) = $output =~ /^measured (.+)$/m or die "wrk failed:\n$output";
    my %measured = $line =~ /(\w+)=(\d+)/g;
    die "not all requests of $self->{address} were answered well:\n$output"
        if (!$self->{refused} && $measured{refused}) || $measured{broken} || !$measured{bytes};
    $measured{"${_}_rate"} = $measured{$_} / $measured{us} * 1e6 for qw(requests bytes);
    return \%measured;
}

# A signal that comes meanwhile ends the command, too.
sub _output ($self) {
    my $out = $self->{out};
    my $output = eval { local $/; <$out> // '' };
    if (!defined $output) {
        my $failure = $@;
        $self->_stop;
        die $failure;
    }
    close $out;
    delete $self->{pid};
    return $output;
}

sub _stop ($self) {
    my $pid = delete $self->{pid} or return;
    local ($?, $!, $@);
    kill 'TERM', $pid;
    close $self->{out};
    return;
}

sub DESTROY ($self) { return $self->_stop }

1;
