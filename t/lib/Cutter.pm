package Cutter;

# An unreliable network: a TCP proxy in front of a site that resets a connection once its client has sent
# more than a given number of bytes.
#
#   # Resets one connection after 200,000 bytes, then one after 500,000; afterwards it forwards everything.
#   my $cutter = Cutter->start($site->port, 200_000, 500_000);
#   ... $cutter->port ...
#   $cutter->stop;

use v5.36;

use IO::Select;
use IO::Socket::INET;
use POSIX  ();
use Socket qw(SO_LINGER SOL_SOCKET);

use constant BLOCK_BYTES => 16 * 1024;

# Runs the proxy in a child process, which ends with the test.
sub start ($class, $port, @budgets) {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64)
        or die "cannot listen: $!\n";
    pipe my $end, my $ours or die "no pipe: $!\n";
    my $pid = fork // die "cannot fork: $!\n";
    if (!$pid) {
        close $ours;
        _forward($listener, $port, $end, @budgets);
        POSIX::_exit(0);
    }
    return bless {pid => $pid, port => $listener->sockport, pipe => $ours}, $class;
}

sub port ($self) { return $self->{port} }

sub stop ($self) {
    close delete $self->{pipe} if $self->{pipe};
    waitpid delete $self->{pid}, 0 if $self->{pid};
    return;
}

sub DESTROY ($self) {
    local ($?, $!);
    $self->stop;
    return;
}

sub _forward ($listener, $port, $end, @budgets) {
    local $SIG{PIPE} = 'IGNORE';
    my $select = IO::Select->new($listener, $end);
    my %peer;      # for each socket, the one that receives its bytes
    my %sent;      # bytes sent so far, by client socket
    while (1) {
        for my $socket ($select->can_read) {
            return if $socket == $end;
            if ($socket == $listener) {
                my $client = $listener->accept or next;
                my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or next;
                @peer{$client, $server} = ($server, $client);
                $sent{$client} = 0;
                $select->add($client, $server);
                next;
            }
            my $other = $peer{$socket} // next;
            my $count = sysread $socket, my $bytes, BLOCK_BYTES;
            my $cut = 0;
            if ($count && exists $sent{$socket}) {
                $sent{$socket} += $count;
                $cut = @budgets && $sent{$socket} > $budgets[0] && shift @budgets;
            }
            next if $count && _write($other, $bytes) && !$cut;
            setsockopt $_, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 for $cut ? ($socket, $other) : ();
            delete @peer{$socket, $other};
            $select->remove($socket, $other);
            close $_ for $socket, $other;
        }
    }
}

sub _write ($socket, $bytes) {
    while (length $bytes) {
        my $count = syswrite $socket, $bytes or return 0;
        substr $bytes, 0, $count, '';
    }
    return 1;
}

1;
