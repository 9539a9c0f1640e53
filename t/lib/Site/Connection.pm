package Site::Connection;

# One TCP connection to the site, for single requests or raw bytes. Nothing here dies because of what the
# site does: a connection that it refuses or resets is one that has ended.

use v5.36;

use Errno qw(EAGAIN EINTR);
use IO::Socket::IP;
use Socket      qw(SO_LINGER SO_RCVBUF SOL_SOCKET);
use Time::HiRes qw(time);

use constant {
    READABLE    => 1,
    WRITABLE    => 2,
    BLOCK_BYTES => 64 * 1024,
    SECONDS     => 30,
};

# Options: to, the site's address; from, the local address; buffer, the size of the kernel's receive buffer.
sub new ($class, $port, %options) {
    my $socket = IO::Socket::IP->new(
        PeerHost => $options{to} // '127.0.0.1',
        PeerPort => $port,
        $options{from}   ? (LocalHost => $options{from}) : (),
        $options{buffer} ? (Sockopts => [[SOL_SOCKET, SO_RCVBUF, pack 'i', $options{buffer}]]) : (),
    );
    $socket->blocking(0) if $socket;
    return bless {socket => $socket, got => '', sent => 0, ended => !$socket}, $class;
}

sub socket ($self) { return $self->{socket} }
sub sent   ($self) { return $self->{sent} }      # bytes that the kernel has accepted

# Whether the site answered before everything was sent. Then nginx waits for the rest before it closes.
sub was_answered ($self) { return $self->{was_answered} }

sub close ($self) {
    CORE::close $self->{socket} if $self->{socket};
    $self->{ended} = 1;
    return $self;
}

# Closes the connection with a TCP reset, as the kernel does for a client that has died.
sub reset ($self) {
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if !$self->{ended};
    return $self->close;
}

# Sends the bytes, then the contents of the file. Stops early when the site answers.
sub send ($self, $bytes, $file = undef, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    while (!$self->{ended}) {
        read $file, $bytes, BLOCK_BYTES, length $bytes if $file && length $bytes < BLOCK_BYTES;
        last if $bytes eq '';
        my $ready = $self->_wait($deadline, WRITABLE) or last;
        if ($ready & READABLE && $self->_receive) {
            $self->{was_answered} = 1;
            last;
        }
        next if !($ready & WRITABLE);
        my $count = $self->_write($bytes) // last;
        substr $bytes, 0, $count, '';
    }
    return $self;
}

# Waits until the received bytes match the pattern, the site closes, or the timeout expires. Returns whether
# they match. The bytes stay in the buffer.
sub await ($self, $pattern, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    until ($self->{got} =~ $pattern) {
        return 0 if $self->{ended};
        $self->_wait($deadline) or return 0;
        $self->_receive;
    }
    return 1;
}

# Reads the response to one request with this method. The connection stays open; later bytes stay in the
# buffer.
sub answer ($self, $method, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    do {
        $self->await(qr/\r\n\r\n/, $seconds) or return $self->take;
    } while $self->{got} =~ s{^HTTP/1\.1 100 .*?\r\n\r\n}{}s;
    my ($head) = $self->{got} =~ /^(.*?\r\n\r\n)/s;
    my $bodiless = $method eq 'HEAD' || $head =~ m{^HTTP/1\.1 (?:204|304) };
    my ($length) = $bodiless ? 0 : $head =~ /^Content-Length: (\d+)\r$/mi or die "an answer has no length:\n$head";
    my $bytes = length($head) + $length;
    $self->_receive while !$self->{ended} && length $self->{got} < $bytes && $self->_wait($deadline);
    return substr $self->{got}, 0, $bytes, '';
}

# Reads until the site closes or the timeout expires. Returns the bytes, without those taken before.
sub rest ($self, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    $self->_receive while !$self->{ended} && $self->_wait($deadline);
    return $self->take;
}

# Takes the received bytes out of the buffer.
sub take ($self) {
    my $got = $self->{got};
    $self->{got} = '';
    return $got;
}

# Whether the site closes the connection before the timeout.
sub is_closed ($self, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    $self->_receive while !$self->{ended} && $self->_wait($deadline);
    return $self->{ended};
}

# Waits until the socket is readable or, with $also, writable. Returns which; 0 on a timeout.
sub _wait ($self, $deadline, $also = 0) {
    while (1) {
        my $left = $deadline - time;
        return 0 if $left <= 0;
        my $bits = '';
        vec($bits, fileno $self->{socket}, 1) = 1;
        my $count = select my $read = $bits, my $write = $also ? $bits : undef, undef, $left;
        next if $count < 0 && $! == EINTR;
        return 0 if $count <= 0;
        return ($read eq $bits ? READABLE : 0) | ($also && $write eq $bits ? WRITABLE : 0);
    }
}

sub _receive ($self) {
    my $count = sysread $self->{socket}, $self->{got}, BLOCK_BYTES, length $self->{got};
    return 1 if $count;
    $self->{ended} = 1 if defined $count || ($! != EAGAIN && $! != EINTR);
    return 0;
}

sub _write ($self, $bytes) {
    local $SIG{PIPE} = 'IGNORE';
    my $count = syswrite $self->{socket}, $bytes, BLOCK_BYTES;
    return 0 if !defined $count && ($! == EAGAIN || $! == EINTR);
    $self->{sent} += $count // 0;
    return $count;    # undef when the site has closed its end; its response may still be readable
}

1;
