package Bench::Go;

# Builds the Go servers that video-server is compared with, and runs them as the same user
# as the site's pools.

use v5.36;

use IO::Socket::UNIX;

use Bench::Process;
use Runner::Command;

use constant GOPATH => '/usr/share/gocode';    # Debian's Go libraries

# name       name of the program
# source     path of its source file
# build      folder for compiled programs
# folder     folder for the socket, NAME.sock, and the log; writable by the account
# account    user to run as
# arguments  arguments after the socket's path
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
    die "cannot build $name:\n$output" if $status != 0;
    return $program;
}

1;
