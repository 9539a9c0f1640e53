package Bench::Slow;

# Ten thousand viewers at once who hardly read: what each of them costs our own processes, and how long
# somebody else waits for an answer meanwhile.

use v5.36;

use IO::Socket::INET;
use Socket      qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(time);

use Bench::Data;
use Bench::Table;
use Runner::Command;

use constant {
    VIEWERS      => 10_000,
    MORE_TOKENS  => 100,
    BUFFER_BYTES => 4096,
    REQUESTS     => 300,
    ROUNDS       => 2,       # in which each viewer reads a little
    GOAL_BYTES   => 200,
    GOAL_MS      => 50,
    KIB          => 1024,
};

sub prepare ($class, $stand) {
    my ($id, $film) = Bench::Data::add_film($stand->site);
    return bless {stand => $stand, path => "/stream/videos/$id"}, $class;
}

sub measure ($self, $options) {
    my $site = $self->{stand}->site;
    $self->_allow_open_files;
    my $before = $self->_memory;
    $self->{stand}->set_tokens(stream => VIEWERS + MORE_TOKENS);
    print STDERR 'opening ' . VIEWERS . " streams\n";
    my @viewers = map { $self->_view } 1 .. VIEWERS;
    for my $round (1 .. ROUNDS) {
        sysread $_, my $bytes, 1024 for @viewers;
    }
    $self->{bytes} = ($self->_memory - $before) / VIEWERS;
    print STDERR 'asking ' . REQUESTS . " times\n";
    my @ms = sort { $a <=> $b } map { $self->_ask } 1 .. REQUESTS;
    @$self{qw(median p99 worst)} = @ms[$#ms * 0.5, $#ms * 0.99, $#ms];
    close $_ for @viewers;
    return $self;
}

sub report ($self) {
    return (
        sprintf('Slow: %d viewers at once, who hardly read.', VIEWERS),
        Bench::Table::aligned(
            ['', 'bytes a stream', 'p50 ms', 'p99 ms', 'worst ms'],
            ['video-server', map { sprintf '%.1f', $_ } @$self{qw(bytes median p99 worst)}],
        ),
        'The bytes are of our own processes and of what they share; the times are of a request by somebody else.',
        sprintf('The goals are less than %d bytes and %d ms.', GOAL_BYTES, GOAL_MS),
        '',
    );
}

sub _view ($self) {
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $self->{stand}->site->port,
        Sockopts => [[SOL_SOCKET, SO_RCVBUF, pack 'i', BUFFER_BYTES]],
    ) or die "cannot connect: $!\n";
    syswrite $socket, "GET $self->{path} HTTP/1.1\r\nHost: localhost\r\n\r\n";
    sysread $socket, my $head, 1024;
    die 'a viewer is refused: ' . ($head // '') . "\n" if ($head // '') !~ m{^HTTP/1\.1 200 };
    return $socket;
}

# Milliseconds until a request on a connection of its own is answered.
sub _ask ($self) {
    my $begin = time;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{stand}->site->port)
        or die "cannot connect: $!\n";
    syswrite $socket, "GET $self->{path} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\r\nConnection: close\r\n\r\n";
    my $answer = do { local $/; <$socket> } // '';
    die "a request is refused: $answer\n" if $answer !~ m{^HTTP/1\.1 206 };
    return 1000 * (time - $begin);
}

# Bytes that the processes of fcgi-stream have for themselves and in their files on tmpfs.
sub _memory ($self) {
    my $site = $self->{stand}->site;
    my $sum = 0;
    $sum += _anonymous($_) for $site->pids('fcgi-stream');
    $sum += (stat $site->run_path($_))[12] * 512 for qw(bucket views recent);
    return $sum;
}

sub _anonymous ($pid) {
    open my $file, '<', "/proc/$pid/status" or die "cannot read /proc/$pid/status: $!\n";
    my ($kib) = map { /^RssAnon:\s+(\d+) kB/ } <$file>;
    return ($kib // 0) * KIB;
}

sub _allow_open_files ($self) {
    my $wanted = VIEWERS + 1000;
    Runner::Command::output(['prlimit', '--pid', $$, "--nofile=$wanted:"]);
    return;
}

1;
