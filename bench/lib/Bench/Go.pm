package Bench::Go;

# The servers in Go that video-server is compared with: builds them, and runs them as the user that the
# site's own pools run as.

use v5.36;

use IO::Socket::UNIX;

use Bench::Process;
use Runner::Command;

use constant GOPATH => '/usr/share/gocode';    # where Debian's packages have the libraries

# name         of the program
# source       the program's text
# build        the folder for compiled programs
# folder       one of the account's, for the socket, NAME.sock, and the log
# account      whom it runs as
# arguments    that it gets behind the socket's path
sub start ($class, %go) {
    my $program = _build(@go{qw(name source build)});
    my $socket = "$go{folder}/$go{name}.sock";
    return Bench::Process->start(
        name    => $go{name},
        command => [$program, $socket, @{$go{arguments}}],
        account => $go{account},
        log     => "$go{folder}/$go{name}.log",
        ready   => sub { IO::Socket::UNIX->new(Peer => $socket) },
    );
}

sub _build ($name, $source, $build) {
    my $program = "$build/$name";
    my @environment = (
        GO111MODULE => 'off',
        GOPATH      => GOPATH,
        GOFLAGS     => '',
        GOCACHE     => "$build/go-cache",
        CGO_ENABLED => 0,
    );
    local %ENV = (%ENV, @environment);
    my ($status, $output) = Runner::Command::capture(['go', 'build', '-o', $program, $source]);
    die "$name cannot be built:\n$output" if $status != 0;
    return $program;
}

1;
