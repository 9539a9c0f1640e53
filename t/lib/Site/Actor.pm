package Site::Actor;

# A client of the site: anonymous (the site object itself is such an actor), or a logged-in user who sends
# the session id with each request.

use v5.36;

use JSON::PP ();

use Site::Connection;
use Site::Media;
use Site::Response;

use constant {
    PASSWORD        => 'correct horse battery staple',
    REJECTION_SECONDS => 0.2,
};

sub new ($class, $site, %who) { return bless {site => $site, %who}, $class }

sub site    ($self) { return $self->{site} }
sub id      ($self) { return $self->{id} }
sub name    ($self) { return $self->{name} }
sub session ($self) { return $self->{session} }

# Registers the user if necessary, and logs in.
sub user ($self, $name, $password = PASSWORD) {
    my %body = (user_name => $name, pwd => $password);
    my $registered = $self->site->post('/api/users', \%body);
    $registered->is(201, "user $name registers") if $registered->status != 409;
    my $login = $self->site->post('/api/sessions', \%body)->is(200, "user $name logs in")->json;
    return Site::Actor->new($self->site, name => $name, id => $login->{user_id}, session => $login->{session_id});
}

sub get    ($self, $path, %options) { return $self->request('GET',    $path, %options) }
sub head   ($self, $path, %options) { return $self->request('HEAD',   $path, %options) }
sub delete ($self, $path, %options) { return $self->request('DELETE', $path, %options) }

# A body that is a reference is sent as JSON, a string unchanged.
sub post  ($self, $path, $body = undef, %options) { return $self->request('POST',  $path, _body($body), %options) }
sub patch ($self, $path, $body = undef, %options) { return $self->request('PATCH', $path, _body($body), %options) }
sub put   ($self, $path, $body = undef, %options) { return $self->request('PUT',   $path, _body($body), %options) }

# Sends a request on a new connection and returns its response. Options:
#   on       a kept connection to use instead, see Site::connect
#   headers  {name => value}; undef suppresses a default header
#   json     data for the body
#   body     bytes for the body
#   file     path of a file for the body; options before and after are bytes around it
#   seconds  how long to wait for each step
#   to, from, buffer  see Site::Connection
# With the header Expect: 100-continue the body is sent only after the site has answered 100.
sub request ($self, $method, $path, %options) {
    my $connection = $self->open($method, $path, %options);
    my $seconds = $options{seconds} // Site::Connection::SECONDS;
    my $one = $options{on} || $connection->was_answered;
    my $bytes = $one ? $connection->answer($method, $seconds) : $connection->rest($seconds);
    $bytes =~ s{^HTTP/1\.1 100 .*?\r\n\r\n}{}s;
    return Site::Response->new(
        bytes   => $bytes,
        request => "$method $path",
        site    => $self->site,
        sent    => $connection->{sent_body},
    );
}

# As request, but returns the connection as soon as the request has been sent.
sub open ($self, $method, $path, %options) {
    my ($body, $file, $length) = _content(\%options);
    my $seconds = $options{seconds} // Site::Connection::SECONDS;
    my $connection = $options{on}
        // Site::Connection->new($self->site->port, map { $_ => $options{$_} } qw(to from buffer));
    $connection->send($self->_head($method, $path, $length, \%options));
    my $sent_before = $connection->sent;
    if (($options{headers}{Expect} // '') ne '100-continue' || _is_asked_for_body($connection, $seconds)) {
        $connection->send($body, $file, $seconds);
        $connection->send($options{after}, undef, $seconds) if length($options{after} // '');
    }
    $connection->{sent_body} = $connection->sent - $sent_before;
    return $connection;
}

# The bytes of a request without a file, for a test that sends them itself.
sub bytes ($self, $method, $path, %options) {
    my ($body, undef, $length) = _content(\%options);
    return $self->_head($method, $path, $length, \%options) . $body;
}

# nginx sends 100 even when it rejects a request itself, but then the rejection follows at once.
sub _is_asked_for_body ($connection, $seconds) {
    $connection->await(qr/\r\n\r\n/, $seconds);
    $connection->await(qr/\r\n\r\n./s, REJECTION_SECONDS);
    return $connection->{got} =~ s{^HTTP/1\.1 100 .*?\r\n\r\n\z}{}s;
}

# Uploads the file of a video: a path, or a name that Site::Media::path makes a file for. as => 'multipart'
# sends it as a form, in the field `file`.
sub upload ($self, $video, $file, %options) {
    my $path = Site::Media::path($self->site->folder, $file);
    my $as = delete $options{as} // 'raw';
    my $type = $file =~ /\.webm$/ ? 'video/webm' : 'video/mp4';
    if ($as eq 'multipart') {
        my $boundary = 'between-' . int rand 1e9;
        my $disposition = 'Content-Disposition: form-data; name="file"; filename="' . $file =~ s{.*/}{}r . '"';
        $options{before} = "--$boundary\r\n$disposition\r\nContent-Type: $type\r\n\r\n";
        $options{after}  = "\r\n--$boundary--\r\n";
        $type = "multipart/form-data; boundary=$boundary";
    }
    $options{headers} = {'Content-Type' => $type, %{$options{headers} // {}}};
    return $self->request('POST', "/stream/videos/$video", file => $path, %options);
}

sub _body ($body) {
    return defined $body ? (ref $body ? 'json' : 'body', $body) : ();
}

# A request's body: its first bytes, the file that follows them, and the total length (undef: no body).
sub _content ($options) {
    if (defined $options->{file}) {
        CORE::open my $file, '<:raw', $options->{file} or die "cannot read $options->{file}: $!\n";
        my $before = $options->{before} // '';
        return ($before, $file, length($before) + (-s $file) + length($options->{after} // ''));
    }
    my $body = exists $options->{json} ? JSON::PP->new->utf8->canonical->encode($options->{json}) : $options->{body};
    return ($body // '', undef, defined $body ? length $body : undef);
}

sub _head ($self, $method, $path, $length, $options) {
    my %header = (Host => 'localhost:' . $self->site->port, Connection => $options->{on} ? undef : 'close');
    $header{'X-Session-Id'}   = $self->session       if defined $self->session;
    $header{'Content-Length'} = $length              if defined $length;
    $header{'Content-Type'}   = 'application/json'   if exists $options->{json};
    %header = (%header, %{$options->{headers} // {}});
    my @lines = map { defined $header{$_} ? "$_: $header{$_}\r\n" : () } sort keys %header;
    return join '', "$method $path HTTP/1.1\r\n", @lines, "\r\n";
}

1;
