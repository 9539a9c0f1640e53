package Runner::Nginx;

# Writes nginx's configuration from the template nginx/nginx.conf.in and runs nginx with
# it.

use v5.36;

use IO::Socket::IP;

use Runner::Command;

use constant {
    CONNECTIONS_MAX       => 16_384,
    FORM_OVERHEAD_BYTES   => 64 * 1024,     # multipart overhead of an upload by form
    UPLOAD_SECONDS        => 300,           # for the pool to store an upload, and
    COPY_BYTES_PER_SECOND => 20_000_000,    # what a slow disk copies out of a form
};

# templates         folder of nginx.conf.in
# folder            for the configuration and nginx's temporary files
# pool              folder of the pools' sockets and the journal
# log, media, web   folders of the log, the media files and the website
# account           user of nginx's workers
# port, http2_port  ports to listen on; an http2_port of 0 disables that listener
# max_upload_bytes  maximum size of a video file
# open_files        maximum number of open files per process
# trusted_proxies   list of addresses
# cors_origins      list of origins
# stream_timeout    seconds that nginx waits for the stream pool
# stream_burst      bytes at the start of a stream that are sent without a rate limit
sub new ($class, %site) {
    return bless {%site, program => _program()}, $class;
}

# Dies when a port is in use or this user may not listen on it.
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
        die "cannot listen on port $port: $!; set $setting to another port\n";
    }
    return;
}

sub port_is_taken ($self, $port = $self->{port}, $setting = 'VS_PORT') {
    return "port $port is taken by another program; set $setting to a free port\n";
}

# Writes the configuration. Dies when nginx rejects it.
sub configure ($self) {
    for my $name ('nginx.conf', 'fastcgi.conf', 'headers.conf', 'website.conf', 'cors.conf') {
        my $template = $name eq 'nginx.conf' ? "$name.in" : $name;
        _write("$self->{folder}/$name", $self->_fill(_read("$self->{templates}/$template")));
    }
    my ($status, $output) = Runner::Command::capture([@{$self->_command}, '-t', '-q']);
    die "nginx rejects its configuration:\n$output" if $status != 0;
    return;
}

# The arguments for Runner::Children::start.
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
        UPLOAD_LIMIT => $self->{max_upload_bytes} + FORM_OVERHEAD_BYTES,
        UPLOAD_TIMEOUT => UPLOAD_SECONDS + int($self->{max_upload_bytes} / COPY_BYTES_PER_SECOND),
        STREAM_TIMEOUT => $self->{stream_timeout},
        REAL_IP      => $self->_real_ip,
        PROXIES      => join("\n", map { "        $_ 1;" } @{$self->{trusted_proxies}}),
        CORS_ORIGINS => join("\n", map { _origin($_) } @{$self->{cors_origins}}),
        CORS_HEADERS => @{$self->{cors_origins}} ? 'include cors.conf;' : '',
        STREAM_BURST => $self->{stream_burst},
    );
    for my $name (grep { /_DIR$/ } sort keys %value) {
        die "nginx cannot use the folder $value{$name}: its path must not contain \", \\ or \$\n"
            if $value{$name} =~ /["\\\$\x00-\x1f]/;
    }
    return $template =~ s{\@([A-Z_]+)\@}{$value{$1} // die "nginx.conf.in contains \@$1\@, which has no value\n"}ger;
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

# A row of a map. Regular expressions are the only case-sensitive keys.
sub _origin ($origin) { return sprintf '        "~^%s$" "%s";', quotemeta $origin, $origin }

# Each viewer needs two descriptors: the connection, and the file or the connection to the
# pool.
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
    die "nginx is not installed; run deploy/install-packages run\n";
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
