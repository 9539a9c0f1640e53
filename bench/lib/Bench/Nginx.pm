package Bench::Nginx;

# A second nginx with the settings of the site's, in front of the Go servers and the media
# files.

use v5.36;

use IO::Socket::INET;

use Bench::Process;
use Site::Port;
use Site::Processes;

# template       template of the configuration
# like           configuration of the site's nginx
# program        nginx's executable
# folder         folder for nginx's files
# lookup, files  sockets of the Go servers
# media          folder of the media files
sub start ($class, %nginx) {
    my $port = Site::Port::free();
    my $configuration = "$nginx{folder}/nginx.conf";
    my $filled = _fill(_read($nginx{template}), _read($nginx{like}),
        PORT          => $port,
        FOLDER        => $nginx{folder},
        LOOKUP_SOCKET => $nginx{lookup},
        FILES_SOCKET  => $nginx{files},
        MEDIA_DIR     => $nginx{media},
    );
    open my $file, '>', $configuration or die "cannot write $configuration: $!\n";
    print {$file} $filled;
    close $file or die "cannot write $configuration: $!\n";
    my $process = Bench::Process->start(
        name    => 'the second nginx',
        command => [$nginx{program}, '-c', $configuration, '-g', 'daemon off;'],
        log     => "$nginx{folder}/nginx.log",
        ready   => sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) },
    );
    return bless {process => $process, port => $port}, $class;
}

sub address ($self) { return "http://127.0.0.1:$self->{port}" }
sub pids    ($self) { return map { $_->[0] } Site::Processes::below($self->{process}->pid) }
sub stop    ($self) { return $self->{process}->stop }

# Fills in the template. A lower-case name is replaced by that directive of the site's
# configuration, or by nothing when it is not set there; proxy_* directives take the
# values of the fastcgi_* ones.
sub _fill ($template, $like, %value) {
    my $directive = sub ($name) {
        my $as = $name =~ s/^proxy_/fastcgi_/r;
        return $like =~ /(?:^|[;{])\s*\Q$as\E(\s[^;]*;)/m ? "$name$1" : '';
    };
    return $template =~ s{\@(\w+)\@}{$value{$1} // $directive->($1)}ger;
}

sub _read ($path) {
    open my $file, '<', $path or die "cannot read $path: $!\n";
    local $/;
    return scalar <$file>;
}

1;
