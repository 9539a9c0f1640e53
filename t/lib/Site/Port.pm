package Site::Port;

# Free ports. They lie below those that the kernel gives to outgoing connections. One that a test has been given
# stays its own until it ends, also while nothing listens there: a lock says so to the tests that run beside it.

use v5.36;

use Fcntl      qw(LOCK_EX LOCK_NB);
use IO::Socket::INET;

use constant {
    FIRST => 20_000,
    LAST  => 32_000,
};

# Where the tests of all checkouts look.
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
