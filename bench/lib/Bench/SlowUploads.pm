package Bench::SlowUploads;

# Many concurrent slow uploads, sent by a separate process.

use v5.36;

use IO::Socket::INET;
use POSIX       ();
use Time::HiRes qw(sleep time);

use constant {
    BYTES       => 10_000_000,    # of each upload
    CHUNK_BYTES => 1024,
    INTERVAL_S  => 1,             # between two chunks of one upload
};

# Starts $count uploads to $url. Returns when the server has begun to receive all of them.
sub start ($class, $site, $count, $session, $url) {
    pipe my $ready, my $writer or die "cannot create a pipe: $!\n";
    my $self = bless {owner => $$}, $class;
    $self->{pid} = fork // die "cannot fork: $!\n";
    if (!$self->{pid}) {
        $SIG{TERM} = 'DEFAULT';
        close $ready;
        eval { _upload([map { _begin($site, $session, $url) } 1 .. $count], $writer) };
        print STDERR $@;
        POSIX::_exit(1);
    }
    close $writer;
    defined readline $ready or die "the slow uploads did not start\n";
    return $self;
}

sub stop ($self) {
    my $pid = delete $self->{pid} or return;
    local $?;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return;
}

# Sends the request header of one upload. The server sends 100 when the gate has accepted
# it.
sub _begin ($site, $session, $url) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $site->port) or die "cannot connect: $!\n";
    my ($path) = $url =~ m{^http://[^/]+(/.*)};
    syswrite $socket, "POST $path HTTP/1.1\r\nHost: localhost\r\nX-Session-Id: $session\r\n"
        . 'Content-Length: ' . BYTES . "\r\nExpect: 100-continue\r\n\r\n";
    return $socket;
}

# Sends a chunk of each upload in turn, until the process is killed. Reports after the
# first round.
sub _upload ($sockets, $writer) {
    my $chunk = 'x' x CHUNK_BYTES;
    for my $socket (@$sockets) {
        sysread $socket, my $answer, 1024;
        die 'a slow upload was rejected: ' . ($answer // '') . "\n" if ($answer // '') !~ m{^HTTP/1\.1 100 };
    }
    for (my $round = 0;; $round++) {
        for my $socket (@$sockets) {
            syswrite $socket, $chunk or die "a slow upload was aborted: $!\n";
            sleep INTERVAL_S / @$sockets if $round;
        }
        syswrite $writer, "ready\n" if !$round;
    }
    return;
}

sub DESTROY ($self) { return $$ == $self->{owner} ? $self->stop : () }

1;
