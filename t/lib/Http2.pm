package Http2;

# One HTTP/2 connection to the site (RFC 9113) with any number of concurrent streams. A stream receives only
# as much of its body as the flow-control window that the test grants.
#
#   my $connection = Http2->connect($port);
#   my $stream = $connection->get('/stream/videos/1');
#   $connection->await(sub { $stream->{status} });
#   $connection->grant_window($stream, 1_000_000);
#   $connection->await(sub { $stream->{ended} });
#
# A stream is {number, status, body, ended, broken}.
#
#   is Http2->rejection($port, $ann->bytes('POST', '/stream/videos/1', body => 'x')), '403 006';

use v5.36;

use IO::Socket::INET;
use JSON::PP ();
use Time::HiRes qw(time);

use constant {
    PREFACE => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    DATA    => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6, GOAWAY => 7, WINDOW_UPDATE => 8,
    ACK     => 1, END_STREAM => 1, END_HEADERS => 4,
    CANCEL  => 8,
    CONNECTION_WINDOW => 1 << 30,
    BLOCK_BYTES => 256 * 1024,
    SECONDS     => 30,
};

# RFC 7541, appendix A: the indices of statuses in the static table.
my %STATUS = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404, 14 => 500);

sub connect ($class, $port) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "cannot connect: $!\n";
    my $self = bless {socket => $socket, port => $port, got => '', streams => {}, next => 1}, $class;
    $self->_send(PREFACE);
    $self->_frame(SETTINGS, 0, 0, '');
    $self->_frame(WINDOW_UPDATE, 0, 0, pack 'N', CONNECTION_WINDOW);
    return $self;
}

# Sends a GET request for the path. Returns the stream.
sub get ($self, $path) {
    return $self->_begin(END_STREAM, _header(':method' => 'GET') . $self->_address($path));
}

# Sends the headers of an HTTP/1.1 request given as bytes, and nothing of its body. Returns the stream.
sub start_request ($self, $bytes) {
    my ($line, @lines) = split /\r\n/, $bytes =~ s/\r\n\r\n.*//sr;
    my ($method, $path) = split / /, $line;
    my @headers = grep { !/^(?:host|connection):/i } @lines;
    return $self->_begin(0, join '', _header(':method' => $method), $self->_address($path),
        map { _header(lc $_->[0], $_->[1]) } map { [split /: /, $_, 2] } @headers);
}

# Sends only the headers of a request. Returns how it is rejected: the status and the error code.
sub rejection ($class, $port, $bytes) {
    my $self = $class->connect($port);
    my $stream = $self->start_request($bytes);
    $self->await(sub { $stream->{ended} || $stream->{broken} });
    $self->close;
    my $problem = eval { JSON::PP->new->utf8->decode($stream->{body}) } // {};
    return "$stream->{status} " . ($problem->{error_code} // 'no error code');
}

# Lets the site send this many more bytes of the stream's body.
sub grant_window ($self, $stream, $bytes) { return $self->_frame(WINDOW_UPDATE, 0, $stream->{number}, pack 'N', $bytes) }

# Cancels one stream; the others continue.
sub cancel ($self, $stream) { return $self->_frame(RST_STREAM, 0, $stream->{number}, pack 'N', CANCEL) }

# Receives frames until the check returns true. Returns false on a timeout or when the connection ends.
sub await ($self, $check, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    until ($check->()) {
        my $left = $deadline - time;
        vec(my $bits = '', fileno $self->{socket}, 1) = 1;
        return 0 if $left <= 0 || select($bits, undef, undef, $left) <= 0;
        sysread $self->{socket}, $self->{got}, BLOCK_BYTES, length $self->{got} or return 0;
        $self->_take_frame while length $self->{got} >= 9 && length $self->{got} >= 9 + $self->_length;
    }
    return 1;
}

sub close ($self) { return CORE::close $self->{socket} }

sub _begin ($self, $flags, $headers) {
    my $stream = {number => $self->{next}, status => 0, body => '', ended => 0, broken => 0};
    $self->{next} += 2;
    $self->_frame(HEADERS, $flags | END_HEADERS, $stream->{number}, $headers);
    return $self->{streams}{$stream->{number}} = $stream;
}

sub _address ($self, $path) {
    return _header(':scheme' => 'http') . _header(':path' => $path) . _header(':authority' => "localhost:$self->{port}");
}

# A literal header field (RFC 7541, 6.2.2).
sub _header ($name, $value) { return "\0" . join '', map { chr(length) . $_ } $name, $value }

sub _length ($self) { return unpack 'N', "\0" . substr $self->{got}, 0, 3 }

sub _take_frame ($self) {
    my $length = $self->_length;
    my ($type, $flags, $number) = unpack 'x3 C C N', $self->{got};
    my $payload = substr substr($self->{got}, 0, 9 + $length, ''), 9;
    my $stream = $self->{streams}{$number};
    if ($type == SETTINGS && !($flags & ACK)) { $self->_frame(SETTINGS, ACK, 0, '') }
    if ($type == PING && !($flags & ACK))     { $self->_frame(PING, ACK, 0, $payload) }
    return if !$stream;
    if ($type == HEADERS)    { $stream->{status} = _status($payload) }
    if ($type == DATA)       { $stream->{body} .= $payload }
    if ($type == RST_STREAM) { $stream->{broken} = 1 }
    if (($type == HEADERS || $type == DATA) && $flags & END_STREAM) { $stream->{ended} = 1 }
    return;
}

# The status is the first field: an index in the static table, or the index of its name and a literal value.
sub _status ($headers) {
    $headers =~ s/^[\x20-\x3f]+//;
    return $1 if $headers =~ /^\x48\x03(\d{3})/;
    return $STATUS{ord($headers) & 0x7f} // 0;
}

sub _frame ($self, $type, $flags, $number, $payload) {
    return $self->_send(substr(pack('N', length $payload), 1) . pack('C C N', $type, $flags, $number) . $payload);
}

sub _send ($self, $bytes) {
    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $count = syswrite $self->{socket}, $bytes or return 0;
        substr $bytes, 0, $count, '';
    }
    return 1;
}

1;
