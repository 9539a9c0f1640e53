package Bench::Load;

# Runs the load generator wrk and returns its results.

use v5.36;

use Cwd     ();
use FindBin ();

use constant {
    THREADS         => 2,
    TIMEOUT_SECONDS => 60,    # slower responses count as errors, without a latency
};

my $SCRIPT = Cwd::realpath("$FindBin::Bin/wrk.lua");

# Runs a load and returns its results.
#
# address       URL to request; with videos, paths or action: any URL of the server
# videos        request random videos with ids from 1 to this number
# paths         file with one path per line: request random ones of these
# action        'login': send logins with a wrong password
# connections   number of concurrent requests
# seconds       duration
# allow_errors  true: responses with an error status are expected
#
# Returns {requests, bytes, us, mean_us, p50_us, p99_us, max_us} and the values per second
# {requests_rate, bytes_rate}.
sub run ($class, %load) { return $class->start(%load)->finish }

# The same in two steps: start returns at once, finish returns the results.
sub start ($class, %load) {
    my $what = $load{action} // $load{videos} // ($load{paths} ? "paths=$load{paths}" : '');
    my @wrk = (
        'wrk', '-t', THREADS, '-c', $load{connections}, '-d', "$load{seconds}s",
        '--timeout', TIMEOUT_SECONDS . 's', '-s', $SCRIPT, $load{address}, '--', $what,
    );
    my $self = bless {%load}, $class;
    $self->{pid} = open $self->{out}, '-|', 'setpriv', '--pdeathsig=TERM', '--', @wrk or die "cannot run wrk: $!\n";
    return $self;
}

sub finish ($self) {
    my $output = $self->_output;
    my ($line) = $output =~ /^measured (.+)$/m or die "wrk failed:\n$output";
    my %measured = $line =~ /(\w+)=(\d+)/g;
    die "some requests to $self->{address} failed:\n$output"
        if (!$self->{allow_errors} && $measured{rejected}) || $measured{failed} || !$measured{bytes};
    $measured{"${_}_rate"} = $measured{$_} / $measured{us} * 1e6 for qw(requests bytes);
    return \%measured;
}

# Returns wrk's output. Stops wrk when a signal handler dies meanwhile.
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
