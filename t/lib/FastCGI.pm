package FastCGI;

# A FastCGI client that talks to a pool's unix socket directly. It can behave like nginx or, on purpose,
# send what nginx would never send.
# (https://fastcgi-archives.github.io/FastCGI_Specification.html)
#
#   my $pool = FastCGI->connect("$run/api.sock");
#   $pool->request({REQUEST_METHOD => 'GET', REQUEST_URI => '/api/videos'}, keep => 1)->{status};
#   $pool->send(FastCGI::begin(1), FastCGI::params(1, {...}));    # an incomplete request

use v5.36;

use IO::Socket::UNIX;
use Time::HiRes qw(time);

use constant {
    TYPE_BEGIN   => 1,
    TYPE_ABORT   => 2,
    TYPE_END     => 3,
    TYPE_PARAMS  => 4,
    TYPE_STDIN   => 5,
    TYPE_STDOUT  => 6,
    TYPE_STDERR  => 7,
    RESPONDER    => 1,
    KEEP_CONN    => 1,
    CONTENT_MAX => 65_535,
    SECONDS      => 20,
};

my %USUAL = (
    REQUEST_METHOD => 'GET',
    REQUEST_URI    => '/',
    CONTENT_TYPE   => '',
    CONTENT_LENGTH => '',
    REMOTE_ADDR    => '127.0.0.1',
    REQUEST_ID     => 'f' x 32,
);

sub usual () { return %USUAL }

# --- records

sub record ($type, $id, $content) {
    return pack('CCnnCC', 1, $type, $id, length $content, 0, 0) . $content;
}

sub begin ($id, $keep = 0) {
    return record(TYPE_BEGIN, $id, pack 'nCx5', RESPONDER, $keep ? KEEP_CONN : 0);
}

# A complete stream: its records and the empty record that ends it.
sub stream ($type, $id, $bytes) {
    my $records = '';
    $records .= record($type, $id, substr $bytes, 0, CONTENT_MAX, '') while length $bytes;
    return $records . record($type, $id, '');
}

sub stdin ($id, $bytes) { return stream(TYPE_STDIN, $id, $bytes) }
sub abort ($id)         { return record(TYPE_ABORT, $id, '') }

sub params ($id, $params) {
    my $bytes = join '', map { _length($_) . _length($params->{$_}) . $_ . $params->{$_} } sort keys %$params;
    return stream(TYPE_PARAMS, $id, $bytes);
}

sub _length ($text) {
    my $length = length $text;
    return $length < 128 ? pack 'C', $length : pack 'N', $length | 0x8000_0000;
}

# --- a connection

sub connect ($class, $path) {
    my $socket = IO::Socket::UNIX->new(Peer => $path) or die "cannot connect to $path: $!\n";
    return bless {socket => $socket, got => '', ended => 0}, $class;
}

# Sends raw bytes. Returns false when the pool has closed the connection.
sub send ($self, @bytes) {
    local $SIG{PIPE} = 'IGNORE';
    my $bytes = join '', @bytes;
    while (length $bytes) {
        my $count = syswrite $self->{socket}, $bytes;
        return 0 if !defined $count;
        substr $bytes, 0, $count, '';
    }
    return 1;
}

# Sends a complete request and returns its response, see answer. Default parameters come from usual().
# Options: body, keep, id.
sub request ($self, $params, %options) {
    my $id = $options{id} // 1;
    my $body = $options{body} // '';
    my %all = (%USUAL, length $body ? (CONTENT_LENGTH => length $body) : (), %$params);
    $self->send(begin($id, $options{keep}), params($id, \%all), stdin($id, $body));
    return $self->answer;
}

# Reads the response to one request: {status, head, headers, body, id, stderr, app_status, protocol_status}.
# Returns nothing when the pool closes the connection or the timeout expires; is_closed tells which.
sub answer ($self, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    my ($stdout, $stderr) = ('', '');
    while (my ($type, $id, $content) = $self->_record($deadline)) {
        $stdout .= $content if $type == TYPE_STDOUT;
        $stderr .= $content if $type == TYPE_STDERR;
        next if $type != TYPE_END;
        my ($app_status, $protocol_status) = unpack 'NC', $content;
        return {
            _parse($stdout),
            id              => $id,
            stderr          => $stderr,
            app_status      => $app_status,
            protocol_status => $protocol_status,
        };
    }
    return;
}

# Whether the pool closes the connection before the timeout. Bytes received meanwhile are kept.
sub is_closed ($self, $seconds = SECONDS) {
    my $deadline = time + $seconds;
    1 while !$self->{ended} && $self->_receive($deadline);
    return $self->{ended};
}

sub close ($self) { return CORE::close $self->{socket} }

sub _record ($self, $deadline) {
    while (1) {
        if (length $self->{got} >= 8) {
            my (undef, $type, $id, $length, $padding) = unpack 'CCnnC', $self->{got};
            if (length $self->{got} >= 8 + $length + $padding) {
                my $content = substr $self->{got}, 8, $length;
                substr $self->{got}, 0, 8 + $length + $padding, '';
                return ($type, $id, $content);
            }
        }
        $self->_receive($deadline) or return;
    }
}

# Returns false when the pool has closed the connection or the deadline has passed.
sub _receive ($self, $deadline) {
    my $left = $deadline - time;
    return 0 if $self->{ended} || $left <= 0;
    my $bits = '';
    vec($bits, fileno $self->{socket}, 1) = 1;
    return 0 if select($bits, undef, undef, $left) <= 0;
    my $count = sysread $self->{socket}, $self->{got}, 65_536, length $self->{got};
    $self->{ended} = 1 if !$count;
    return !$self->{ended};
}

sub _parse ($stdout) {
    my ($head, $body) = split /\r?\n\r?\n/, $stdout, 2;
    my %headers = map { /^([^:]+):\s*(.*)$/ ? (lc $1, $2) : () } split /\r?\n/, $head // '';
    my ($status) = ($headers{status} // '200') =~ /^(\d+)/;
    return (status => $status, head => $head // '', headers => \%headers, body => $body // '');
}

1;
