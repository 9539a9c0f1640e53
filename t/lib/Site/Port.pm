package Site::Port;

# Free ports. They lie below those that the kernel gives to outgoing connections.

use v5.36;

use IO::Socket::INET;

use constant {
    FIRST => 20_000,
    LAST  => 32_000,
};

# One that was free a moment ago.
sub free () {
    for (1 .. 1000) {
        my $port = FIRST + int rand LAST - FIRST;
        return $port if IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 1, ReuseAddr => 1);
    }
    die "there is no free port\n";
}

1;
