package Runner::Nginx;

# nginx's configuration, filled in from nginx/nginx.conf.in, and how to run nginx with it.

use v5.36;

use IO::Socket::IP;

use Runner::Command;

use constant {
    CONNECTIONS_MAX => 16_384,
    FORM_BYTES       => 64 * 1024,    # what a form puts around the file that is uploaded
};

# templates     the folder with nginx.conf.in
# folder        where the configuration and nginx's temporary files go
# pool, log, media, web  where the sockets, the log, the media and the website are
# account       the workers' user
# port, http2_port  what it listens on; the latter may be 0
# max_upload_bytes, open_files  the limits of the site and of a process
# trusted_proxies, cors_origins  lists of addresses and of origins
# stream_timeout  how long nginx waits for the pool of /stream, in seconds
# stream_burst    the bytes of a stream that no limit of its rate holds for
sub new ($class, %site) {
    return bless {%site, program => _program()}, $class;
}

# Fails when something else has a port.
sub check_port ($self) {
    $self->_check_port($self->{port}, 'VS_PORT');
    $self->_check_port($self->{http2_port}, 'VS_HTTP2_PORT') if $self->{http2_port};
    return;
}

sub _check_port ($self, $port, $setting) {
    for my $host ('0.0.0.0', $self->_has_ipv6 ? '::' : ()) {
        my %address = (LocalHost => $host, LocalPort => $port);
        next if IO::Socket::IP->new(%address, Listen => 1, ReuseAddr => 1, V6Only => 1);
        die $self->port_is_taken($port, $setting) if $!{EADDRINUSE};
        die "cannot listen on port $port: $!; set $setting to another one\n";
    }
    return;
}

sub port_is_taken ($self, $port = $self->{port}, $setting = 'VS_PORT') {
    return "port $port is taken by another program; set $setting to a free one\n";
}

# Writes the configuration and lets nginx check it.
sub configure ($self) {
    for my $name ('nginx.conf', 'fastcgi.conf', 'headers.conf', 'website.conf', 'cors.conf') {
        my $template = $name eq 'nginx.conf' ? "$name.in" : $name;
        _write("$self->{folder}/$name", $self->_fill(_read("$self->{templates}/$template")));
    }
    my ($status, $output) = Runner::Command::capture([@{$self->_command}, '-t', '-q']);
    die "nginx does not accept its configuration:\n$output" if $status != 0;
    return;
}

# See Runner::Children.
sub child ($self) {
    return (
        name    => 'nginx',
        command => $self->_command,
        stop    => [['QUIT', 5], ['TERM', 5]],
        group   => 1,
    );
}

sub _command ($self) {
    return [$self->{program}, '-c', "$self->{folder}/nginx.conf", '-g', 'daemon off;'];
}

sub _fill ($self, $template) {
    my %value = (
        USER         => $> == 0 ? sprintf('user %s %s;', $self->{account}->name, $self->{account}->group) : '',
        RUN_DIR      => $self->{pool},
        NGINX_DIR    => $self->{folder},
        LOG_DIR      => $self->{log},
        MEDIA_DIR    => $self->{media},
        WEB_DIR      => $self->{web},
        LISTEN       => $self->_listen,
        CONNECTIONS  => $self->_connections,
        UPLOAD_LIMIT => $self->{max_upload_bytes} + FORM_BYTES,
        STREAM_TIMEOUT => $self->{stream_timeout},
        REAL_IP      => $self->_real_ip,
        PROXIES      => join("\n", map { "        $_ 1;" } @{$self->{trusted_proxies}}),
        CORS_ORIGINS => join("\n", map { _origin($_) } @{$self->{cors_origins}}),
        CORS_HEADERS => @{$self->{cors_origins}} ? 'include cors.conf;' : '',
        STREAM_BURST => $self->{stream_burst},
    );
    for my $name (grep { /_DIR$/ } sort keys %value) {
        die "nginx cannot use the folder $value{$name}: a path must not contain \", \\ or \$\n"
            if $value{$name} =~ /["\\\$\x00-\x1f]/;
    }
    return $template =~ s{\@([A-Z_]+)\@}{$value{$1} // die "nginx.conf.in names \@$1\@, which is unknown\n"}ger;
}

sub _listen ($self) {
    my @ports = ([$self->{port}, ''], $self->{http2_port} ? [$self->{http2_port}, ' http2'] : ());
    my @addresses = map {
        my ($port, $protocol) = @$_;
        ("$port$protocol", $self->_has_ipv6 ? "[::]:$port ipv6only=on$protocol" : ());
    } @ports;
    return join "\n", map { "        listen $_;" } @addresses;
}

sub _real_ip ($self) {
    my @proxies = @{$self->{trusted_proxies}} or return '';
    return join "\n", (map { "    set_real_ip_from $_;" } @proxies),
        '    real_ip_header X-Forwarded-For;', '    real_ip_recursive on;';
}

# A row of a map. Only a regular expression tells upper from lower case.
sub _origin ($origin) { return sprintf '        "~^%s$" "%s";', quotemeta $origin, $origin }

# A viewer takes a descriptor for the connection and one for the file or the pool.
sub _connections ($self) {
    my $half = int($self->{open_files} / 2);
    return $half < CONNECTIONS_MAX ? $half : CONNECTIONS_MAX;
}

sub _has_ipv6 ($self) {
    return $self->{has_ipv6} //= IO::Socket::IP->new(LocalHost => '::1', LocalPort => 0, Listen => 1) ? 1 : 0;
}

sub _program () {
    for my $folder (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/usr/local/sbin') {
        return "$folder/nginx" if -x "$folder/nginx";
    }
    die "nginx is not installed: run deploy/install-packages\n";
}

sub _read ($path) {
    open my $file, '<', $path or die "cannot read $path: $!\n";
    local $/;
    return scalar <$file>;
}

sub _write ($path, $text) {
    open my $file, '>', $path or die "cannot write $path: $!\n";
    print {$file} $text;
    close $file or die "cannot write $path: $!\n";
    return;
}

1;
