package Site::Port;

# Free ports, below the range that the kernel uses for outgoing connections. A port stays reserved until the
# test ends, even while nothing listens on it: a file lock keeps concurrent tests from taking it.

use v5.36;

use Fcntl      qw(LOCK_EX LOCK_NB);
use IO::Socket::INET;

use constant {
    FIRST => 20_000,
    LAST  => 32_000,
};

# Shared by the tests of all checkouts.
my $LOCKS = "/tmp/video-server-ports-$>";
my @held;

sub free () {
    mkdir $LOCKS;
    for (1 .. 1000) {
        my $port = FIRST + int rand LAST - FIRST;
        open my $lock, '>', "$LOCKS/$port" or die "cannot write $LOCKS/$port: $!\n";
        next if !flock $lock, LOCK_EX | LOCK_NB;
        next if !IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 1, ReuseAddr => 1);
        push @held, $lock;
        return $port;
    }
    die "there is no free port\n";
}

1;
