package Bench::Slow;

# Ten thousand concurrent viewers that hardly read: the memory that each one costs the
# site's own processes, and the response time of other requests meanwhile.

use v5.36;

use IO::Socket::INET;
use Socket      qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(time);

use Bench::Data;
use Bench::Table;
use Runner::Command;

use constant {
    VIEWERS      => 10_000,
    SPARE_TOKENS => 100,     # for the other requests
    BUFFER_BYTES => 4096,    # receive buffer of each viewer
    REQUESTS     => 300,
    ROUNDS       => 2,       # each viewer reads a little in each
    GOAL_BYTES   => 200,
    GOAL_MS      => 50,
    KIB          => 1024,
};

sub prepare ($class, $testbed) {
    my ($id) = Bench::Data::add_large_video($testbed->site);
    return bless {testbed => $testbed, path => "/stream/videos/$id"}, $class;
}

sub measure ($self, $options) {
    my $site = $self->{testbed}->site;
    $self->_allow_open_files;
    my $before = $self->_memory;
    $self->{testbed}->set_tokens(stream => VIEWERS + SPARE_TOKENS);
    print STDERR 'opening ' . VIEWERS . " streams\n";
    my @viewers = map { $self->_view } 1 .. VIEWERS;
    for my $round (1 .. ROUNDS) {
        sysread $_, my $bytes, 1024 for @viewers;
    }
    $self->{bytes} = ($self->_memory - $before) / VIEWERS;
    print STDERR 'sending ' . REQUESTS . " other requests\n";
    my @ms = sort { $a <=> $b } map { $self->_time_request } 1 .. REQUESTS;
    @$self{qw(p50 p99 max)} = @ms[$#ms * 0.5, $#ms * 0.99, $#ms];
    close $_ for @viewers;
    return $self;
}

sub report ($self) {
    return (
        sprintf('Slow: %d concurrent viewers that hardly read', VIEWERS),
        Bench::Table::aligned(
            ['', 'bytes per stream', 'p50 ms', 'p99 ms', 'max ms'],
            ['video-server', map { sprintf '%.1f', $_ } @$self{qw(bytes p50 p99 max)}],
        ),
        'bytes: private and shared memory of fcgi-stream; ms: response times of other requests',
        sprintf('goals: less than %d bytes per stream and %d ms', GOAL_BYTES, GOAL_MS),
        '',
    );
}

sub _view ($self) {
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1',
        PeerPort => $self->{testbed}->site->port,
        Sockopts => [[SOL_SOCKET, SO_RCVBUF, pack 'i', BUFFER_BYTES]],
    ) or die "cannot connect: $!\n";
    syswrite $socket, "GET $self->{path} HTTP/1.1\r\nHost: localhost\r\n\r\n";
    sysread $socket, my $head, 1024;
    die 'a viewer was rejected: ' . ($head // '') . "\n" if ($head // '') !~ m{^HTTP/1\.1 200 };
    return $socket;
}

# The response time, in milliseconds, of a request on its own connection.
sub _time_request ($self) {
    my $begin = time;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{testbed}->site->port)
        or die "cannot connect: $!\n";
    syswrite $socket, "GET $self->{path} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\r\nConnection: close\r\n\r\n";
    my $answer = do { local $/; <$socket> } // '';
    die "a request was rejected: $answer\n" if $answer !~ m{^HTTP/1\.1 206 };
    return 1000 * (time - $begin);
}

# The bytes of fcgi-stream's private memory and of its files on tmpfs.
sub _memory ($self) {
    my $site = $self->{testbed}->site;
    my $sum = 0;
    $sum += _anonymous($_) for $site->pids('fcgi-stream');
    $sum += (stat $site->run_path($_))[12] * 512 for qw(bucket views media_cache);
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
