package Site::Response;

# A response of the site, and the checks that tests make on it. Each check is one test and returns the
# response, so that checks can be chained.

use v5.36;

use JSON::PP ();
use Test::More ();

my %CODE_STATUS = (
    '001' => [400, 414, 416, 460], '002' => [413], '003' => [401],      '004' => [500, 503], '005' => [500],
    '006' => [403],           '007' => [404], '008' => [409, 412], '009' => [405],      '010' => [415],
    '011' => [429],           '012' => [503], '013' => [507],
);

# bytes: the raw response. request: method and path, for messages. site: for its logs.
sub new ($class, %about) {
    my ($head, $body) = split /\r\n\r\n/, $about{bytes}, 2;
    my ($status_line, @lines) = split /\r\n/, $head // '';
    my ($status) = ($status_line // '') =~ m{^HTTP/1\.[01] (\d{3})\b};
    my @headers = map { /^([^:\s]+):\s*(.*?)\s*$/ ? [lc $1, $2] : () } @lines;
    my $self = bless {%about, status => $status // 0, head => $head // '', headers => \@headers}, $class;
    my $coding = $self->header('Transfer-Encoding') // '';
    $self->{body} = $coding eq 'chunked' ? _unchunk($body // '') : $body // '';
    return $self;
}

sub status ($self) { return $self->{status} }    # 0 if there was no response
sub body   ($self) { return $self->{body} }
sub sent   ($self) { return $self->{sent} }      # the number of bytes sent of the request's body

# In scalar context the header's first value, in list context all of its values.
sub header ($self, $name) {
    my @values = map { $_->[1] } grep { $_->[0] eq lc $name } @{$self->{headers}};
    return wantarray ? @values : $values[0];
}

sub json ($self) {
    my $data = eval { JSON::PP->new->utf8->allow_nonref->decode($self->{body}) };
    $self->_check(0, "$self->{request} returns JSON") if $@;
    return $data // {};
}

# --- checks

sub is ($self, $status, $name = undef) {
    return $self->_check($self->{status} == $status, $name // "$self->{request} returns $status", "wanted $status");
}

sub header_is ($self, $header, $value, $name = undef) {
    my $got = $self->header($header);
    my $same = defined $value ? defined $got && $got eq $value : !defined $got;
    return $self->_check($same, $name // "$self->{request} returns the right $header", "wanted $header: " . ($value // '(none)'));
}

sub header_like ($self, $header, $pattern, $name = undef) {
    my $got = $self->header($header) // '';
    return $self->_check(scalar($got =~ $pattern), $name // "$self->{request} returns the right $header", "wanted $header like $pattern");
}

sub body_is ($self, $bytes, $name = undef) {
    return $self->_check($self->{body} eq $bytes, $name // "$self->{request} returns the right body",
        sprintf 'wanted a body of %d bytes, got %d%s', length $bytes, length $self->{body},
        length $bytes == length $self->{body} ? ', but different ones' : '');
}

# The body is exactly this JSON, including types. A pattern stands for any string that matches it.
sub json_is ($self, $wanted, $name = undef) {
    my $json = JSON::PP->new->canonical->allow_nonref;
    my $got = $self->json;
    my $text = $json->encode(_fill_patterns($wanted, $got));
    return $self->_check($json->encode($got) eq $text, $name // "$self->{request} returns the right body", "wanted $text");
}

# The wanted value, with each pattern replaced by the received string if that matches.
sub _fill_patterns ($wanted, $got) {
    my $kind = ref $wanted;
    if ($kind eq 'HASH') {
        my $members = ref $got eq 'HASH' ? $got : {};
        return {map { $_ => _fill_patterns($wanted->{$_}, $members->{$_}) } keys %$wanted};
    }
    if ($kind eq 'ARRAY') {
        my $elements = ref $got eq 'ARRAY' ? $got : [];
        return [map { _fill_patterns($wanted->[$_], $elements->[$_]) } 0 .. $#$wanted];
    }
    return $wanted if $kind ne 'Regexp';
    return defined $got && !ref $got && $got =~ $wanted ? "$got" : "$wanted";
}

sub like ($self, $pattern, $name = undef) {
    return $self->_check(scalar($self->{body} =~ $pattern), $name // "$self->{request} returns the right body", "wanted a body like $pattern");
}

# The response is a problem (RFC 9457) that conforms to the API's contract.
sub problem ($self, $code, $name = undef) {
    my $problem = eval { JSON::PP->new->utf8->decode($self->{body}) } // {};
    my $status = $self->{status};
    my @wrong;
    push @wrong, "the status of code $code is @{$CODE_STATUS{$code}}" if !grep { $_ == $status } @{$CODE_STATUS{$code}};
    push @wrong, 'Content-Type is application/problem+json'
        if ($self->header('Content-Type') // '') ne 'application/problem+json';
    push @wrong, "error_code is $code"  if ($problem->{error_code} // '') ne $code;
    push @wrong, 'status is the status' if ($problem->{status} // 0) != $status;
    push @wrong, "there is $_" for grep { !length($problem->{$_} // '') } qw(type title error request_id);
    push @wrong, "there is no $_" for grep { !/^(?:type|title|status|detail|request_id|error|error_code)$/ } sort keys %$problem;
    push @wrong, 'request_id is X-Request-Id' if ($problem->{request_id} // '') ne ($self->header('X-Request-Id') // '');
    push @wrong, 'there is Retry-After'
        if ($status == 429 || $status == 503) && ($self->header('Retry-After') // '') !~ /^[1-9]\d*$/;
    return $self->_check(!@wrong, $name // "$self->{request} returns a problem with error code $code", map { "wanted: $_" } @wrong);
}

# One test. If it fails, it shows the request, the response and the request's log lines.
sub _check ($self, $good, $name, @wanted) {
    local $Test::Builder::Level = $Test::Builder::Level + 2;
    Test::More::ok($good, $name) and return $self;
    my $body = length $self->{body} > 2000 ? substr($self->{body}, 0, 2000) . '…' : $self->{body};
    $body =~ s/[^\x20-\x7e\n]/./g;
    Test::More::diag(join "\n", @wanted, "request: $self->{request}", 'response: ' . ($self->{head} || 'none'), $body);
    my $id = $self->header('X-Request-Id');
    Test::More::diag(map { "log: $_" } $self->{site}->log_lines(qr/\Q$id/)) if $id && $self->{site};
    return $self;
}

sub _unchunk ($bytes) {
    my $body = '';
    while ($bytes =~ s/^([0-9a-fA-F]+)[^\r\n]*\r\n//) {
        my $size = hex $1 or last;
        $body .= substr $bytes, 0, $size, '';
        $bytes =~ s/^\r\n//;
    }
    return $body;
}

1;
