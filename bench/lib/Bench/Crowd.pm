package Bench::Crowd;

# Many who upload at once, each a little now and then, in a process of their own.

use v5.36;

use IO::Socket::INET;
use POSIX       ();
use Time::HiRes qw(sleep time);

use constant {
    BYTES       => 10_000_000,    # of each film
    PIECE_BYTES => 1024,
    PIECE_S     => 1,             # between two pieces of one film
    TIMEOUT    => 60,
};

# Starts so many, and returns once all of them are being received.
sub start ($class, $site, $count, $session, $url) {
    pipe my $ready, my $tell or die "cannot make a pipe: $!\n";
    my $self = bless {owner => $$}, $class;
    $self->{pid} = fork // die "cannot fork: $!\n";
    if (!$self->{pid}) {
        $SIG{TERM} = 'DEFAULT';
        close $ready;
        eval { _upload([map { _begin($site, $session, $url) } 1 .. $count], $tell) };
        print STDERR $@;
        POSIX::_exit(1);
    }
    close $tell;
    defined readline $ready or die "the slow uploads do not begin\n";
    return $self;
}

sub stop ($self) {
    my $pid = delete $self->{pid} or return;
    local $?;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    return;
}

# One upload of which nothing has been sent yet; nginx asks for it when the gate lets it in.
sub _begin ($site, $session, $url) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $site->port) or die "cannot connect: $!\n";
    my ($path) = $url =~ m{^http://[^/]+(/.*)};
    syswrite $socket, "POST $path HTTP/1.1\r\nHost: localhost\r\nX-Session-Id: $session\r\n"
        . 'Content-Length: ' . BYTES . "\r\nExpect: 100-continue\r\n\r\n";
    return $socket;
}

# A piece of each in turn, for ever.
sub _upload ($sockets, $tell) {
    my $piece = 'x' x PIECE_BYTES;
    for my $socket (@$sockets) {
        sysread $socket, my $answer, 1024;
        die 'a slow upload is refused: ' . ($answer // '') . "\n" if ($answer // '') !~ m{^HTTP/1\.1 100 };
    }
    for (my $round = 0;; $round++) {
        for my $socket (@$sockets) {
            syswrite $socket, $piece or die "a slow upload has ended: $!\n";
            sleep PIECE_S / @$sockets if $round;
        }
        syswrite $tell, "ready\n" if !$round;
    }
    return;
}

sub DESTROY ($self) { return $$ == $self->{owner} ? $self->stop : () }

1;
