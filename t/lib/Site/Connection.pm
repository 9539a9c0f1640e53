package Site::Connection;

# One TCP connection to the site, for a request at a time or for bytes as they are. Nothing here dies on
# what the site does: a connection that it refuses or resets is a connection that has ended.

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

# Options: to, the site's address; from, one of this machine's; buffer, the bytes that the kernel may
# receive while the test doesn't read.
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
sub sent   ($self) { return $self->{sent} }      # bytes of bodies and such that the kernel took

# Whether the site answered before all was sent. Then nginx waits a while for the rest before it closes.
sub was_answered ($self) { return $self->{was_answered} }

sub close ($self) {
    CORE::close $self->{socket} if $self->{socket};
    $self->{ended} = 1;
    return $self;
}

# Closes it with a TCP reset, as the kernel does for a client that has died.
sub reset ($self) {
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if !$self->{ended};
    return $self->close;
}

# Sends the bytes, then what the file holds. Stops early when the site answers meanwhile.
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

# Waits until what has come matches the pattern, the site closes, or the time is over. Returns whether it
# matches; what has come stays.
sub await ($self, $pattern, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    until ($self->{got} =~ $pattern) {
        return 0 if $self->{ended};
        $self->_wait($deadline) or return 0;
        $self->_receive;
    }
    return 1;
}

# One answer to a request with the method; the connection stays open, and what comes after the answer stays.
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

# All that comes until the site closes or the time is over; what was taken before is not in it.
sub rest ($self, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    $self->_receive while !$self->{ended} && $self->_wait($deadline);
    return $self->take;
}

# What has come so far.
sub take ($self) {
    my $got = $self->{got};
    $self->{got} = '';
    return $got;
}

# Whether the site has closed the connection, or does so in time.
sub is_closed ($self, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    $self->_receive while !$self->{ended} && $self->_wait($deadline);
    return $self->{ended};
}

# Waits until there is something to read, or one can write if that is asked for. Returns which; 0 when
# the time is over.
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
    return $count;    # undef when the site no longer listens; its answer may still be there to read
}

1;
