package Bench::Go;

# The server in Go that the lookup is compared with: builds it, and runs it on the site's database, as
# the user that the site's own pools run as.

use v5.36;

use IO::Socket::UNIX;

use Bench::Process;
use Runner::Command;

use constant GOPATH => '/usr/share/gocode';    # where Debian's packages have the libraries

# source       the program's text
# build        the folder for compiled programs
# folder       one of the account's, for the socket and the log
# account      whom it runs as
# database     the folder of PostgreSQL's socket
# connections  how many it may have to the database
sub start ($class, %go) {
    my $program = _build($go{source}, $go{build});
    my $url = sprintf 'host=%s dbname=video_server user=%s', $go{database}, $go{account}->name;
    my $socket = "$go{folder}/go.sock";
    return Bench::Process->start(
        name    => 'the server in Go',
        command => [$program, $socket, $url, $go{connections}],
        account => $go{account},
        log     => "$go{folder}/go.log",
        ready   => sub { IO::Socket::UNIX->new(Peer => $socket) },
    );
}

sub _build ($source, $build) {
    my $program = "$build/go-lookup";
    my @environment = (
        GO111MODULE => 'off',
        GOPATH      => GOPATH,
        GOFLAGS     => '',
        GOCACHE     => "$build/go-cache",
        CGO_ENABLED => 0,
    );
    local %ENV = (%ENV, @environment);
    my ($status, $output) = Runner::Command::capture(['go', 'build', '-o', $program, $source]);
    die "the server in Go cannot be built:\n$output" if $status != 0;
    return $program;
}

1;
